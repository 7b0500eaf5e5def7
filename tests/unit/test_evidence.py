"""What neighbours say, and when it contradicts an estimate."""

from __future__ import annotations

import numpy as np
import pytest

from index.estimates import Evidence
from index.evidence import disagrees, neighbour_redshift, weighted_median


def test_with_equal_weights_it_is_the_lower_median():
    values = np.random.default_rng(0).normal(size=(20, 9))
    assert weighted_median(values, np.ones_like(values)) == pytest.approx(np.median(values, axis=1))


def test_weights_are_repetitions():
    values, weights = np.array([[0.1, 0.5, 0.3]]), np.array([[1, 2, 4]])
    repeated = np.repeat(values[0], weights[0])
    assert weighted_median(values, weights.astype(float))[0] == np.median(repeated)


def test_values_without_weight_do_not_count_and_without_any_there_is_none():
    found = weighted_median(np.array([[0.0, 0.2], [0.1, 0.2]]), np.array([[0.0, 1.0], [0.0, 0.0]]))
    assert found[0] == 0.2
    assert np.isnan(found[1])
    assert np.isnan(weighted_median(np.empty((2, 0)), np.empty((2, 0)))).all()


def test_only_neighbours_that_count_are_asked():
    evidence = Evidence(np.array([[0, 1, 2]]), np.array([[0.9, 0.8, 0.7]], np.float32), np.array([1]))
    assert neighbour_redshift(evidence, np.array([0.1, 0.2, np.nan]))[0] == 0.1
    assert np.isnan(neighbour_redshift(Evidence.none(1), np.array([0.1]))[0])


@pytest.mark.parametrize(
    ("neighbours", "expected"), [(0.2, False), (0.225, False), (0.25, True), (0.15, True), (np.nan, False)]
)
def test_neighbours_disagree_outside_the_interval_and_farther_than_an_error(neighbours, expected):
    found = disagrees(np.array([neighbours]), np.array([0.2]), np.array([0.19]), np.array([0.21]))
    assert found.tolist() == [expected]
