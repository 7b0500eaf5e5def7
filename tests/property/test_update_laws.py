"""The graph of an updated release is that of brute force over what is left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from index.neighbours import GRAPH_K, build_graph
from index.updates.graph import update_graph, width
from index.vectors.exact import ExactStore

# Few distinct coordinates make ties and exact duplicates common.
_coarse = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])


def _unit(raw):
    raw = raw + np.eye(1, raw.shape[1], dtype=raw.dtype) * 0.25  # Never the zero vector.
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


def _updated(base, vectors, alive):
    store = ExactStore(vectors)
    shape = len(vectors), width(int(alive.sum()))
    out = np.full(shape, -7, np.int32), np.full(shape, -7, np.float32)
    return update_graph(base, store, alive, out, threads=1)


def _check(graph, vectors, alive, *, at_least=0):
    """Each list is a beginning of the order by similarity, then by row; the whole order where others are few."""
    exact = np.clip(vectors.astype(np.float64) @ vectors.T.astype(np.float64), -1, 1)
    store = ExactStore(vectors)
    others = int(alive.sum()) - 1
    for row in range(len(vectors)):
        rows, similarity = graph.of(row, GRAPH_K)
        if not alive[row]:
            assert len(rows) == 0
            continue
        assert len(rows) >= min(at_least, others)
        assert row not in rows
        assert alive[rows].all()
        assert len(set(rows.tolist())) == len(rows)
        best = store.search(vectors[[row]], len(vectors), allowed=alive)
        expected = best.rows[0][best.rows[0] != row][: len(rows)]
        assert np.array_equal(rows, expected) or np.allclose(
            exact[row, rows], exact[row, expected], atol=1e-12
        )
        assert np.allclose(similarity, exact[row, rows], atol=1e-6)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.data(), arrays(np.float32, st.tuples(st.integers(3, 60), st.just(5)), elements=_coarse))
def test_an_updated_graph_is_brute_force_over_the_living(data, raw):
    vectors = _unit(raw)
    n_base = data.draw(st.integers(2, len(vectors)))
    k = data.draw(st.integers(1, n_base - 1))
    dead = data.draw(st.sets(st.integers(0, n_base - 1), max_size=n_base - 2))
    alive = np.ones(len(vectors), bool)
    alive[sorted(dead)] = False
    base = build_graph(ExactStore(vectors[:n_base]), k)
    _check(_updated(base, vectors, alive), vectors, alive)


def _random(n, seed, dimension=8):
    return _unit(np.random.default_rng(seed).normal(size=(n, dimension)).astype(np.float32))


def test_lists_stay_at_least_half_as_long_whatever_is_withdrawn():
    rng = np.random.default_rng(5)
    vectors = _random(700, 4)
    alive = rng.uniform(size=700) < 0.3
    alive[500:] = True
    graph = _updated(build_graph(ExactStore(vectors[:500])), vectors, alive)
    _check(graph, vectors, alive, at_least=GRAPH_K // 2)


def test_updates_of_updates_stay_exact():
    rng = np.random.default_rng(8)
    vectors, alive = _random(900, 6), np.ones(900, bool)
    graph = build_graph(ExactStore(vectors[:600]))
    for stop in (700, 800, 900):
        alive[rng.choice(stop - 100, 20, replace=False)] = False
        graph = _updated(graph, vectors[:stop], alive[:stop])
        _check(graph, vectors[:stop], alive[:stop], at_least=GRAPH_K // 2)


def test_a_small_release_that_grows_gets_the_whole_width():
    vectors = _random(300, 7)
    graph = _updated(build_graph(ExactStore(vectors[:20])), vectors, np.ones(300, bool))
    assert graph.k == GRAPH_K
    assert graph.lengths is None
    _check(graph, vectors, np.ones(300, bool), at_least=GRAPH_K)


@pytest.mark.parametrize("dimension", [2, 8])
def test_adding_alone_is_what_a_build_gives(dimension):
    # On a circle many similarities are equal in float32 and differ in double precision, which orders hits.
    vectors = _random(1500, 9, dimension)
    graph = _updated(build_graph(ExactStore(vectors[:1200])), vectors, np.ones(1500, bool))
    built = build_graph(ExactStore(vectors))
    assert np.array_equal(graph.rows, built.rows)
    assert np.array_equal(graph.similarity, built.similarity)


def test_at_the_end_of_a_list_double_precision_decides():
    # One unit in the last place of one component: equal in float32, nearer or farther in double precision.
    vectors = _random(300, 12)
    base = build_graph(ExactStore(vectors))
    won = 0
    for row in range(0, 300, 5):
        copy = vectors[[row]].copy()
        copy[0, 0] = np.nextafter(copy[0, 0], np.float32(2))
        grown = np.concatenate([vectors, copy])
        graph, built = _updated(base, grown, np.ones(301, bool)), build_graph(ExactStore(grown))
        assert np.array_equal(graph.rows, built.rows)
        won += int(((built.rows[:300, -1] == 300) & (base.rows[:, -1] == row)).sum())
    assert won > 5
