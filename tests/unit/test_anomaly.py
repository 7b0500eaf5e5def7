"""The anomaly score is a percentile of the release's own distances."""

from __future__ import annotations

import numpy as np
import pytest

from index.anomaly import ANOMALY_K, AnomalyScale, knn_distances
from index.neighbours import build_graph
from index.vectors.exact import ExactStore


@pytest.fixture(scope="module")
def scale():
    rng = np.random.default_rng(6)
    vectors = np.concatenate([rng.normal([5, 0, 0, 0], 0.5, (99, 4)), [[-1, 0, 0, 0]]]).astype(np.float32)
    store = ExactStore(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    graph = build_graph(store)
    return AnomalyScale(knn_distances(graph), store, graph)


def test_percentiles_of_the_release_itself_are_uniform(scale):
    assert sorted(scale.percentile(scale.distances)) == pytest.approx(np.arange(1, 101))


def test_the_distance_is_the_mean_over_the_nearest_ten(scale):
    vectors = scale._store.vectors(slice(None)).astype(np.float64)
    similarity = np.sort(vectors @ vectors.T, axis=1)[:, ::-1][:, 1 : ANOMALY_K + 1]
    assert scale.distances == pytest.approx(1 - similarity.mean(axis=1), abs=1e-6)


def test_the_lonely_galaxy_comes_first_and_has_percentile_100(scale):
    assert scale.ranked()[0] == 99
    assert scale.score_row(99).percentile == 100


def test_a_galaxy_of_the_release_scores_without_itself(scale):
    vector = scale._store.vector(3)
    known, unknown = scale.score(vector, exclude_row=3), scale.score(vector)
    assert 3 not in known.nearest_rows
    assert unknown.nearest_rows[0] == 3
    assert known.knn_distance == pytest.approx(float(scale.distances[3]))
    assert known.knn_distance > unknown.knn_distance


@pytest.mark.parametrize("row", range(0, 100, 9))
def test_an_image_of_a_galaxy_ranks_with_it_whatever_the_rounding(scale, row):
    own = scale._store.vector(row).astype(np.float64)
    away = np.random.default_rng(row).normal(0, 1e-7, 4)
    vector = ((own + away) / np.linalg.norm(own + away)).astype(np.float32)
    found = scale.score(vector, without=np.array([row]))
    assert found.percentile >= scale.score_row(row).percentile
    assert found.percentile <= scale.score_row(row).percentile + 1
    kth = float(1 - scale._graph.similarity[row, ANOMALY_K - 1])
    assert scale.kth_percentile(kth - 3e-7) == scale.kth_percentile(kth)


def test_what_is_nearer_than_everything_has_percentile_0(scale):
    assert scale.percentile(-1.0) == 0


def test_ranking_falls(scale):
    assert np.all(np.diff(scale.distances[scale.ranked()]) <= 0)


def test_a_release_of_one_galaxy_has_nothing_unusual():
    store = ExactStore(np.array([[1.0, 0.0]], np.float32))
    graph = build_graph(store)
    alone = AnomalyScale(knn_distances(graph), store, graph)
    assert alone.score_row(0).knn_distance == 0
