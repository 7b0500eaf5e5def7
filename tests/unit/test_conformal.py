"""Conformal intervals hold what they promise, overall and in every cell, whatever p(z) claims."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from support.redshift_draws import GRID, drawn

from index.cells import N_CELLS, Cells
from index.conformal import LEVELS, MIN_IN_CELL, Conformal, score
from index.temperature import softmax

N = 4000


def covered(conformal, galaxies, cells=None):
    intervals = conformal.intervals(softmax(galaxies.logits), GRID, cells)
    return (intervals[:, :, 0] <= galaxies.z[:, None]) & (galaxies.z[:, None] <= intervals[:, :, 1])


def within_band(hits, level, calibrated):
    """Whether a number of hits is one of the 99.9 % usual ones; calibrating on few widens what is usual."""
    n = len(hits)
    spread = 3.3 * np.sqrt(level * (1 - level) * (1 / n + 1 / calibrated))
    return abs(hits.mean() - level) < spread + 1 / calibrated


@pytest.mark.parametrize("claimed", [0.5, 1.0, 2.0])
def test_intervals_cover_what_they_promise_however_wrong_the_claimed_width_is(claimed):
    known, new = drawn(N, seed=1, claimed=claimed), drawn(N, seed=2, claimed=claimed)
    conformal = Conformal.fitted(score(softmax(known.logits), GRID, known.z))
    hits = covered(conformal, new)
    for column, level in enumerate(LEVELS):
        assert within_band(hits[:, column], level, N)


def test_each_cell_is_covered_although_the_claim_is_wrong_for_the_faint_alone():
    known, new = drawn(N, seed=3, faint=1.5), drawn(N, seed=4, faint=1.5)
    cells = Cells.fitted(known.photometry, ("g", "r"))
    scores = score(softmax(known.logits), GRID, known.z)
    own = cells.assign(known.photometry, ("g", "r"))
    there = cells.assign(new.photometry, ("g", "r"))
    by_cell = covered(Conformal.fitted(scores, own, n_cells=N_CELLS), new, there)
    overall = covered(Conformal.fitted(scores), new)
    for cell in range(N_CELLS):
        members = there == cell
        for column, level in enumerate(LEVELS):
            assert within_band(by_cell[members, column], level, N / N_CELLS)
    # Without cells the bright are covered too often and the faint too seldom.
    assert overall[there == 4, 0].mean() < 0.6
    assert overall[there == 0, 0].mean() > 0.76


def test_the_guarantee_holds_on_average_over_small_calibrations():
    # Coverage over calibration and test draws is at least the level and at most 1 / (n + 1) more: here to 3 sigma.
    n, trials = 39, 400
    hits = []
    for trial in range(trials):
        both = drawn(n + 1, seed=100 + trial, claimed=0.7)
        conformal = Conformal.fitted(score(softmax(both.logits[:n]), GRID, both.z[:n]))
        hits.append(covered(conformal, both.part(slice(n, None)))[0])
    for column, level in enumerate(LEVELS):
        total = int(np.sum([hit[column] for hit in hits]))
        assert binom.ppf(0.002, trials, level) <= total <= binom.ppf(0.998, trials, level + 1 / (n + 1))


def test_the_threshold_is_the_order_statistic_of_the_theorem():
    scores = np.arange(1, 100) / 200
    # n = 99: the 68th, 90th and 95th smallest.
    assert Conformal.fitted(scores).thresholds[-1] == pytest.approx([0.34, 0.45, 0.475])


def test_too_few_galaxies_for_a_level_give_the_whole_grid():
    conformal = Conformal.fitted(np.linspace(0.01, 0.4, 9))
    assert conformal.thresholds[-1, 1:].tolist() == [0.4, 0.5]
    few = Conformal.fitted(np.array([0.1]))
    intervals = few.intervals(np.full((1, 180), 1 / 180), GRID)
    assert intervals[0, 0] == pytest.approx([0, 0.4])


def test_a_cell_of_few_answers_as_all_do():
    rng = np.random.default_rng(5)
    cells = np.repeat([0, 1], [MIN_IN_CELL, MIN_IN_CELL - 1])
    scores = np.where(cells == 0, 0.1, 0.4) * rng.random(len(cells))
    conformal = Conformal.fitted(scores, cells, n_cells=2)
    assert conformal.counts.tolist() == [200, 199, 399]
    assert np.array_equal(conformal.thresholds[1], conformal.thresholds[2])
    assert (conformal.thresholds[0] < conformal.thresholds[2]).all()
    half = conformal.half_widths(np.array([0, -1]), 2)
    assert np.array_equal(half, conformal.thresholds[[0, 2]])


def test_a_higher_level_never_gives_a_narrower_interval():
    galaxies = drawn(300, seed=6)
    intervals = Conformal.fitted(score(softmax(galaxies.logits), GRID, galaxies.z)).intervals(
        softmax(galaxies.logits), GRID
    )
    assert (np.diff(intervals[:, :, 0], axis=1) <= 1e-12).all()
    assert (np.diff(intervals[:, :, 1], axis=1) >= -1e-12).all()
