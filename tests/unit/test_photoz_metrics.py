"""Redshift figures against numbers worked out by hand, and bootstrap errors against those of statistics."""

import numpy as np
import pytest

from index.pdf import RedshiftGrid, cde_loss
from training.pdf_metrics import cde_terms, crps_terms, is_covered, pit_cvm, pit_ks, pit_values
from training.photoz_metrics import (
    DEFINITIONS,
    POINT_METRICS,
    bootstrap,
    cluster_draws,
    normalised_dz,
    outlier_fraction,
    point_metrics,
    rail_outlier_fraction,
    sigma_iqr,
    sigma_mad,
)

FOUR = RedshiftGrid(0.4, 4)


def test_dz_is_divided_by_one_plus_the_true_redshift():
    assert normalised_dz(np.array([0.22, 0.1]), np.array([0.1, 0.1])) == pytest.approx([0.12 / 1.1, 0])


@pytest.mark.parametrize("width", [sigma_mad, sigma_iqr])
def test_a_width_ignores_a_shift_and_follows_a_scale(width):
    dz = np.random.default_rng(0).normal(0, 0.02, 20_000)
    assert width(dz) == pytest.approx(0.02, rel=0.02)
    assert width(3 * dz + 0.5) == pytest.approx(3 * width(dz))


def test_outliers_are_beyond_the_stated_threshold():
    dz = np.array([0.0, 0.049, -0.051, 0.2])
    assert outlier_fraction(dz, threshold=0.05) == 0.5
    assert outlier_fraction(dz, threshold=0.15) == 0.25


def test_rail_counts_beyond_three_sigma_but_never_nearer_than_006():
    # Quartiles of the first are 0: the limit is 0.06. The second's interquartile range is 0.0674 = 0.05 sigma: 0.15.
    assert rail_outlier_fraction(np.array([0] * 8 + [0.059, 0.061])) == 0.1
    spread = 0.05 * 1.349 / 2
    wide = np.array([-spread] * 40 + [spread] * 40 + [0.149, 0.151])
    assert sigma_iqr(wide) == pytest.approx(0.05)
    assert rail_outlier_fraction(wide) == pytest.approx(1 / 82)


def test_point_metrics_leave_out_what_has_no_redshift():
    z_spec = np.array([0.1, 0.1, np.nan, 0.1, 0.1])
    z_phot = np.array([0.111, 0.089, 0.3, np.nan, 0.21])
    found = point_metrics(z_phot, z_spec)
    assert found["n"] == 3
    assert found["bias_mean"] == pytest.approx(0.1 / 3)
    assert found["bias_median"] == pytest.approx(0.01)
    assert found["outliers_005"] == pytest.approx(1 / 3)
    # Three points a tenth apart have an interquartile range of 0.055: three sigma are 0.12.
    assert found["outliers_rail"] == 0
    assert found["sigma_mad"] == pytest.approx(1.4826 * 0.02)
    with pytest.raises(ValueError, match="no object has both"):
        point_metrics(np.array([np.nan]), np.array([0.1]))


def test_every_point_metric_is_defined_in_words():
    assert set(POINT_METRICS) <= set(DEFINITIONS)


def test_pit_is_the_probability_below():
    p = np.array([[0.1, 0.2, 0.3, 0.4]] * 5)
    assert pit_values(p, FOUR, np.array([0.0, 0.15, 0.2, 0.4, 0.9])) == pytest.approx([0, 0.2, 0.3, 1, 1])


def test_crps_of_a_uniform_density():
    # Integral of (x - step)^2 over a unit interval is (s^3 + (1 - s)^3) / 3, here on one of length 0.4.
    z = np.array([0.0, 0.1, 0.2, 0.27, 0.4])
    s = z / 0.4
    assert crps_terms(np.full((5, 4), 0.25), FOUR, z) == pytest.approx(0.4 * (s**3 + (1 - s) ** 3) / 3)


def test_crps_of_a_sharp_distribution_is_the_absolute_error():
    grid = RedshiftGrid(0.4, 4000)
    sharp = np.zeros((3, 4000))
    sharp[:, 1000] = 1
    # Within the bin's width, 0.0001; beyond the grid the distance goes on growing.
    found = crps_terms(sharp, grid, np.array([0.3, 0.05, 0.6]))
    assert found == pytest.approx([0.2, 0.05, 0.5], abs=1e-4)


def test_crps_grows_no_better_by_dishonesty():
    rng = np.random.default_rng(1)
    grid = RedshiftGrid(0.4, 80)
    z = rng.normal(0.2, 0.03, 4000)
    scores = []
    for sigma in (0.015, 0.03, 0.06):
        p = np.exp(-0.5 * ((grid.centres - 0.2) / sigma) ** 2)
        scores.append(crps_terms(np.tile(p / p.sum(), (4000, 1)), grid, z).mean())
    assert scores[1] < min(scores[0], scores[2])


def test_cde_terms_average_to_the_loss():
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(4), 50)
    z = rng.uniform(0, 0.4, 50)
    assert cde_terms(p, FOUR, z).mean() == pytest.approx(cde_loss(p, FOUR, z))
    assert cde_terms(np.full((1, 4), 0.25), FOUR, np.array([0.7])) == pytest.approx([2.5])


def test_intervals_hold_their_ends():
    z = np.array([0.1, 0.2, 0.3])
    assert is_covered(z, np.array([0.1, 0.1, 0.1]), np.array([0.2, 0.2, 0.2])).tolist() == [True, True, False]


def test_uniform_pit_is_near_zero_and_a_pile_is_not():
    even = (np.arange(1000) + 0.5) / 1000
    assert pit_ks(even) == pytest.approx(0.0005)
    assert pit_cvm(even) == pytest.approx(1 / 12e6)
    assert pit_ks(np.full(10, 0.5)) == 0.5


def test_bootstrap_error_of_a_mean_is_sigma_over_root_n():
    x = np.random.default_rng(0).normal(size=400)
    draws = cluster_draws(np.arange(400), rng=np.random.default_rng(1), n_draws=2000)
    found = bootstrap(lambda rows: float(x[rows].mean()), draws, 400)
    assert found.error == pytest.approx(x.std() / 20, rel=0.06)
    assert found.high - found.low == pytest.approx(2 * 1.96 * found.error, rel=0.08)


def test_siblings_are_drawn_together_and_widen_the_error():
    groups = np.random.default_rng(3).permutation(np.repeat(np.arange(100), 9))
    draws = cluster_draws(groups, rng=np.random.default_rng(1), n_draws=1500)
    assert {int(count) % 9 for rows in draws[:5] for count in np.bincount(groups[rows])} == {0}
    x = np.random.default_rng(0).normal(size=100)[groups]
    found = bootstrap(lambda rows: float(x[rows].mean()), draws, 900)
    # Nine equal members: as many witnesses as groups.
    assert found.error == pytest.approx(x.std() / 10, rel=0.08)


def test_draws_that_hold_nothing_to_measure_do_not_count():
    rare = np.array([1.0, np.nan, np.nan, np.nan])
    draws = cluster_draws(np.arange(4), rng=np.random.default_rng(0), n_draws=50)
    found = bootstrap(lambda rows: float(np.nanmax(rare[rows], initial=-np.inf)), draws, 4)
    assert found.value == found.low == found.high == 1
