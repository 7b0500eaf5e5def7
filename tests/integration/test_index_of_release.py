"""Releases searched approximately, projected, or in half precision: built, measured, the same twice."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import numpy as np
import orjson
import pytest
from support.clustered import clustered, overlap
from support.vector_release import catalogue, vector_parts

from index.release import Release, verify_release
from index.releases import build_release
from index.updates.delta import Supplement
from index.updates.release import update_release
from index.vectors.exact import ExactStore
from index.vectors.factory import BudgetTooSmall, IndexRequest
from survey.manifests import CorruptFolder

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
N, D = 2000, 48
REQUESTS = {
    "ivf": IndexRequest(kind="ivf"),
    "hnsw": IndexRequest(kind="hnsw", storage="float32"),
    "projected": IndexRequest(dimension=16),
    "both": IndexRequest(kind="ivf", storage="float16", dimension=24, seed=5),
    "half": IndexRequest(storage="float16"),
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return vector_parts(tmp_path_factory.mktemp("vectors"), clustered(N, D, seed=1))


@pytest.fixture(scope="module")
def built(parts, tmp_path_factory):
    """Releases by the name of their request."""
    made = {}

    def build(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            info = build_release(**parts, releases_dir=folder, index=REQUESTS[name], now=NOW)
            made[name] = Release.open(folder / info.id, verify="full")
        return made[name]

    return build


@pytest.fixture(params=REQUESTS)
def release(request, built):
    return built(request.param)


def manifest_of(release):
    return orjson.loads((release.path / "manifest.json").read_bytes())


def full_space(parts, release):
    """The model's embeddings in the release's order."""
    ids, vectors = parts["embeddings"].load()
    place = {object_id: n for n, object_id in enumerate(ids)}
    return vectors[[place[object_id] for object_id in release.columns.ids]]


def test_vectors_are_the_embeddings_projected_in_the_order_of_the_sky(release, parts):
    expected = release.project(full_space(parts, release))
    tolerance = 1e-3 if release.index.storage == "float16" else 1e-6
    assert np.allclose(release.store.vectors(slice(None)), expected, atol=tolerance)
    assert release.store.dimension == release.info.dimension == expected.shape[1]


def test_the_manifest_says_how_it_is_searched(built):
    ivf, hnsw = manifest_of(built("ivf")), manifest_of(built("hnsw"))
    assert ivf["index"].items() >= {"kind": "ivf", "factory": "IVF32,SQfp16", "storage": "float32"}.items()
    assert hnsw["index"].items() >= {"kind": "hnsw", "storage": "float32", "n_indexed": N, "seed": 0}.items()
    assert (ivf["format"], ivf["exact"], ivf["graph"]["is_exact"]) == (5, False, False)
    assert {"index.faiss", "vectors.f32"} <= set(ivf["files"])
    half = manifest_of(built("half"))
    assert (half["exact"], half["index"]["kind"], half["recall_at_10"]) == (True, "exact", 1.0)
    assert (
        manifest_of(built("both"))["projection"].items() >= {"dimension_in": D, "dimension_out": 24}.items()
    )


@pytest.mark.parametrize("name", ["ivf", "hnsw", "both"])
def test_the_effort_is_the_least_that_finds_enough(built, name):
    table = [one for one in built(name).recall if (one["space"], one["k"]) == ("search", 10)]
    assert [one["recall"] >= 0.99 for one in table] == [False] * (len(table) - 1) + [True]
    assert table[-1]["effort"] == built(name).index.effort
    assert built(name).info.recall_at_10 == table[-1]["recall"]
    assert table[-1]["n_queries"] == N // 20
    assert all(one["interval"][0] <= one["recall"] <= one["interval"][1] for one in built(name).recall)


@pytest.mark.parametrize("name", ["ivf", "hnsw", "projected", "both"])
def test_recall_among_the_embeddings_is_what_brute_force_finds(built, parts, name):
    # Other queries than those that were held out: the same share within both intervals.
    release = built(name)
    said = next(one for one in release.recall if (one["space"], one["k"]) == ("embedding", 10))
    full = full_space(parts, release)
    rows = np.random.default_rng(8).choice(N, 300, replace=False)
    searcher = release.store if release.approximate is None else release.approximate
    found = searcher.search(release.store.vectors(rows), 11).rows
    true = np.argsort(-(full[rows] @ full.T), axis=1)[:, 1:11]
    share = overlap(np.where(found == rows[:, None], -1, found), true)
    assert share == pytest.approx(said["recall"], abs=0.06)
    assert (share > 0.97) is (name in {"ivf", "hnsw"})


def test_an_upload_of_a_galaxys_embedding_finds_the_galaxy(release, parts):
    vectors = release.project(full_space(parts, release)[:50])
    hits = release.engine.search(vectors, 1).hits
    assert (hits.rows[:, 0] == np.arange(50)).all()


def test_what_is_searched_beside_queries_uses_the_index_and_is_never_short(built):
    release = built("ivf")
    queries, few = release.store.vectors(slice(0, 5)), np.arange(N) % 400 == 0
    for k, allowed in ((10, None), (N, None), (10, few)):
        found = release.searched.search(queries, k, allowed=allowed)
        exact = release.store.search(queries, k, allowed=allowed)
        assert found.rows.shape == exact.rows.shape
        assert overlap(found.rows, exact.rows) > 0.9
    assert built("projected").searched is built("projected").store


def test_the_graph_holds_others_nearest_first_with_the_recall_it_says(release):
    graph = release.graph
    own = np.arange(N)[:, None]
    assert graph.rows.shape == (N, 100)
    assert not (graph.rows == own).any()
    assert (np.diff(graph.similarity, axis=1) <= 0).all()
    true = release.store.search(release.store.vectors(slice(None)), 11).rows[:, 1:]
    share = overlap(graph.rows[:, :10], true)
    assert share == pytest.approx(release.graph_recall_at_10, abs=0.01)
    assert share > 0.99


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_seed_gives_the_same_files(built, parts, tmp_path, name):
    again = build_release(**parts, releases_dir=tmp_path, index=REQUESTS[name], now=NOW)
    assert manifest_of(Release.open(tmp_path / again.id)) == manifest_of(built(name))


def test_another_seed_holds_others_out(built, parts, tmp_path):
    again = build_release(**parts, releases_dir=tmp_path, index=IndexRequest(kind="ivf", seed=1), now=NOW)
    assert manifest_of(Release.open(tmp_path / again.id))["recall"] != manifest_of(built("ivf"))["recall"]


def test_what_does_not_fit_is_refused_before_anything_is_written(parts, tmp_path):
    with pytest.raises(BudgetTooSmall, match=r"100\.0 MB are allowed"):
        build_release(**parts, releases_dir=tmp_path, index=IndexRequest(memory=10**8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["index.faiss", "projection.npz", "vectors.f16"])
def test_a_changed_file_is_found_out(built, tmp_path, name):
    copy = shutil.copytree(built("both").path, tmp_path / built("both").id)
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(CorruptFolder, match=name):
        Release.open(copy)


def test_an_update_keeps_the_index_and_searches_what_is_new_exactly(built, parts, tmp_path):
    base = built("both")
    survey = catalogue(tmp_path / "surveys" / "more", 30, prefix="W", seed=1)
    raw = clustered(30, D, seed=2)
    new = Supplement(
        "more", survey.sha256, survey.ids, base.project(raw), survey.objects, np.zeros(30, np.int32)
    )
    gone = base.columns.ids[:40]
    info = update_release(base, new, tmp_path / "releases", withdraw=gone)
    release = Release.open(tmp_path / "releases" / info.id, verify="full")
    assert (release.index, release.approximate.n) == (base.index, N + 30)
    assert (release.path / "index.faiss").samefile(base.path / "index.faiss")
    hits = release.engine.search(release.project(raw), 1).hits
    assert (hits.rows[:, 0] == np.arange(N, N + 30)).all()
    found = release.approximate.search(release.project(raw), 100, allowed=release.alive)
    assert release.alive[found.rows[found.rows >= 0]].all()


@pytest.mark.parametrize("form", [3, None])
def test_releases_that_say_nothing_of_their_index_are_exact(tiny_release_path, tmp_path, form):
    old = shutil.copytree(tiny_release_path, tmp_path / tiny_release_path.name)
    manifest = orjson.loads((old / "manifest.json").read_bytes())
    for entry in ("index", "recall", "projection", "graph", "format"):
        del manifest[entry]
    if form is not None:
        manifest["format"] = form
    (old / "manifest.json").write_bytes(orjson.dumps(manifest))
    release = Release.open(old, verify="full")
    assert (release.index.kind, release.index.storage, release.format) == ("exact", "float32", form or 1)
    assert (release.approximate, release.projection, release.recall) == (None, None, [])
    vectors = release.store.vectors(slice(0, 3))
    assert release.project(vectors) is vectors
    assert release.engine.search(vectors, 1).plan.is_exact


def test_an_index_of_other_vectors_is_found_out(built, monkeypatch):
    release = Release.open(built("ivf").path)
    shuffled = np.random.default_rng(0).permutation(release.store.vectors(slice(None)))
    monkeypatch.setattr(release, "store", ExactStore(shuffled.astype(np.float16)))
    del release.approximate  # It was opened over the right ones.
    with pytest.raises(CorruptFolder, match="its index finds"):
        verify_release(release)
