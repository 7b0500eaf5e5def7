"""Blocks of allowed vectors hold each of them once."""

from __future__ import annotations

import numpy as np
import pytest

from index.vectors import blocks as module
from index.vectors.blocks import blocks
from index.vectors.exact import ExactStore


@pytest.fixture
def small(monkeypatch):
    """Blocks of at most 30 rows, gathered 20 at a time, windows of 8."""
    monkeypatch.setattr(module, "_NUMBERS", 30 * 4)
    monkeypatch.setattr(module, "_GATHERED_BYTES", 20 * 4 * 4)
    monkeypatch.setattr(module, "_WINDOW", 8)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("share", [0, 0.02, 0.2, 0.4, 0.9, 1, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("n", [1, 8, 333])
def test_each_allowed_row_is_in_one_block_with_its_vector(share, dtype, n):
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(n, 4)).astype(dtype)
    allowed = None if share is None else rng.random(n) < share
    given = []
    for block in blocks(vectors, allowed):
        assert len(block.rows) <= 30
        assert block.vectors.dtype == np.float32
        np.testing.assert_array_equal(block.vectors, vectors[block.rows])
        given += block.rows[slice(None) if block.allowed is None else block.allowed].tolist()
    expected = np.arange(n) if allowed is None else np.flatnonzero(allowed)
    assert sorted(given) == expected.tolist()


@pytest.mark.usefixtures("small")
def test_a_search_over_many_small_blocks_is_brute_force():
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(500, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for share in (0.05, 0.3, 0.8):
        allowed = rng.random(500) < share
        rows = np.flatnonzero(allowed)
        hits = ExactStore(vectors).search(vectors[:50], 7, allowed=allowed)
        similarity = vectors[:50].astype(np.float64) @ vectors[rows].T.astype(np.float64)
        np.testing.assert_array_equal(hits.rows, rows[np.argsort(-similarity, axis=1)[:, :7]])


def test_a_vector_a_hair_below_the_limit_is_not_above_it():
    store = ExactStore(np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32))
    query, edge = np.array([1, 0], np.float32), np.float32(0.6)
    assert store.above(query, float(edge))[0].tolist() == [0, 1]
    assert store.above(query, float(np.nextafter(edge, np.float32(1))))[0].tolist() == [0]
