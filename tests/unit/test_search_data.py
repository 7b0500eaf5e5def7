"""What the search benchmarks grow and compare with is right."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import search_data
from search_figures import size_name, wilson
from search_intrinsic import intrinsic_dimension


def unit(n, dimension=128, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(n, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("dimension", [3, 8])
def test_the_dimension_of_a_flat_cloud_is_found(dimension):
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(40, dimension)))[0]
    cloud = (rng.normal(size=(4000, dimension)) @ axes.T).astype(np.float32)
    found = intrinsic_dimension(cloud, rng)
    # Both run low at the edge of a cloud, the more the higher its dimension.
    assert found.levina_bickel == pytest.approx(dimension, rel=0.2)
    assert found.two_nn == pytest.approx(dimension, rel=0.2)


def test_the_truth_is_brute_force_over_all_blocks(monkeypatch):
    monkeypatch.setattr(search_data, "_BLOCK", 64)
    base, queries = unit(500), unit(7, seed=1)
    expected = np.argsort(-(queries @ base.T), axis=1)[:, :10]
    np.testing.assert_array_equal(search_data.truth(base, queries), expected)
    assert search_data.truth(base[:4], queries).shape == (7, 4)


def test_recall_counts_what_was_found_of_what_is_true():
    true = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert search_data.recall([[1, 2, 3, 4], [8, 9]], true) == 5 / 8


def test_grown_vectors_follow_the_real_ones_and_the_seed():
    real = unit(200)
    grown = search_data.grow(real, 900, np.random.default_rng(3))
    np.testing.assert_array_equal(grown, search_data.grow(real, 900, np.random.default_rng(3)))
    np.testing.assert_allclose(grown[:200], real, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(grown, axis=1), 1, atol=1e-6)
    assert len(np.unique(grown, axis=0)) == 900


def test_stored_vectors_are_those_of_a_release():
    half = unit(50).astype(np.float16)
    stored = search_data.as_stored(half)
    np.testing.assert_allclose(np.linalg.norm(stored, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(search_data.as_stored(stored.astype(np.float16)).astype(np.float16), half)


def test_the_interval_of_a_share_is_wilsons():
    """Of one half among 100: (0.404, 0.596); of all among 10: (0.722, 1)."""
    np.testing.assert_allclose(wilson(0.5, 100), (0.404, 0.596), atol=5e-4)
    np.testing.assert_allclose(wilson(1.0, 10), (0.722, 1.0), atol=5e-4)


def test_sizes_are_named_short():
    assert [size_name(n) for n in (20_000, 300_000, 1_000_000)] == ["20k", "300k", "1m"]
