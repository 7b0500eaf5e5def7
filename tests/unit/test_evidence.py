"""What neighbours say, and when it contradicts an estimate."""

from __future__ import annotations

import numpy as np
import pytest

from index.evidence import disagrees, weighted_quantile


def test_with_equal_weights_it_is_the_order_statistic():
    values = np.random.default_rng(0).normal(size=(20, 9))
    ones = np.ones_like(values)
    assert weighted_quantile(values, ones, 0.5) == pytest.approx(np.median(values, axis=1))
    for level, rank in ((0.16, 1), (0.84, 7)):
        assert weighted_quantile(values, ones, level) == pytest.approx(np.sort(values, axis=1)[:, rank])


def test_weights_are_repetitions():
    values, weights = np.array([[0.1, 0.5, 0.3]]), np.array([[1, 2, 4]])
    repeated = np.repeat(values[0], weights[0])
    assert weighted_quantile(values, weights.astype(float), 0.5)[0] == np.median(repeated)


def test_values_without_weight_do_not_count_and_without_any_there_is_none():
    values, weights = np.array([[0.0, 0.2], [0.1, 0.2]]), np.array([[0.0, 1.0], [0.0, 0.0]])
    found = weighted_quantile(values, weights, 0.5)
    assert found[0] == 0.2
    assert np.isnan(found[1])
    assert np.isnan(weighted_quantile(np.empty((2, 0)), np.empty((2, 0)), 0.5)).all()


@pytest.mark.parametrize(
    ("neighbours", "expected"),
    [
        ((0.2, 0.2, 0.2), False),
        ((0.22, 0.225, 0.23), False),  # Outside the interval, but nearer than an error.
        ((0.22, 0.25, 0.28), True),
        ((0.12, 0.15, 0.18), True),
        ((0.2, 0.25, 0.3), False),  # They scatter into the interval.
        ((0.1, 0.15, 0.2), False),
        ((np.nan, np.nan, np.nan), False),
    ],
)
def test_neighbours_contradict_where_they_agree_on_another_redshift(neighbours, expected):
    told = tuple(np.array([z]) for z in neighbours)
    found = disagrees(told, np.array([0.2]), np.array([0.19]), np.array([0.21]))
    assert found.tolist() == [expected]
