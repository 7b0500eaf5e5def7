"""A filtered search equals brute force over what the filter allows, however it was planned."""

from __future__ import annotations

import faiss
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.vectors import planner
from index.vectors.approximate import ApproximateStore
from index.vectors.engine import SearchEngine
from index.vectors.exact import ExactStore

_N, _D = 100_000, 8
_WITHIN = 1e-6


def _unit(raw):
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


def _vectors(rng, n=_N):
    """Clustered vectors, every tenth of which is a copy of another: ties."""
    centres = rng.normal(size=(40, _D))
    vectors = _unit(centres[rng.integers(0, 40, n)] + 0.3 * rng.normal(size=(n, _D)))
    vectors[::10] = vectors[rng.integers(0, n, len(vectors[::10]))]
    return vectors


def _mask(rng, vectors, kind, share):
    """Allow a share at random, along a direction of the embedding, or in a few runs of rows."""
    n = len(vectors)
    if kind == "correlated":
        along = vectors @ vectors[0] + 0.05 * rng.normal(size=n)
        return along >= np.partition(along, -max(1, int(share * n)))[-max(1, int(share * n))]
    if kind == "runs":
        mask = np.zeros(n, np.bool_)
        length = max(1, int(share * n / 3))
        for start in rng.integers(0, n - length + 1, 3):
            mask[start : start + length] = True
        return mask
    mask = rng.random(n) < share
    mask[rng.integers(0, n)] = True
    return mask


def _brute_force(vectors, query, allowed, k):
    rows = np.flatnonzero(allowed)
    similarity = vectors[rows].astype(np.float64) @ query.astype(np.float64)
    order = np.lexsort((rows, -similarity))[:k]
    return rows[order], similarity[order]


def _is_brute_force(hits, vectors, queries, allowed, k):
    for n, query in enumerate(queries):
        rows, similarity = _brute_force(vectors, query, allowed, k)
        assert hits.lengths[n] == len(rows)
        assert len(set(hits.rows[n].tolist())) == len(rows)
        assert allowed[hits.rows[n]].all()
        np.testing.assert_allclose(hits.similarity[n], similarity, atol=_WITHIN)
        # Copies tie; sums in another order may part them by the last bit of a double.
        differs = hits.rows[n] != rows
        ties = np.isin(np.round(similarity, 6), np.round(similarity[1:][np.diff(similarity) > -_WITHIN], 6))
        assert not np.any(differs & ~ties & (np.arange(len(rows)) < len(rows) - 1))


@pytest.fixture(scope="module")
def vectors():
    return _vectors(np.random.default_rng(5))


@pytest.fixture(scope="module")
def exact(vectors):
    return ExactStore(vectors)


