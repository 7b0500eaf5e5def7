"""Redshift distributions on a grid: estimates against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from index.pdf import RedshiftGrid, cde_loss, quantiles, summarise

GRID = RedshiftGrid(0.4, 180)


def gaussian(mean, sigma, grid=GRID):
    cumulative = norm.cdf(grid.edges, mean, sigma)
    probability = np.diff(cumulative)
    return (probability / probability.sum())[None]


def test_the_default_grid_is_180_bins_to_0_4():
    grid = RedshiftGrid.covering(np.array([0.02, 0.3]))
    assert (grid.z_max, grid.n_bins) == (0.4, 180)


def test_the_grid_reaches_beyond_the_farthest_spectrum_with_bins_of_the_same_width():
    grid = RedshiftGrid.covering(np.array([0.02, 1.0]))
    assert grid.z_max >= 1.05
    assert grid.width == pytest.approx(0.4 / 180)


def test_a_grid_to_high_redshift_has_no_more_than_1800_bins():
    grid = RedshiftGrid.covering(np.array([7.0]))
    assert (grid.n_bins, grid.z_max) == (1800, pytest.approx(7.35))


def test_estimates_of_a_gaussian_are_its_parameters():
    summary = summarise(gaussian(0.2, 0.02), GRID)
    for estimate in (summary.z_best, summary.z_mode, summary.z_mean, summary.z_median):
        assert estimate[0] == pytest.approx(0.2, abs=GRID.width)
    # Central 68 and 95 per cent of a normal distribution.
    assert summary.z_l68[0] == pytest.approx(norm.ppf(0.16, 0.2, 0.02), abs=3e-4)
    assert summary.z_u68[0] == pytest.approx(norm.ppf(0.84, 0.2, 0.02), abs=3e-4)
    assert summary.z_l95[0] == pytest.approx(norm.ppf(0.025, 0.2, 0.02), abs=3e-4)
    assert summary.z_u95[0] == pytest.approx(norm.ppf(0.975, 0.2, 0.02), abs=3e-4)
    assert summary.z_odds[0] == pytest.approx(1, abs=1e-3)
    assert not summary.at_edge[0]


def test_the_minimum_risk_estimate_prefers_the_larger_of_two_far_peaks():
    grid = RedshiftGrid(3.0, 600)
    two = 0.7 * gaussian(0.5, 0.02, grid) + 0.3 * gaussian(2.5, 0.02, grid)
    summary = summarise(two, grid)
    assert summary.z_best[0] == pytest.approx(0.5, abs=0.05)
    assert summary.z_mean[0] == pytest.approx(0.7 * 0.5 + 0.3 * 2.5, abs=0.01)


@pytest.mark.parametrize("end", [0.0, 0.4])
def test_probability_that_piles_up_at_an_end_of_the_grid_is_flagged(end):
    assert summarise(gaussian(end, 0.02), GRID).at_edge[0]


def test_quantiles_of_a_uniform_distribution_are_linear():
    uniform = np.full((2, GRID.n_bins), 1 / GRID.n_bins)
    levels = (0.0, 0.1, 0.5, 0.975, 1.0)
    assert quantiles(uniform, GRID, levels) == pytest.approx(
        np.tile(0.4 * np.array(levels), (2, 1)), abs=1e-12
    )


def test_quantiles_do_not_fall_and_skip_empty_bins():
    probability = np.zeros((1, GRID.n_bins))
    probability[0, [10, 100]] = 0.5
    found = quantiles(probability, GRID, (0.1, 0.5, 0.500001, 0.9))[0]
    assert np.all(np.diff(found) >= 0)
    assert 10 * GRID.width <= found[1] <= 11 * GRID.width
    assert 100 * GRID.width <= found[2] <= 101 * GRID.width


def test_depositing_keeps_the_weight_and_the_mean_redshift():
    rng = np.random.default_rng(2)
    z, weights = rng.uniform(0.01, 0.39, (5, 20)), rng.dirichlet(np.ones(20), 5)
    deposited = GRID.deposit(z, weights)
    assert deposited.sum(axis=1) == pytest.approx(np.ones(5))
    assert deposited @ GRID.centres == pytest.approx((z * weights).sum(axis=1))


def test_redshifts_beyond_the_grid_fall_into_its_last_bins():
    deposited = GRID.deposit(np.array([[-0.004, 5.0]]), np.array([[0.5, 0.5]]))
    assert deposited[0, [0, -1]].tolist() == [0.5, 0.5]


def test_kernel_rows_are_gaussians_that_lose_nothing_at_the_ends():
    kernel = GRID.kernel(0.02)
    assert kernel.sum(axis=1) == pytest.approx(np.ones(GRID.n_bins))
    middle = kernel[90] @ (GRID.centres - GRID.centres[90]) ** 2
    assert np.sqrt(middle) == pytest.approx(0.02 * (1 + GRID.centres[90]), rel=1e-3)


def test_cde_loss_of_a_uniform_density_is_minus_its_height():
    # Integral of p^2 is 1/L, twice p is 2/L: the loss is -1/L.
    uniform = np.full((3, GRID.n_bins), 1 / GRID.n_bins)
    assert cde_loss(uniform, GRID, np.array([0.1, 0.2, 0.3])) == pytest.approx(-1 / 0.4)


def test_cde_loss_prefers_the_true_width():
    truth = norm.rvs(0.2, 0.02, size=4000, random_state=3)
    losses = {s: cde_loss(np.repeat(gaussian(0.2, s), 4000, axis=0), GRID, truth) for s in (0.01, 0.02, 0.04)}
    assert min(losses, key=losses.get) == 0.02


def test_a_tail_that_reaches_redshift_zero_is_no_pile_up():
    # Nearby galaxies have it by nature: here the first bin holds 2 % of the probability.
    assert not summarise(gaussian(0.025, 0.02), GRID).at_edge[0]
