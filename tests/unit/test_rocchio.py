"""Rocchio's query against his formula."""

from __future__ import annotations

import numpy as np
import pytest

from index.queries.rocchio import Weights, rocchio
from index.vectors.store import BadQuery

_P = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
_N = np.array([[0, 0, 1]], np.float32)


def test_the_query_moves_towards_positives_and_away_from_negatives():
    # Each of two orthogonal positives has half of 1 + 0.75, the negative minus 0.15.
    expected = np.array([0.875, 0.875, -0.15])
    np.testing.assert_allclose(rocchio(_P, _N), expected / np.linalg.norm(expected), atol=1e-7)


def test_with_all_weights_one_it_is_the_average_vector():
    expected = 2 * _P.mean(axis=0) - _N.mean(axis=0)
    np.testing.assert_allclose(
        rocchio(_P, _N, Weights(1, 1, 1)), expected / np.linalg.norm(expected), atol=1e-7
    )


def test_examples_that_cancel_each_other_have_no_direction():
    with pytest.raises(BadQuery, match="cancel each other"):
        rocchio(np.array([[1, 0], [-1, 0]], np.float32))
