"""The fast median is NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from survey.medians import median, medians


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9, 100, 1577, 1600])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_the_median_of_numpy_to_the_last_bit(n, dtype):
    rng = np.random.default_rng(n)
    for values in (rng.normal(0, 1, (5, n)), rng.integers(0, 4, (5, n)), np.full((5, n), np.inf)):
        typed = values.astype(dtype)
        assert np.array_equal(medians(typed), np.median(typed, axis=1))
        assert median(typed) == np.median(typed)


def test_the_values_stay_as_they_are():
    values = np.array([3.0, 1.0, 2.0, 0.0])
    assert median(values) == 1.5
    assert values.tolist() == [3, 1, 2, 0]
