"""Redshift intervals hold as many true redshifts as they promise, and the measures of it are right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, norm

from index.calibration import coverage, crps, measure, pit, pit_distance
from index.kernel import sharpened
from index.neighbours import build_graph
from index.pdf import RedshiftGrid
from index.photoz import KernelPhotoZ
from index.spectroscopic import Spectroscopic
from index.vectors.exact import ExactStore

GRID = RedshiftGrid(0.4, 180)


def gaussians(means, sigma):
    probability = np.diff(norm.cdf(GRID.edges[None], np.asarray(means)[:, None], sigma), axis=1)
    return probability / probability.sum(axis=1, keepdims=True)


def test_the_pit_is_the_probability_below_the_truth():
    truth = np.array([0.17, 0.2, 0.25])
    assert pit(gaussians([0.2] * 3, 0.02), GRID, truth) == pytest.approx(norm.cdf(truth, 0.2, 0.02), abs=2e-3)


def test_the_pit_is_0_and_1_at_the_ends_of_the_grid_and_beyond():
    uniform = np.full((4, GRID.n_bins), 1 / GRID.n_bins)
    assert pit(uniform, GRID, np.array([-0.1, 0.0, 0.4, 7.0])) == pytest.approx([0, 0, 1, 1])


def test_coverage_counts_central_intervals():
    assert coverage(np.array([0.01, 0.2, 0.5, 0.8, 0.99]), 0.68) == pytest.approx(3 / 5)
    assert coverage(np.array([0.01, 0.2, 0.5, 0.8, 0.99]), 0.99) == 1


def test_the_pit_distance_is_that_of_kolmogorov_and_smirnov():
    values = np.random.default_rng(3).beta(2, 3, 200)
    assert pit_distance(values) == pytest.approx(kstest(values, "uniform").statistic)


def test_the_crps_of_a_gaussian_is_its_closed_form():
    # Gneiting & Raftery 2007, section 4.2.
    sigma, z = 0.02, 0.23
    x = (z - 0.2) / sigma
    expected = sigma * (x * (2 * norm.cdf(x) - 1) + 2 * norm.pdf(x) - 1 / np.sqrt(np.pi))
    assert crps(gaussians([0.2], sigma), GRID, np.array([z])) == pytest.approx(expected, rel=0.01)


def test_honest_distributions_measure_as_honest():
    rng = np.random.default_rng(5)
    means = rng.uniform(0.1, 0.3, 4000)
    found = measure(gaussians(means, 0.02), GRID, rng.normal(means, 0.02))
    # Four standard deviations of a share among 4,000.
    assert found.coverage_68 == pytest.approx(0.68, abs=0.03)
    assert found.coverage_95 == pytest.approx(0.95, abs=0.014)
    assert found.pit_distance < 0.03


def test_a_gaussian_to_the_power_t_is_narrower_by_its_root():
    assert sharpened(gaussians([0.2], 0.04), 4.0) == pytest.approx(gaussians([0.2], 0.02), abs=3e-4)


@pytest.mark.parametrize("scatter", [0.002, 0.008, 0.015, 0.03])
def test_intervals_of_new_galaxies_cover_what_they_promise(scatter):
    vectors, z = arc(3000, scatter)
    known, new = slice(0, 1500), slice(1500, None)
    store = ExactStore(vectors[known])
    photoz = KernelPhotoZ.fitted(store, build_graph(store, 100), Spectroscopic(z[known]), is_display=False)
    found = photoz.estimate_many(vectors[new])
    for lower, upper, expected in (("z_l68", "z_u68", 0.68), ("z_l95", "z_u95", 0.95)):
        inside = (found.columns[lower] <= z[new]) & (z[new] <= found.columns[upper])
        assert np.mean(inside) == pytest.approx(expected, abs=0.04)
    assert photoz.settings is not None
    assert photoz.settings.leave_one_out_coverage_68 == pytest.approx(0.68, abs=0.04)
    assert photoz.settings.leave_one_out_pit_distance < 0.06
    assert 0 < photoz.settings.leave_one_out_crps < scatter


def arc(n, scatter):
    """Unit vectors along an arc whose position gives the redshift up to a scatter of (1 + z)."""
    rng = np.random.default_rng(6)
    z = rng.uniform(0.05, 0.35, n)
    vectors = np.stack([np.cos(z * np.pi), np.sin(z * np.pi), rng.normal(0, 0.05, n)], axis=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), np.maximum(z + scatter * (1 + z) * rng.normal(size=n), 0)
