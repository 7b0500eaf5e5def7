"""Peaks of p(z): counted as an astronomer would, each with what lies under it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from index import peaks
from index.pdf import RedshiftGrid, summarise

GRID = RedshiftGrid(0.4, 180)


def mixture(*parts):
    probability = sum(share * np.diff(norm.cdf(GRID.edges, mean, width)) for share, mean, width in parts)
    return (probability / probability.sum())[None]


def test_a_gaussian_has_one_peak_and_no_second():
    summary = summarise(mixture((1, 0.2, 0.02)), GRID)
    assert summary.z_n_peaks.tolist() == [1]
    assert np.isnan([summary.z_mode2[0], summary.z_mode2_area[0]]).all()


@pytest.mark.parametrize("share", [0.15, 0.3, 0.45])
def test_the_second_of_two_separate_peaks_lies_at_its_mean_and_holds_its_share(share):
    summary = summarise(mixture((1 - share, 0.1, 0.015), (share, 0.28, 0.015)), GRID)
    assert summary.z_n_peaks.tolist() == [2]
    assert summary.z_mode2[0] == pytest.approx(0.28, abs=GRID.width)
    assert summary.z_mode2_area[0] == pytest.approx(share, abs=2e-3)


def test_a_middle_peak_is_bounded_on_both_sides():
    summary = summarise(mixture((0.5, 0.06, 0.01), (0.3, 0.18, 0.01), (0.2, 0.3, 0.01)), GRID)
    assert summary.z_n_peaks.tolist() == [3]
    assert summary.z_mode2_area[0] == pytest.approx(0.3, abs=2e-3)


@pytest.mark.parametrize("end", [0.001, 0.399])
def test_a_peak_in_an_outermost_bin_is_one(end):
    found = peaks.find(mixture((0.4, end, 0.01), (0.6, 0.2, 0.01)))
    assert found.n.tolist() == [2]


def test_what_is_too_small_or_too_near_is_no_peak():
    assert peaks.find(mixture((0.99, 0.1, 0.01), (0.01, 0.3, 0.01))).n.tolist() == [1]
    # Two Gaussians 2.5 sigma apart: the valley does not fall to half.
    assert peaks.find(mixture((0.5, 0.19, 0.02), (0.5, 0.24, 0.02))).n.tolist() == [1]


def test_ripples_on_a_flat_top_are_no_peaks():
    rng = np.random.default_rng(1)
    probability = mixture((1, 0.2, 0.05))[0] * (1 + 0.1 * rng.random(GRID.n_bins))
    assert peaks.find(probability[None]).n.tolist() == [1]


def test_a_flat_distribution_has_one_peak():
    assert peaks.find(np.full((1, 180), 1 / 180)).n.tolist() == [1]
