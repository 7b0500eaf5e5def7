"""Search equals brute force, whatever the vectors."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from index.neighbours import build_graph
from index.vectors.exact import ExactStore

# Few distinct coordinates make ties and exact duplicates common.
_coarse = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])


def _unit(raw):
    raw = raw + np.eye(1, raw.shape[1], dtype=raw.dtype) * 0.25  # Never the zero vector.
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


def _brute_force(vectors, queries):
    exact = np.einsum("qd,nd->qn", queries.astype(np.float64), vectors.astype(np.float64))
    order = np.lexsort((np.broadcast_to(np.arange(len(vectors)), exact.shape), -exact), axis=1)
    return order, np.clip(np.take_along_axis(exact, order, axis=1), -1, 1)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    arrays(np.float32, st.tuples(st.integers(1, 60), st.just(6)), elements=_coarse),
    arrays(np.float32, st.tuples(st.integers(1, 20), st.just(6)), elements=_coarse),
    st.integers(1, 70),
)
@example(np.zeros((60, 6), np.float32), np.zeros((1, 6), np.float32), 7)
def test_top_k_is_brute_force_with_ties_by_row(raw, raw_queries, k):
    vectors, queries = _unit(raw), _unit(raw_queries)
    hits = ExactStore(vectors).search(queries, k)
    rows, similarity = _brute_force(vectors, queries)
    assert np.allclose(hits.similarity, similarity[:, :k], atol=1e-6)
    # Sums in another order may differ in the last bit; beyond that the rows are the same.
    differs = hits.rows != rows[:, :k]
    assert np.all(np.abs(hits.similarity - similarity[:, :k])[differs] < 1e-6)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(arrays(np.float32, st.tuples(st.integers(1, 60), st.just(6)), elements=_coarse), st.integers(1, 10))
def test_the_graph_holds_the_nearest_others_and_never_the_row_itself(raw, k):
    vectors = _unit(raw)
    graph = build_graph(ExactStore(vectors), k)
    _, similarity = _brute_force(vectors, vectors)
    own = np.arange(len(vectors))[:, None]
    assert not (graph.rows == own).any()
    assert graph.rows.shape == (len(vectors), min(k, len(vectors) - 1))
    # Whether the row or its twin is left out of ties at 1, the similarities are those after the first.
    assert np.allclose(graph.similarity, similarity[:, 1 : graph.k + 1], atol=1e-6)
    assert all(len(set(row)) == graph.k for row in graph.rows.tolist())
