"""Estimates of many galaxies: columns that fit, rows that stay together, samples of p(z)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, norm

from index.estimates import ARRAYS, INTEGERS, Estimates, Evidence, points_of
from index.pdf import RedshiftGrid, draw, mass_between, quantiles, summarise
from index.photoz_columns import COLUMNS, QUANTILE_LEVELS, Flag

GRID = RedshiftGrid(0.4, 180)


def gaussians(means, sigma=0.02):
    cumulative = norm.cdf(GRID.edges[None], np.asarray(means)[:, None], sigma)
    probability = np.diff(cumulative, axis=1)
    return probability / probability.sum(axis=1, keepdims=True)


def made(n=5, **changes):
    probability = gaussians(np.linspace(0.1, 0.3, n))
    columns = {name: np.zeros(n, np.int32) if name in INTEGERS else np.full(n, np.nan) for name in ARRAYS}
    parts = {
        "grid": GRID,
        "probability": probability,
        "columns": columns | points_of(summarise(probability, GRID)),
        "quantiles": quantiles(probability, GRID, QUANTILE_LEVELS),
        "evidence": Evidence(
            np.arange(3 * n).reshape(n, 3), np.full((n, 3), 0.9, np.float32), np.arange(n) % 4
        ),
        "model_id": "m",
        "train_set": "t",
    }
    return Estimates(**(parts | changes))


def test_every_column_is_an_array_or_a_member():
    members = {"z_q", "model_id", "train_set"}
    assert set(ARRAYS) | members == {column.name for column in COLUMNS}
    assert set(made().columns) == set(ARRAYS)
    assert INTEGERS == ("z_n_peaks", "z_flags")


def test_p_of_z_gives_all_columns_but_those_of_calibration_and_evidence():
    found = set(points_of(summarise(gaussians([0.2]), GRID)))
    assert set(ARRAYS) - found == {"z_conf", "z_flags", "z_neighbours", "support_percentile"}


def test_taking_rows_keeps_everything_of_a_galaxy_together():
    whole = made()
    part = whole.take([3, 1])
    assert len(part) == 2
    for n, row in enumerate((3, 1)):
        assert part.probability[n] == pytest.approx(whole.probability[row])
        assert part.quantiles[n] == pytest.approx(whole.quantiles[row])
        assert part.columns["z_best"][n] == whole.columns["z_best"][row]
        assert part.evidence.of(n)[0].tolist() == whole.evidence.of(row)[0].tolist()
    assert len(whole.take(slice(0, 0))) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {}}, "missing or too many"),
        ({"quantiles": np.zeros((5, 12))}, "quantiles does not fit"),
        ({"evidence": Evidence.none(4)}, "evidence does not fit"),
        ({"probability": gaussians([0.2] * 4)}, "does not fit 4 galaxies"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        made(**changes)


def test_flags_are_added_and_none_is_lost():
    once = made().with_flags(int(Flag.MASKED))
    twice = once.with_flags(np.array([0, 1, 0, 1, 0]))
    assert twice.columns["z_flags"].tolist() == [64, 65, 64, 65, 64]
    assert twice.columns["z_flags"].dtype == np.int32


def test_samples_follow_p_of_z():
    samples = made(2).samples(4000, seed=3)
    for drawn, mean in zip(samples, (0.1, 0.3), strict=True):
        assert kstest(drawn, norm(mean, 0.02).cdf).pvalue > 0.01
    assert np.array_equal(samples, made(2).samples(4000, seed=3))


def test_samples_avoid_bins_without_probability():
    probability = np.zeros((1, 180))
    probability[0, [20, 120]] = 0.5
    drawn = draw(probability, GRID, 2000, seed=1)[0]
    bins = np.unique((drawn / GRID.width).astype(int))
    assert bins.tolist() == [20, 120]
    assert (drawn < 0.2).mean() == pytest.approx(0.5, abs=0.05)


def test_the_mass_between_two_redshifts_is_that_of_the_normal_distribution():
    low, high = np.array([0.18, 0.203]), np.array([0.22, 0.9])
    expected = norm.cdf(high, 0.2, 0.02) - norm.cdf(low, 0.2, 0.02)
    assert mass_between(gaussians([0.2, 0.2]), GRID, low, high) == pytest.approx(expected, abs=1e-3)
    assert mass_between(gaussians([0.2]), GRID, np.array([-1.0]), np.array([9.0])) == pytest.approx(1)


def test_each_distribution_may_have_levels_of_its_own():
    probability = gaussians([0.15, 0.25])
    own = quantiles(probability, GRID, np.array([[0.1, 0.5], [0.3, 0.9]]))
    assert own[0] == pytest.approx(quantiles(probability[:1], GRID, (0.1, 0.5))[0])
    assert own[1] == pytest.approx(quantiles(probability[1:], GRID, (0.3, 0.9))[0])
    assert own[1] == pytest.approx(norm.ppf([0.3, 0.9], 0.25, 0.02), abs=3e-4)
