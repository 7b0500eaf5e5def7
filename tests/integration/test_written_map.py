"""The map and the clusters that are written with a release."""

import numpy as np
import pytest

from index.clusters.mixture import CLUSTERS, Mixture
from index.maps import writing
from index.maps.layouts import tsne_layout
from index.maps.writing import write_map
from index.neighbours import build_graph
from index.vectors.exact import ExactStore

GROUPS = 4


def _parts(n: int, dimension: int = 12):
    rng = np.random.default_rng(0)
    centres = np.eye(dimension)[np.arange(n) % GROUPS]
    made = centres + rng.normal(size=(n, dimension)) * 0.15
    store = ExactStore((made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32))
    return store, build_graph(store, min(100, n - 1), threads=1)


def _apart(xy: np.ndarray) -> float:
    """How far the groups' middles are from each other, in units of their own radius."""
    middles = np.stack([xy[group::GROUPS].mean(axis=0) for group in range(GROUPS)])
    radius = np.mean([np.linalg.norm(xy[g::GROUPS] - middles[g], axis=1).mean() for g in range(GROUPS)])
    between = np.linalg.norm(middles[:, None] - middles[None], axis=2)
    return float(between[np.triu_indices(GROUPS, 1)].min() / radius)


def test_umap_lays_groups_apart_and_says_how_well_it_holds(tmp_path):
    pytest.importorskip("umap")
    store, graph = _parts(500)
    steps = []
    made = write_map(tmp_path, store, graph, progress=lambda done, total: steps.append((done, total)))
    xy = np.stack([made.columns["map_x"], made.columns["map_y"]], axis=1)
    assert made.said["method"] == "umap"
    assert made.said["n_laid_out"] == 500
    assert _apart(xy) > 2
    assert made.said["trustworthiness"] > 0.7
    assert made.said["continuity"] > 0.7
    assert 0 < made.said["displacement_median"] < 0.5
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_small_release_gets_principal_components_and_its_clusters_are_written(tmp_path):
    store, graph = _parts(120)
    made = write_map(tmp_path, store, graph, method="umap", seed=3)
    again = write_map(tmp_path, store, graph, method="umap", seed=3)
    assert made.said["method"] == "pca"
    assert made.said == again.said
    for name in ("map_x", "map_y", "cluster"):
        np.testing.assert_array_equal(made.columns[name], again.columns[name])
    mixture = Mixture.open(tmp_path)
    found = mixture.assign(store.vectors(slice(None)))
    np.testing.assert_array_equal(found.cluster, made.columns["cluster"])
    for cluster, rows in enumerate(mixture.exemplars):
        assert np.all(made.columns["cluster"][rows[rows >= 0]] == cluster)


def test_without_umap_there_is_no_map_and_the_reason_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "has_umap", lambda: False)
    monkeypatch.setattr(writing, "_SMALL", 100)
    made = write_map(tmp_path, *_parts(120))
    assert made.said["method"] == "none"
    assert "skylike[map]" in made.said["reason"]
    assert set(made.columns) == {"cluster"}


def test_galaxies_that_were_not_laid_out_lie_among_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_MOST_LAID_OUT", {"pca": 100})
    store, graph = _parts(400)
    made = write_map(tmp_path, store, graph, method="pca")
    xy = np.stack([made.columns["map_x"], made.columns["map_y"]], axis=1)
    assert made.said["n_laid_out"] == 100
    assert np.isfinite(xy).all()
    middles = np.stack([xy[group::GROUPS].mean(axis=0) for group in range(GROUPS)])
    nearest = np.linalg.norm(xy[:, None] - middles[None], axis=2).argmin(axis=1)
    # Four directions in a plane of two overlap somewhat: most lie in their own group.
    assert (nearest == np.arange(400) % GROUPS).mean() > 0.8


def test_galaxies_far_from_all_that_were_laid_out_are_placed_together(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_MOST_LAID_OUT", {"pca": 20})
    searches = []
    search = ExactStore.search
    monkeypatch.setattr(
        ExactStore, "search", lambda self, q, k, **said: searches.append(len(q)) or search(self, q, k, **said)
    )
    store, _ = _parts(400)
    graph = build_graph(store, 2, threads=1)
    searches.clear()
    made = write_map(tmp_path, store, graph, method="pca")
    xy = np.stack([made.columns["map_x"], made.columns["map_y"]], axis=1)
    assert np.isfinite(xy).all()
    # One search for hundreds of them: t-SNE of a million has 130,000.
    assert len(searches) == 1
    assert searches[0] > 300


def test_a_survey_of_a_few_galaxies_has_a_map_and_no_clusters(tmp_path):
    made = write_map(tmp_path, *_parts(3))
    assert made.said["clusters"] is None
    assert not (tmp_path / CLUSTERS).exists()
    assert np.isfinite(made.columns["map_x"]).all()


def test_no_map_where_none_is_asked(tmp_path):
    made = write_map(tmp_path, *_parts(40), method="none")
    assert set(made.columns) == {"cluster"}
    assert made.said["method"] == "none"
    assert made.said["reason"] is None


def test_tsne_lays_groups_apart():
    store, _ = _parts(120)
    assert _apart(tsne_layout(store.vectors(slice(None)), seed=0)) > 2
