"""Clusters by density, and galaxies that are there more than once."""

import numpy as np

from index.clusters import density
from index.clusters.density import density_clusters
from index.clusters.repeats import mutual_pairs
from index.neighbours import NeighbourGraph, build_graph
from index.vectors.exact import ExactStore


def _blobs(n: int, *, alone: int = 0, seed: int = 0) -> np.ndarray:
    """Two thirds around one direction, a third around another, then some anywhere."""
    rng = np.random.default_rng(seed)
    centres = np.eye(5)[np.where(np.arange(n) % 3 == 0, 1, 0)]
    made = np.vstack([centres + rng.normal(size=(n, 5)) * 0.03, rng.normal(size=(alone, 5))])
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def test_dense_groups_are_found_the_largest_first_and_loners_belong_to_none():
    labels = density_clusters(ExactStore(_blobs(300, alone=10)))
    np.testing.assert_array_equal(labels[:300], np.where(np.arange(300) % 3 == 0, 1, 0))
    assert (labels[300:] == -1).mean() > 0.5


def test_withdrawn_galaxies_and_surveys_too_small_have_no_dense_group():
    vectors = _blobs(300)
    alive = np.arange(300) % 5 > 0
    labels = density_clusters(ExactStore(vectors), alive=alive)
    assert np.all(labels[~alive] == -1)
    assert np.all(labels[alive] >= 0)
    assert np.all(density_clusters(ExactStore(vectors[:49])) == -1)


def test_what_is_not_drawn_follows_its_nearest_drawn_galaxy(monkeypatch):
    monkeypatch.setattr(density, "MOST_FITTED", 240)
    labels = density_clusters(ExactStore(_blobs(300)))
    np.testing.assert_array_equal(labels, np.where(np.arange(300) % 3 == 0, 1, 0))


def test_pairs_are_mutual_and_at_least_as_similar_as_asked():
    rows = np.array([[1, 2], [0, 2], [3, 0], [2, 1]], np.int32)
    similarity = np.array([[0.99, 0.9], [0.99, 0.8], [0.95, 0.9], [0.95, 0.1]], np.float32)
    graph = NeighbourGraph(rows, similarity)
    np.testing.assert_array_equal(mutual_pairs(graph, 0.9), [[0, 1], [0, 2], [2, 3]])
    # 1 has 2 among its neighbours, 2 has not 1.
    np.testing.assert_array_equal(mutual_pairs(graph, 0.7), [[0, 1], [0, 2], [2, 3]])
    assert mutual_pairs(graph, 0.999).shape == (0, 2)


def test_copies_of_a_vector_are_pairs_and_nothing_else_is():
    vectors = np.random.default_rng(0).normal(size=(50, 8))
    vectors[[30, 40]] = vectors[[3, 4]]
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = mutual_pairs(build_graph(ExactStore(unit), 10, threads=1), 0.9999)
    np.testing.assert_array_equal(found, [[3, 30], [4, 40]])


def test_copies_are_pairs_in_half_precision_too():
    vectors = np.random.default_rng(0).normal(size=(40, 48))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    store = ExactStore(np.concatenate([unit, unit]).astype(np.float16))
    graph, norms = build_graph(store, 10, threads=1), np.linalg.norm(store.vectors(slice(None)), axis=1)
    copies = np.stack([np.arange(40), np.arange(40) + 40], axis=1)
    np.testing.assert_array_equal(mutual_pairs(graph, 0.9999, norms=norms), copies)
    # Their similarities are squares of norms that rounding has made less than 1.
    assert len(mutual_pairs(graph, 0.9999)) < 40
