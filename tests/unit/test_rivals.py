"""Redshifts from magnitudes: planes are found exactly, errors have the size and shape that are claimed."""

import numpy as np
import pytest

from index.pdf import RedshiftGrid
from training.pdf_metrics import is_covered, pit_ks, pit_values
from training.photoz_metrics import normalised_dz, sigma_mad
from training.rivals import colour_features, fit_boosting, local_linear, local_linear_pdf

GRID = RedshiftGrid(0.4, 180)


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 5))
    noise = rng.normal(size=3000) * np.where(x[:, 1] > 0, 0.02, 0.01)
    z = 0.15 + 0.02 * x[:, 0] + 0.01 * np.tanh(x[:, 2]) + noise
    return x, z


def test_features_are_r_and_the_colours_in_order():
    found = colour_features(np.array([[18.0, 17.0, 16.5, 16.1, 16.0], [np.nan, 17, 16, 15, 14]]))
    assert found[0] == pytest.approx([16.5, 1.0, 0.5, 0.4, 0.1])
    assert np.isnan(found[1]).tolist() == [False, True, False, False, False]


def test_a_plane_is_predicted_exactly():
    rng = np.random.default_rng(1)
    known, asked = rng.normal(size=(400, 5)), rng.normal(size=(50, 5))
    slope = np.array([0.1, -0.2, 0.3, 0.05, 0.0])
    assert local_linear(known, 0.5 + known @ slope, asked) == pytest.approx(0.5 + asked @ slope, abs=1e-9)


def test_a_missing_colour_is_left_out_of_the_comparison():
    rng = np.random.default_rng(2)
    known, asked = rng.normal(size=(400, 5)), rng.normal(size=(20, 5))
    z = 0.5 + 0.1 * known[:, 0]
    asked[5, 3] = asked[6, 3] = asked[6, 1] = np.nan
    asked[7] = np.nan
    known[9, 2] = np.nan
    found = local_linear(known, z, asked)
    assert np.isnan(found).tolist() == [row == 7 for row in range(20)]
    assert np.delete(found, 7) == pytest.approx(0.5 + 0.1 * np.delete(asked[:, 0], 7), abs=1e-9)


def test_a_feature_that_is_the_same_for_all_says_nothing():
    rng = np.random.default_rng(5)
    known, asked = rng.normal(size=(300, 5)), rng.normal(size=(10, 5))
    known[:, 4] = asked[:, 4] = 0.3
    assert local_linear(known, 0.1 * known[:, 0], asked) == pytest.approx(0.1 * asked[:, 0], abs=1e-9)


def test_the_neighbours_distribution_is_as_wide_as_their_scatter(drawn):
    x, z = drawn
    p = local_linear_pdf(x[:2000], z[:2000], x[2000:], GRID, width=0.004)
    assert p.sum(axis=1) == pytest.approx(1)
    # Kolmogorov's bound for 1,000 values is 0.052 at 1 %; thirty neighbours know the scatter to a seventh.
    assert pit_ks(pit_values(p, GRID, z[2000:])) < 0.06


def test_boosted_trees_find_the_mean_and_state_errors_of_the_right_size(drawn):
    x, z = drawn
    boosted = fit_boosting(x[:2000], z[:2000], np.arange(2000))
    asked, truth = x[2000:], z[2000:]
    # The noise of half the galaxies is 0.01, of the others 0.02: no method has less than 0.0135 / 1.15.
    assert sigma_mad(normalised_dz(boosted.predict(asked), truth)) < 0.016
    p = boosted.pdf(asked, GRID)
    assert p.sum(axis=1) == pytest.approx(1)
    pit = pit_values(p, GRID, truth)
    assert pit_ks(pit) < 0.06
    for half in (asked[:, 1] > 0.3, asked[:, 1] < -0.3):
        central = is_covered(pit[half], np.full(half.sum(), 0.16), np.full(half.sum(), 0.84))
        assert central.mean() == pytest.approx(0.68, abs=0.08)
