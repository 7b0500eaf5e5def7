"""Rankings of several examples and diverse ones equal their definitions, whatever the vectors."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from index.queries.best_score import best_scores
from index.queries.diversity import diversify
from index.queries.merge import merge_by_max
from index.queries.rocchio import rocchio
from index.vectors.engine import SearchEngine
from index.vectors.exact import ExactStore

# Few distinct coordinates make ties and exact duplicates common.
_coarse = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])
_laws = settings(derandomize=True, deadline=None, max_examples=50)


def _vectors(most):
    return arrays(np.float32, st.tuples(st.integers(1, most), st.just(5)), elements=_coarse).map(_unit)


def _unit(raw):
    raw = raw + np.eye(1, raw.shape[1], dtype=raw.dtype) * 0.25  # Never the zero vector.
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


def _products(vectors, examples):
    return vectors.astype(np.float64) @ examples.astype(np.float64).T


@_laws
@given(_vectors(60), st.integers(1, 70), st.integers(0, 59))
def test_no_diversity_is_the_plain_ranking(vectors, k, own):
    hits = ExactStore(vectors).search(vectors[own % len(vectors)][None], len(vectors))
    places = diversify(hits.similarity[0], vectors[hits.rows[0]], k, 0.0)
    assert places.tolist() == list(range(min(k, len(vectors))))


@_laws
@given(_vectors(30), st.integers(1, 12), st.sampled_from([0.25, 0.5, 1.0]))
def test_each_diverse_hit_has_the_largest_marginal_relevance(vectors, k, diversity):
    hits = ExactStore(vectors).search(vectors[:1], len(vectors))
    pool = vectors[hits.rows[0]]
    places = diversify(hits.similarity[0], pool, k, diversity).tolist()
    assert places[0] == 0
    assert len(set(places)) == min(k, len(pool))
    for step in range(1, len(places)):
        before = _products(pool, pool[places[:step]]).max(axis=1)
        marginal = (1 - diversity) * hits.similarity[0].astype(np.float64) - diversity * before
        marginal[places[:step]] = -np.inf
        assert marginal[places[step]] >= marginal.max() - 1e-12


@_laws
@given(_vectors(60), st.integers(0, 59))
def test_one_positive_is_its_own_query(vectors, own):
    positives = vectors[own % len(vectors)][None]
    np.testing.assert_array_equal(rocchio(positives), positives[0])


@_laws
@given(_vectors(60), _vectors(8), st.integers(1, 20), st.integers(1, 3))
def test_merged_lists_are_ranked_by_the_nearest_example(vectors, examples, k, n_lists):
    store = ExactStore(vectors)
    rows, similarity = merge_by_max((store.search(some, k) for some in np.array_split(examples, n_lists)), k)
    exact = _products(vectors, examples).max(axis=1)
    assert len(set(rows.tolist())) == len(rows) == min(k, len(vectors))
    np.testing.assert_allclose(similarity, np.sort(exact)[::-1][:k], atol=1e-6)
    np.testing.assert_allclose(similarity, exact[rows], atol=1e-6)


@_laws
@given(_vectors(60), _vectors(8), st.integers(1, 20), st.integers(1, 30))
def test_an_object_is_one_hit_of_merged_lists_and_leaves_its_place_to_others(vectors, examples, k, n_objects):
    groups = (np.arange(len(vectors)) % n_objects).astype(np.int32)
    hits = SearchEngine(ExactStore(vectors)).search(examples, k, groups=groups).hits
    rows, similarity = merge_by_max([hits], k, groups=groups)
    exact = _products(vectors, examples).max(axis=1)
    best = [exact[groups == group].max() for group in np.unique(groups)]
    assert len(set(groups[rows].tolist())) == len(rows) == min(k, len(best))
    np.testing.assert_allclose(similarity, np.sort(best)[::-1][:k], atol=1e-6)


@_laws
@given(_vectors(60), st.integers(0, 59), st.integers(1, 20))
def test_a_list_of_one_is_that_one(vectors, own, k):
    hits = ExactStore(vectors).search(vectors[own % len(vectors)][None], k)
    rows, similarity = merge_by_max([hits], k)
    np.testing.assert_array_equal(rows, hits.rows[0])
    np.testing.assert_array_equal(similarity, hits.similarity[0])


@_laws
@given(
    _vectors(60),
    _vectors(6),
    st.one_of(st.just(np.empty((0, 5), np.float32)), _vectors(6)),
    st.integers(1, 70),
)
def test_the_best_score_is_that_of_a_full_pass(vectors, positives, negatives, k):
    rows, scores = best_scores(lambda r: vectors[r], np.arange(len(vectors)), positives, negatives, k)
    liked = _products(vectors, positives).max(axis=1)
    disliked = _products(vectors, negatives).max(axis=1) if len(negatives) else np.full(len(vectors), -np.inf)
    exact = np.where(liked > disliked, liked, -disliked)
    order = np.lexsort((np.arange(len(vectors)), -exact))[:k]
    np.testing.assert_allclose(scores, exact[order], atol=1e-6)
    # Sums in another order may differ in the last bit, and with it the sign where both are equally near.
    clear = np.abs(liked - disliked)[rows] > 1e-12
    np.testing.assert_allclose(scores[clear], exact[rows][clear], atol=1e-6)
