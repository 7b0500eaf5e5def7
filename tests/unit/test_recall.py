"""Recall: what share of the truth was found, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest
from support.clustered import clustered

from index.vectors.exact import ExactStore
from index.vectors.recall import nearest_in_blocks, recall_of
from index.vectors.store import Hits


def hits(rows):
    rows = np.array(rows, dtype=np.int64)
    return Hits(rows, np.zeros(rows.shape, np.float32), (rows >= 0).sum(axis=1))


def measured(found, expected, k):
    return recall_of(hits(found), np.array(expected), k, space="search", effort=None)


def test_it_is_the_share_of_true_neighbours_among_as_many_hits():
    found = measured([[1, 2, 3], [9, 5, -1]], [[3, 2, 7], [4, 5, 6]], 3)
    assert found.recall == pytest.approx((2 + 1) / 6)
    assert measured([[1, 2, 3]], [[3, 2, 7]], 2).recall == pytest.approx(1 / 2)


def test_without_a_miss_the_interval_is_that_of_whole_queries():
    # Wilson's lower limit of n successes in n: n / (n + z^2).
    found = measured([[1, 2]] * 1000, [[2, 1]] * 1000, 2)
    assert found.recall == 1
    assert found.interval == pytest.approx((1000 / (1000 + 1.959964**2), 1))


def test_neighbours_missed_together_count_as_one_trial():
    # Half of the queries find everything, half nothing: 100 trials, whatever k. Wilson's interval of 50 in 100.
    found = measured([[1, 2, 3, 4]] * 50 + [[-1] * 4] * 50, [[1, 2, 3, 4]] * 100, 4)
    assert found.interval == pytest.approx((0.4038, 0.5962), abs=1e-3)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        is_found = rng.random((200, 10)) < 0.95
        low, high = measured(np.where(is_found, np.arange(10), -1), [list(range(10))] * 200, 10).interval
        covered += low <= 0.95 <= high
    assert covered / 300 > 0.91


def test_neighbours_in_blocks_are_those_of_the_whole():
    vectors, queries = clustered(500, 16, seed=1), clustered(7, 16, seed=2)
    shuffled = np.random.default_rng(0).permutation(500)
    parts = [shuffled[start : start + 90] for start in range(0, 500, 90)] + [np.empty(0, np.int64)]
    found = nearest_in_blocks(queries, ((part, vectors[part]) for part in parts), 12)
    assert np.array_equal(found, ExactStore(vectors).search(queries, 12).rows)