@pytest.fixture(scope="module")
def inverted(vectors, exact, tmp_path_factory):
    """An engine with an inverted file that alone misses much."""
    faiss.omp_set_num_threads(1)
    index = faiss.index_factory(_D, "IVF256,SQfp16", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[:: _N // 20_000])
    index.add(vectors)
    path = tmp_path_factory.mktemp("inverted") / "index.faiss"
    faiss.write_index(index, str(path))
    with pytest.MonkeyPatch.context() as patch:
        # So that it is asked: eight dimensions are few bytes.
        patch.setattr(planner, "SUBSET_BYTES", 32 * 1000)
        yield SearchEngine(exact, ApproximateStore(path, exact, _N, "ivf", 1), recall_at_10=0.5)


@pytest.mark.parametrize("share", [1.0, 0.7, 0.3, 0.1, 1e-2, 1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("kind", ["random", "correlated", "runs"])
@pytest.mark.parametrize("k", [10, 300])
def test_a_filtered_search_is_brute_force(vectors, exact, kind, share, k):
    rng = np.random.default_rng(int(1e6 * share) + k)
    allowed = _mask(rng, vectors, kind, share)
    queries = vectors[rng.integers(0, _N, 3)]
    found = SearchEngine(exact).search(queries, k, allowed=allowed)
    _is_brute_force(found.hits, vectors, queries, allowed, k)
    assert (found.plan.is_exact, found.plan.recall_at_10) == (True, 1.0)
    assert (found.plan.n_total, found.plan.n_allowed) == (_N, allowed.sum())


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 250), st.floats(0, 1))
@example(0, 1, 1, 0.0)
@example(3, 60, 70, 1.0)
def test_few_coarse_vectors_with_many_ties_are_searched_as_by_hand(seed, n, k, share):
    rng = np.random.default_rng(seed)
    vectors = _unit(rng.integers(-1, 2, (n, 3)) + np.array([0.25, 0, 0]))
    allowed, groups = rng.random(n) < share, rng.integers(0, 1 + n // 2, n).astype(np.int32)
    engine, query = SearchEngine(ExactStore(vectors)), vectors[:1]
    rows, similarity = _brute_force(vectors, query[0], allowed, n)
    _is_brute_force(engine.search(query, k, allowed=allowed).hits, vectors, query, allowed, k)
    distinct = engine.search(query, k, allowed=allowed, groups=groups).hits
    first = [r for at, r in enumerate(rows) if groups[r] not in groups[rows[:at]]][:k]
    assert len(distinct.rows[0]) == distinct.lengths[0] == len(first)
    assert len(set(groups[distinct.rows[0]])) == len(first)
    by_hand = dict(zip(rows, similarity, strict=True))
    np.testing.assert_allclose(distinct.similarity[0], [by_hand[row] for row in first], atol=_WITHIN)
    above = engine.above(query[0], 0.5, k, allowed=allowed)
    reached = np.flatnonzero(similarity.astype(np.float32) >= np.float32(0.5))
    borderline = np.abs(similarity - 0.5) < _WITHIN
    if not borderline.any():
        assert len(above.hits.rows[0]) == min(k, len(reached))
        assert above.is_truncated == (len(reached) > k)
        np.testing.assert_allclose(above.hits.similarity[0], similarity[reached][:k], atol=_WITHIN)


@pytest.mark.parametrize("share", [1.0, 0.8, 0.3, 0.1, 1e-2, 1e-3, 1e-5])
@pytest.mark.parametrize("kind", ["random", "correlated", "runs"])
def test_an_approximate_engine_is_never_short_and_never_outside_the_filter(vectors, inverted, kind, share):
    rng = np.random.default_rng(int(1e6 * share))
    allowed = _mask(rng, vectors, kind, share)
    queries = vectors[rng.integers(0, _N, 4)]
    for k in (10, 3000):
        searched = inverted.search(queries, k, allowed=allowed)
        hits = searched.hits
        assert hits.rows.shape == (4, min(k, allowed.sum()))
        assert (hits.lengths == hits.rows.shape[1]).all()
        assert allowed[hits.rows].all()
        assert all(len(set(rows)) == len(rows) for rows in hits.rows.tolist())
        assert (np.diff(hits.similarity, axis=1) <= 0).all()
        if searched.plan.is_exact:
            _is_brute_force(hits, vectors, queries, allowed, k)
        truth = inverted.search(queries, k, allowed=allowed, exact=True)
        assert truth.plan.is_exact
        _is_brute_force(truth.hits, vectors, queries, allowed, k)


def test_what_the_approximate_index_gives_short_is_compared_whole(vectors, inverted):
    # One list of 256 holds fewer than 20,000 of 100,000 vectors.
    searched = inverted.search(vectors[:2], 20_000)
    assert (searched.plan.strategy, searched.plan.is_exact) == ("redone", True)
    assert "2 of 2 queries" in searched.plan.reason
    _is_brute_force(searched.hits, vectors, vectors[:2], np.ones(_N, np.bool_), 20_000)


def test_a_query_is_redone_alone_and_in_a_batch(vectors, inverted):
    k = 390
    batch = inverted.search(vectors[:30], k)
    for n in range(30):
        alone = inverted.search(vectors[n : n + 1], k)
        np.testing.assert_array_equal(alone.hits.rows[0], batch.hits.rows[n])
    assert batch.plan.strategy == "redone"
    assert not batch.plan.is_exact
    assert batch.plan.recall_at_10 is None


def test_withdrawn_rows_are_no_hits_and_are_not_counted(vectors, exact):
    alive = np.ones(_N, np.bool_)
    alive[:5] = False
    engine = SearchEngine(exact, alive=alive)
    found = engine.search(vectors[:5], 3)
    assert not np.isin(found.hits.rows, np.arange(5)).any()
    assert (found.plan.n_total, found.plan.n_allowed, found.plan.strategy) == (_N - 5, _N - 5, "exact")
    assert not np.isin(engine.above(vectors[0], 0.99, 50).hits.rows, np.arange(5)).any()


def test_nothing_above_is_an_answer_with_its_plan(vectors, exact):
    found = SearchEngine(exact).above(-np.eye(1, _D, dtype=np.float32)[0], 1.0, 10)
    assert found.hits.rows.shape == (1, 0)
    assert (found.is_truncated, found.plan.n_allowed, found.plan.is_exact) == (False, _N, True)


@pytest.mark.parametrize("share", [1.0, 0.3, 1e-2, 1e-5])
def test_an_object_is_one_hit_however_many_entries_it_has(vectors, inverted, share):
    rng = np.random.default_rng(7)
    # Copies are the same object, and so are some that are alike.
    groups = (vectors[:, :3] @ np.array([1e3, 1e4, 1e5])).astype(np.int32)
    groups = np.unique(groups, return_inverse=True)[1].astype(np.int32)
    assert groups.max() < 0.95 * _N
    allowed = _mask(rng, vectors, "random", share)
    for exact in (True, False):
        hits = inverted.search(vectors[:4], 25, allowed=allowed, exact=exact, groups=groups).hits
        width = min(25, len(np.unique(groups[allowed])))
        assert hits.rows.shape == (4, width)
        assert allowed[hits.rows].all()
        assert all(len(set(row)) == width for row in groups[hits.rows].tolist())
        if exact:
            for n in range(4):
                rows, similarity = _brute_force(vectors, vectors[n], allowed, _N)
                first = np.sort(np.unique(groups[rows], return_index=True)[1])[:25]
                np.testing.assert_allclose(hits.similarity[n], similarity[first], atol=_WITHIN)


def test_no_queries_have_no_distinct_hits(exact):
    none = np.empty((0, _D), np.float32)
    groups = np.zeros(_N, np.int32)
    assert len(SearchEngine(exact).search(none, 5, groups=groups).hits.rows) == 0


def test_a_search_by_similarity_compares_all_and_says_so(vectors, inverted):
    rng = np.random.default_rng(8)
    allowed = _mask(rng, vectors, "correlated", 0.3)
    rows, similarity = _brute_force(vectors, vectors[3], allowed, _N)
    least = float((similarity[40] + similarity[41]) / 2)
    found = inverted.above(vectors[3], least, 1000, allowed=allowed)
    assert set(found.hits.rows[0]) == set(rows[:41])
    assert (found.is_truncated, found.plan.is_exact, found.plan.n_allowed) == (False, True, allowed.sum())
    assert "approximate index too" in found.plan.reason
    cut = inverted.above(vectors[3], least, 10, allowed=allowed)
    assert cut.is_truncated
    np.testing.assert_array_equal(cut.hits.rows[0], found.hits.rows[0, :10])
