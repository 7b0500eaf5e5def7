"""An image's distance to its neighbours beside those of the release's own galaxies."""

from __future__ import annotations

import numpy as np
import pytest

from index.neighbours import NeighbourGraph, build_graph
from index.remoteness import REMOTENESS_K, Remoteness
from index.vectors.exact import ExactStore


@pytest.fixture(scope="module")
def store():
    rng = np.random.default_rng(6)
    vectors = np.concatenate([rng.normal([5, 0, 0, 0], 0.5, (99, 4)), [[-1, 0, 0, 0]]]).astype(np.float32)
    return ExactStore(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@pytest.fixture(scope="module")
def nearest(store):
    """Distances to the ten nearest others by brute force, nearest first."""
    vectors = store.vectors(slice(None)).astype(np.float64)
    return 1 - np.sort(vectors @ vectors.T, axis=1)[:, ::-1][:, 1 : REMOTENESS_K + 1]


@pytest.fixture(scope="module")
def remoteness(store):
    return Remoteness(build_graph(store))


def test_percentiles_of_the_release_itself_are_uniform(remoteness, nearest):
    # Where neighbours lie nearer to each other than rounding, two galaxies share a rank.
    ranks = pytest.approx(np.arange(1, 101), abs=3)
    assert sorted(map(remoteness.percentile, nearest[:, -1])) == ranks
    assert sorted(map(remoteness.mean_percentile, nearest.mean(axis=1))) == ranks


@pytest.mark.parametrize("row", range(0, 100, 9))
def test_an_image_of_a_galaxy_ranks_with_it_whatever_the_rounding(remoteness, nearest, row):
    for share, distances in (
        (remoteness.percentile, nearest[:, -1]),
        (remoteness.mean_percentile, nearest.mean(axis=1)),
    ):
        own, next_ones = (int(np.sum(distances <= distances[row] + more)) for more in (2e-7, 2e-6))
        assert own <= round(share(distances[row] - 2e-7)) <= next_ones


def test_what_is_nearer_than_everything_has_percentile_0_and_farther_100(remoteness):
    for share in (remoteness.percentile, remoteness.mean_percentile):
        assert (share(-1.0), share(2.0)) == (0, 100)


def test_a_release_of_one_galaxy_has_nothing_remote():
    alone = Remoteness(build_graph(ExactStore(np.array([[1.0, 0.0]], np.float32))))
    assert (alone.k, alone.percentile(0), alone.mean_percentile(0)) == (0, 100, 100)


def test_a_withdrawn_row_and_neighbours_that_do_not_count_are_left_out():
    similarity = np.array([[0.9, 0.5], [0.9, -1], [-1, -1]], np.float32)
    graph = NeighbourGraph(
        np.array([[1, 0], [0, 1], [2, 2]], np.int32), similarity, np.array([2, 1, 0], np.int32)
    )
    remoteness = Remoteness(graph)
    # Tenth neighbours lie at 0.5 and 0.1, means are 0.3 and 0.1.
    assert [remoteness.percentile(d) for d in (0.05, 0.11, 0.51)] == [0, 50, 100]
    assert [remoteness.mean_percentile(d) for d in (0.05, 0.11, 0.31)] == [0, 50, 100]
