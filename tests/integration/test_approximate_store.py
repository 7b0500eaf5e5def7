"""Approximate search: real hits with exact similarities, whatever the index, the mask or the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.clustered import clustered, overlap, raw_index

from index.neighbours import build_graph
from index.vectors.approximate import ApproximateStore
from index.vectors.assembly import Assembly
from index.vectors.exact import ExactStore
from index.vectors.factory import IndexRequest, choose_index
from index.vectors.store import BadQuery

N, TAIL, D = 2000, 60, 32
FACTORIES = {
    "ivf": "IVF32,SQfp16",
    "ivf-graph": "IVF32_HNSW8,SQ8",
    "ivf-sq4": "IVF32,SQ4",
    "hnsw": "IDMap,HNSW16,SQfp16",
}


@pytest.fixture(scope="module")
def vectors():
    return clustered(N + TAIL, D, seed=1)


@pytest.fixture(scope="module")
def queries():
    return clustered(50, D, seed=2)


@pytest.fixture(scope="module", params=FACTORIES)
def store(request, vectors, tmp_path_factory):
    path = raw_index(tmp_path_factory.mktemp("index") / "i", vectors[:N], FACTORIES[request.param])
    return ApproximateStore(path, ExactStore(vectors), N, request.param.partition("-")[0], 8)


def exact_similarity(vectors, queries, rows):
    return np.einsum("qkd,qd->qk", vectors[rows].astype(np.float64), queries.astype(np.float64))


def test_with_all_effort_it_finds_what_exact_search_finds(store, vectors, queries):
    hits = store.search(queries, 10, effort=store.max_effort)
    expected = ExactStore(vectors).search(queries, 10)
    assert overlap(hits.rows, expected.rows) >= 0.99
    assert hits.lengths.tolist() == [10] * len(queries)


def test_similarities_are_those_of_the_stored_vectors_falling(store, vectors, queries):
    hits = store.search(queries, 10)
    assert np.allclose(hits.similarity, exact_similarity(vectors, queries, hits.rows), atol=1e-7)
    assert (np.diff(hits.similarity, axis=1) <= 0).all()


def test_rows_added_after_the_index_was_built_are_found_exactly(store, vectors):
    rows = np.arange(N, N + TAIL)
    hits = store.search(vectors[rows], 3, effort=1)
    assert (hits.rows[:, 0] == rows).all()
    only = np.arange(N + TAIL) >= N
    expected = ExactStore(vectors).search(vectors[:20], 7, allowed=only)
    assert np.array_equal(store.search(vectors[:20], 7, allowed=only).rows, expected.rows)


def test_only_allowed_rows_are_hits_and_short_answers_end_at_their_length(store, queries):
    rng = np.random.default_rng(3)
    allowed = rng.random(N + TAIL) < 0.004
    hits = store.search(queries, 10, allowed=allowed, effort=1)
    assert hits.rows.shape[1] == hits.lengths.max()
    for rows, similarity, length in zip(hits.rows, hits.similarity, hits.lengths, strict=True):
        assert allowed[rows[:length]].all()
        assert len(set(rows[:length].tolist())) == length
        assert (rows[length:] == -1).all()
        assert np.isneginf(similarity[length:]).all()


def test_nothing_allowed_gives_no_hits(store, queries):
    hits = store.search(queries, 5, allowed=np.zeros(N + TAIL, bool))
    assert hits.rows.shape == (len(queries), 0)
    assert hits.lengths.tolist() == [0] * len(queries)


def test_a_query_gets_the_same_answer_alone_and_in_a_batch(store, queries):
    batch = store.search(queries, 7)
    for n, query in enumerate(queries):
        alone = store.search(query[None], 7)
        assert np.array_equal(alone.rows[0], batch.rows[n, : alone.lengths[0]])
        assert np.array_equal(alone.similarity[0], batch.similarity[n, : alone.lengths[0]])


def test_an_effort_holds_for_its_own_search_alone(store, queries):
    before = store.search(queries, 10)
    store.search(queries, 10, effort=1)
    assert np.array_equal(store.search(queries, 10).rows, before.rows)


@pytest.mark.parametrize("factory", ["IVF32,SQfp16", "IVF32_HNSW8,SQ8"])
def test_a_graph_by_lists_is_that_of_comparing_all_when_all_lists_are_near(factory, vectors, tmp_path):
    path = raw_index(tmp_path / "i", vectors[:N], factory)
    exact = ExactStore(vectors[:N])
    every, expected = ApproximateStore(path, exact, N, "ivf", 32), build_graph(exact, 20)
    graph = build_graph(exact, 20, index=every)
    assert np.array_equal(graph.rows, expected.rows)
    assert np.array_equal(graph.similarity, expected.similarity)
    few = build_graph(exact, 20, index=ApproximateStore(path, exact, N, "ivf", 1), threads=2)
    assert 0.9 < overlap(few.rows, expected.rows) < 1
    assert not (few.rows == np.arange(N)[:, None]).any()


def test_rows_that_no_list_holds_get_their_neighbours_too(vectors, tmp_path):
    exact = ExactStore(vectors)
    index = ApproximateStore(raw_index(tmp_path / "i", vectors[:N], "IVF32,SQfp16"), exact, N, "ivf", 32)
    assert overlap(build_graph(exact, 20, index=index).rows, build_graph(exact, 20).rows) > 0.99


def test_no_queries_give_no_hits(store):
    assert store.search(np.empty((0, D), np.float32), 5).rows.shape == (0, 5)


def test_queries_of_another_dimension_are_refused(store):
    with pytest.raises(BadQuery, match="32 dimensions"):
        store.search(np.ones((1, D + 1), np.float32), 5)


def test_an_index_of_other_vectors_is_refused(vectors, tmp_path):
    path = raw_index(tmp_path / "i", vectors[:N], "IVF32,SQfp16")
    with pytest.raises(ValueError, match="holds 2000 vectors of 32 dimensions; 1999 of 32"):
        ApproximateStore(path, ExactStore(vectors), N - 1, "ivf", 8)
    (tmp_path / "j").write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="not a readable FAISS index"):
        ApproximateStore(tmp_path / "j", ExactStore(vectors), N, "ivf", 8)


@pytest.mark.parametrize("n_allowed", [None, 0, 3, 500])
def test_half_precision_is_searched_exactly_by_its_stored_numbers(vectors, queries, n_allowed, monkeypatch):
    monkeypatch.setattr("index.vectors.blocks._NUMBERS", 300 * D)
    stored = vectors.astype(np.float16)
    allowed = None
    if n_allowed is not None:
        allowed = np.zeros(len(stored), bool)
        allowed[np.random.default_rng(4).permutation(len(stored))[:n_allowed]] = True
    hits = ExactStore(stored).search(queries, 9, allowed=allowed)
    products = queries.astype(np.float64) @ stored.astype(np.float64).T
    if allowed is not None:
        products[:, ~allowed] = -2
    expected = np.argsort(-products, axis=1, kind="stable")[
        :, : min(9, len(stored) if n_allowed is None else n_allowed)
    ]
    assert np.array_equal(hits.rows, expected)
    assert np.allclose(hits.similarity, np.take_along_axis(products, expected, axis=1), atol=1e-7)
    alone = ExactStore(stored).search(queries[7:8], 9, allowed=allowed)
    assert np.array_equal(alone.similarity[0], hits.similarity[7])


def test_half_precision_lies_on_disk_in_half_the_bytes(vectors, tmp_path):
    vectors.astype("<f2").tofile(tmp_path / "v")
    store = ExactStore(tmp_path / "v", D, storage="float16")
    assert (store.n, store.storage) == (len(vectors), "float16")
    assert store.vectors(slice(0, 3)).dtype == np.float32
    with pytest.raises(ValueError, match="no whole number of float32"):
        ExactStore(tmp_path / "v", 33)


@pytest.mark.parametrize("codes", ["SQ8", "SQ4", "PQ16x4", "IDMap,HNSW32,SQ8"])
def test_every_code_that_is_chosen_can_be_built_and_finds_most(vectors, queries, tmp_path, codes):
    kind = "hnsw" if codes.startswith("IDMap") else "ivf"
    choice = choose_index(len(vectors), D, IndexRequest(kind=kind))
    choice = replace(
        choice, factory=codes if kind == "hnsw" else f"IVF{choice.n_lists},{codes}", n_sample=1500
    )
    store, rows = ExactStore(vectors), np.arange(len(vectors))
    assembly = Assembly(store, choice)
    assembly.train(rows[: choice.n_sample])
    assembly.add(rows)
    assembly.write(tmp_path / "index")
    index = ApproximateStore(tmp_path / "index", store, len(vectors), kind, 1)
    hits = index.search(queries, 10, effort=index.max_effort)
    assert overlap(hits.rows, store.search(queries, 10).rows) > 0.9
    assert np.allclose(hits.similarity, exact_similarity(vectors, queries, hits.rows), atol=1e-7)
