from __future__ import annotations

import numpy as np
import pytest

from index.vectors import scan
from index.vectors.engine import SearchEngine
from index.vectors.exact import ExactStore
from index.vectors.scan import best_products, is_worth_it


def unit(rng, shape):
    vectors = rng.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("scores", [1 << 20, 1 << 14])
@pytest.mark.parametrize("n_vectors", [1024, 3333, 4095])
@pytest.mark.parametrize("n", [1, 7])
def test_the_best_are_those_of_a_full_sort(monkeypatch, scores, n_vectors, n):
    monkeypatch.setattr(scan, "_SCORES", scores)
    rng = np.random.default_rng(n_vectors)
    vectors, queries = unit(rng, (n_vectors, 12)), unit(rng, (16, 12))
    assert is_worth_it(16, n_vectors, n)
    lowest, rows = best_products(vectors, queries, n)
    products = queries.astype(np.float64) @ vectors.T.astype(np.float64)
    best = np.argsort(-products, axis=1)[:, :n]
    np.testing.assert_array_equal(np.sort(rows, axis=1), np.sort(best, axis=1))
    np.testing.assert_allclose(lowest, np.take_along_axis(products, best[:, -1:], axis=1)[:, 0], atol=1e-6)


def test_equal_vectors_all_reach_and_n_of_them_are_found():
    vectors = np.tile(unit(np.random.default_rng(0), (1, 12)), (2048, 1))
    lowest, rows = best_products(vectors, vectors[:16], 5)
    assert all(len(set(one)) == 5 and min(one) >= 0 for one in rows.tolist())
    np.testing.assert_allclose(lowest, 1, atol=1e-6)


@pytest.mark.parametrize("duplicates", [1, 40])
def test_a_store_answers_a_query_alone_and_in_a_batch_alike(duplicates):
    rng = np.random.default_rng(5)
    vectors = np.repeat(unit(rng, (8000 // duplicates, 24)), duplicates, axis=0)
    store, queries = ExactStore(vectors), np.concatenate([unit(rng, (20, 24)), vectors[:5]])
    together = store.search(queries, 10)
    for number, query in enumerate(queries):
        alone = store.search(query[None], 10)
        np.testing.assert_array_equal(together.rows[number], alone.rows[0])
        np.testing.assert_array_equal(together.similarity[number], alone.similarity[0])


def test_few_queries_or_few_vectors_are_left_to_others():
    assert not is_worth_it(4, 20_000, 18)
    assert not is_worth_it(64, 500, 18)
    assert not is_worth_it(64, 1_000_000, 1008)


def test_an_engine_hands_its_threads_on():
    store = ExactStore(unit(np.random.default_rng(0), (50, 8)))
    SearchEngine(store).use_threads(3)
    assert store.threads == 3
