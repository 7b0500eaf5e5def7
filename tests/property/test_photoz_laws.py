"""Laws of p(z): whatever the distribution, its numbers agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from index.conformal import Conformal
from index.pdf import RedshiftGrid, draw, mass_between, quantiles, summarise
from index.photoz_columns import QUANTILE_LEVELS
from index.temperature import softmax

GRID = RedshiftGrid(0.5, 25)
LOGITS = arrays(np.float64, (3, GRID.n_bins), elements=st.floats(-60, 60))
LAWS = settings(derandomize=True, deadline=None, max_examples=60)


@LAWS
@given(LOGITS, st.floats(0.2, 5))
def test_probabilities_sum_to_one_at_any_temperature(logits, temperature):
    assert softmax(logits, temperature).sum(axis=1) == pytest.approx([1, 1, 1])


@LAWS
@given(LOGITS)
def test_quantiles_rise_and_lie_on_the_grid(logits):
    found = quantiles(softmax(logits), GRID, QUANTILE_LEVELS)
    assert (np.diff(found, axis=1) >= 0).all()
    assert ((found >= 0) & (found <= GRID.z_max)).all()


@LAWS
@given(LOGITS, st.floats(0.01, 0.99))
def test_the_mass_below_a_quantile_is_its_level(logits, level):
    probability = softmax(logits)
    at = quantiles(probability, GRID, (level,))[:, 0]
    below = mass_between(probability, GRID, np.zeros(3), at)
    assert below == pytest.approx([level] * 3, abs=1e-9)


@LAWS
@given(LOGITS)
def test_estimates_lie_on_the_grid_and_the_peaks_share_the_probability(logits):
    probability = softmax(logits)
    summary = summarise(probability, GRID)
    for z in (summary.z_best, summary.z_mode, summary.z_mean, summary.z_median):
        assert ((z >= 0) & (z <= GRID.z_max)).all()
    assert (summary.z_n_peaks >= 1).all()
    assert np.array_equal(np.isnan(summary.z_mode2), summary.z_n_peaks == 1)
    known = summary.z_n_peaks > 1
    assert ((summary.z_mode2_area[known] > 0) & (summary.z_mode2_area[known] < 1)).all()
    # The highest peak is the mode; the second is no higher.
    bins = (summary.z_mode2[known] / GRID.width).astype(int)
    assert (probability[known, bins] <= probability[known].max(axis=1)).all()


@LAWS
@given(LOGITS, arrays(np.float64, 40, elements=st.floats(0, 0.5)))
def test_conformal_intervals_are_nested_and_hold_the_median(logits, scores):
    probability = softmax(logits)
    intervals = Conformal.fitted(scores).intervals(probability, GRID)
    median = quantiles(probability, GRID, (0.5,))
    assert (np.diff(intervals[:, :, 0], axis=1) <= 1e-12).all()
    assert (np.diff(intervals[:, :, 1], axis=1) >= -1e-12).all()
    assert (intervals[:, :, 0] <= median + 1e-12).all()
    assert (intervals[:, :, 1] >= median - 1e-12).all()


@LAWS
@given(LOGITS)
def test_samples_lie_where_there_is_probability(logits):
    probability = softmax(logits)
    drawn = draw(probability, GRID, 50, seed=1)
    bins = np.minimum((drawn / GRID.width).astype(int), GRID.n_bins - 1)
    assert (np.take_along_axis(probability, bins, axis=1) > 0).all()
