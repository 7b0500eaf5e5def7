"""Updates of releases that are searched approximately, projected or in half precision."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from support.clustered import clustered
from support.vector_release import vector_parts

from index.overlap import compare_releases
from index.release import Release
from index.releases import build_release
from index.updates.release import Supplement, update_release
from index.vectors.factory import IndexRequest

N, D, M = 3000, 32, 60
REQUESTS = {
    "ivf": IndexRequest(kind="ivf"),
    "hnsw": IndexRequest(kind="hnsw"),
    "projected": IndexRequest(kind="ivf", dimension=16),
    "half": IndexRequest(storage="float16"),
}


@pytest.fixture(scope="module", params=REQUESTS)
def releases(request, tmp_path_factory):
    """A release and its update: a hundredth changed or new, a hundredth withdrawn."""
    folder = tmp_path_factory.mktemp(request.param)
    vectors = clustered(N + M, D, seed=4)
    info = build_release(
        **vector_parts(folder / "parts", vectors[:N]), releases_dir=folder, index=REQUESTS[request.param]
    )
    base = Release.open(folder / info.id)
    rng = np.random.default_rng(7)
    chosen = rng.permutation(base.columns.ids)
    ids = [*chosen[: M // 2].tolist(), *(f"new-{n}" for n in range(M - M // 2))]
    supplement = Supplement(
        survey="more",
        sha256="0" * 64,
        ids=ids,
        vectors=base.project(vectors[N:]),
        objects=pa.table(
            {"object_id": ids, "ra_deg": rng.uniform(0, 360, M), "dec_deg": rng.uniform(-60, 60, M)}
        ),
        flags=np.zeros(M, np.int32),
    )
    made = update_release(base, supplement, folder, withdraw=chosen[M // 2 : M].tolist())
    return base, Release.open(folder / made.id, verify="full")


def recall(release, queries, k=10):
    """Share of the true ten nearest that a search finds, and the hits."""
    hits = release.engine.search(queries, k).hits
    exact = queries.astype(np.float64) @ release.store.vectors(slice(None)).T.astype(np.float64)
    if release.alive is not None:
        exact[:, ~release.alive] = -np.inf
    true = np.argsort(-exact, axis=1, kind="stable")[:, :k]
    shares = [len(set(a) & set(b)) / k for a, b in zip(hits.rows.tolist(), true.tolist(), strict=True)]
    return float(np.mean(shares)), hits


def test_recall_stays_and_withdrawn_rows_are_no_hits(releases):
    base, updated = releases
    queries = base.project(clustered(300, D, seed=99))
    before, _ = recall(base, queries)
    after, hits = recall(updated, queries)
    # 3,000 judged pairs: 0.005 is three standard errors of a recall of 0.99.
    assert after >= before - 0.005
    assert updated.alive[hits.rows].all()


def test_what_was_added_finds_itself_whatever_the_index(releases):
    base, updated = releases
    rows = np.arange(base.info.n, updated.info.n)
    hits = updated.engine.search(updated.store.vectors(rows), 1).hits
    assert hits.rows[:, 0].tolist() == rows.tolist()


def test_new_rows_know_their_true_neighbours(releases):
    base, updated = releases
    vectors = updated.store.vectors(slice(None)).astype(np.float64)
    exact = vectors[base.info.n :] @ vectors.T
    exact[:, ~updated.alive] = -np.inf
    exact[np.arange(M), np.arange(base.info.n, updated.info.n)] = -np.inf
    expected = np.sort(exact, axis=1)[:, ::-1][:, :100]
    assert updated.graph.similarity[base.info.n :] == pytest.approx(expected, abs=1e-6)


def test_a_filter_finds_what_brute_force_finds(releases):
    _, updated = releases
    rng = np.random.default_rng(1)
    queries = updated.project(clustered(20, D, seed=98))
    allowed = rng.uniform(size=updated.info.n) < 0.02
    hits = updated.engine.search(queries, 10, allowed=allowed).hits
    exact = queries.astype(np.float64) @ updated.store.vectors(slice(None)).T.astype(np.float64)
    exact[:, ~(allowed & updated.alive)] = -np.inf
    assert hits.similarity == pytest.approx(np.sort(exact, axis=1)[:, ::-1][:, :10], abs=1e-6)


def test_a_comparison_counts_what_the_update_did(releases):
    base, updated = releases
    found = compare_releases(base, updated, sample=200)
    assert (found.n_both, found.n_added, found.n_withdrawn, found.n_changed) == (
        N - M // 2,
        M // 2,
        M // 2,
        M // 2,
    )
    assert found.mean > 0.9


def test_the_index_itself_is_shared_with_the_base(releases):
    base, updated = releases
    for name in ("index.faiss", "projection.npz"):
        if (base.path / name).exists():
            assert (base.path / name).stat().st_ino == (updated.path / name).stat().st_ino
    assert updated.index.n_indexed == base.index.n_indexed
