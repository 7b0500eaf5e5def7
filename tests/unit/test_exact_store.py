"""Exact search: what it answers at its edges, and how it runs FAISS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest

from index.vectors import scoring
from index.vectors.exact import ExactStore
from index.vectors.store import BadQuery


def unit(rng, *shape):
    vectors = rng.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture
def store(rng):
    return ExactStore(unit(rng, 300, 48))


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_a_stored_vector_finds_itself_first(store):
    hits = store.search(store.vectors(slice(None)), 3)
    assert (hits.rows[:, 0] == np.arange(store.n)).all()
    assert np.allclose(hits.similarity[:, 0], 1, atol=1e-6)


def test_batches_beyond_a_handful_take_the_blas_path(store):
    # FAISS multiplies without BLAS while queries x dimension stay below this; its default is 128000.
    assert faiss.cvar.distance_compute_blas_threshold <= 16 * store.dimension


def test_a_query_gets_the_same_answer_alone_and_in_a_batch(store, rng):
    queries = unit(rng, 64, 48)
    batch = store.search(queries, 7)
    alone = [store.search(query[None], 7) for query in queries]
    assert np.array_equal(batch.rows, np.concatenate([hits.rows for hits in alone]))
    assert np.array_equal(batch.similarity, np.concatenate([hits.similarity for hits in alone]))


def test_identical_vectors_come_in_row_order(rng):
    vectors = np.repeat(unit(rng, 3, 16), 40, axis=0)
    hits = ExactStore(vectors).search(vectors[50:51], 25)
    assert hits.rows[0].tolist() == list(range(40, 65))


def test_more_neighbours_than_vectors_means_all_without_padding(store, rng):
    hits = store.search(unit(rng, 2, 48), 1000)
    assert hits.rows.shape == (2, store.n)
    assert hits.lengths.tolist() == [store.n] * 2
    assert sorted(hits.rows[0].tolist()) == list(range(store.n))


@pytest.mark.parametrize("n_allowed", [0, 1, 5, 150, 300])
def test_a_mask_allows_exactly_its_rows(store, rng, n_allowed):
    allowed = np.zeros(store.n, bool)
    allowed[rng.permutation(store.n)[:n_allowed]] = True
    queries = unit(rng, 4, 48)
    hits = store.search(queries, 10, allowed=allowed)
    expected = np.argsort(
        -np.where(allowed, queries @ store.vectors(slice(None)).T, -2), axis=1, kind="stable"
    )
    assert np.array_equal(hits.rows, expected[:, : min(10, n_allowed)])
    assert hits.rows.shape[1] == min(10, n_allowed)


def test_masks_wider_than_a_block_are_merged(monkeypatch, store, rng):
    monkeypatch.setattr("index.vectors.blocks._GATHERED_BYTES", 4 * 48 * 32)
    allowed = rng.random(store.n) < 0.5
    queries = unit(rng, 3, 48)
    hits = store.search(queries, 10, allowed=allowed)
    expected = np.argsort(
        -np.where(allowed, queries @ store.vectors(slice(None)).T, -2), axis=1, kind="stable"
    )
    assert np.array_equal(hits.rows, expected[:, :10])


def test_no_queries_give_no_hits(store):
    assert store.search(np.empty((0, 48), np.float32), 5).rows.shape == (0, 5)


def test_candidates_are_scored_in_bounded_memory(monkeypatch, store):
    whole = store.above(store.vector(3), -1.0)
    monkeypatch.setattr(scoring, "_GATHERED", 7 * 48)
    for found, expected in zip(store.above(store.vector(3), -1.0), whole, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(whole[0]) == store.n


def test_the_least_similarity_of_all_leaves_nothing_out():
    rounded = np.full((2, 2), 0.70752, np.float16)  # Rounding made it longer than 1.
    rows, similarity = ExactStore(rounded).above(-np.full(2, np.sqrt(0.5), np.float32), -1.0)
    assert rows.tolist() == [0, 1]
    assert similarity.tolist() == [-1.0, -1.0]


@pytest.mark.parametrize(
    ("queries", "k", "mask", "message"),
    [
        (np.full((1, 48), np.nan), 5, None, "not finite"),
        (np.full((1, 48), np.inf), 5, None, "not finite"),
        (np.ones((1, 47)), 5, None, "48 dimensions"),
        (np.ones(48), 5, None, "48 dimensions"),
        (np.ones((1, 48)), 0, None, "at least 1"),
        (np.ones((1, 48)), 5, np.ones(299, bool), "300 vectors"),
    ],
)
def test_queries_without_an_answer_are_refused(store, queries, k, mask, message):
    with pytest.raises(BadQuery, match=message):
        store.search(queries.astype(np.float32), k, allowed=mask)


def test_a_vector_that_is_not_finite_is_refused(rng):
    vectors = unit(rng, 20, 8)
    vectors[13, 2] = np.nan
    with pytest.raises(ValueError, match="vector 13 is not finite"):
        ExactStore(vectors)


@pytest.mark.parametrize("shape", [(0, 8), (8, 0), (8,)])
def test_an_empty_store_is_refused(shape):
    with pytest.raises(ValueError, match="at least one row"):
        ExactStore(np.ones(shape, np.float32))


def test_one_thread_holds_in_every_thread_of_a_server(store):
    def searched() -> int:
        store.search(store.vectors(slice(0, 64)), 5)
        return faiss.omp_get_max_threads()

    with ThreadPoolExecutor(2) as pool:
        assert {pool.submit(searched).result() for _ in range(4)} == {1}
