import numpy as np
import pytest

from survey.bands import BAND_SETS
from survey.blends import NO_BLEND, measure_blend
from survey.cutout import Cutout

UGRIZ = BAND_SETS["sdss-ugriz"]
SIDE, SIGMA, PSF = 84, 0.03, 1.5
Y, X = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2


def blob(x, y, flux, sigma=PSF):
    return flux / (2 * np.pi * sigma**2) * np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2 * sigma**2))


def scene(*sources, seed=0):
    noise = np.random.default_rng(seed).normal(0, SIGMA, (5, SIDE, SIDE))
    return Cutout((sum(sources) + noise).astype(np.float32), UGRIZ, pixel_scale_arcsec=0.396)


@pytest.mark.parametrize("seed", range(5))
def test_a_galaxy_alone_has_no_neighbour(seed):
    assert measure_blend(scene(blob(0, 0, 300, sigma=4), seed=seed)) == NO_BLEND


@pytest.mark.parametrize("ratio", [0.1, 0.5, 2.0])
def test_a_star_aside_has_its_flux_ratio_and_separation(ratio):
    found = measure_blend(scene(blob(0, 0, 300, sigma=3), blob(15, -20, 300 * ratio)))
    assert found.n_neighbours == 1
    assert found.flux_ratio == pytest.approx(ratio, rel=0.1)
    assert found.separation_px == pytest.approx(25, abs=1.0)
    assert found.separation_arcsec == pytest.approx(0.396 * found.separation_px, abs=0.01)
    # Half at 10 px, and so on as 1 / (1 + (d / 10 px)^2).
    assert found.influence == pytest.approx(found.flux_ratio / (1 + found.separation_px**2 / 100), rel=1e-3)
    assert found.overlap == 0


def test_the_neighbour_that_matters_most_is_the_one_told_of():
    found = measure_blend(scene(blob(0, 0, 300, sigma=3), blob(30, 0, 150), blob(0, 14, 140)))
    assert found.n_neighbours == 2
    assert found.separation_px == pytest.approx(14, abs=1.0)


def test_a_companion_without_a_peak_of_its_own_is_seen_by_the_asymmetry():
    found = measure_blend(scene(blob(0, 0, 300, sigma=2.5), blob(5, 4, 150, sigma=3)))
    assert found.overlap == 1
    assert found.influence > 0.09


def test_two_arms_alike_are_no_neighbours():
    arms = blob(9, 3, 40, sigma=2) + blob(-9, -3, 40, sigma=2)
    assert measure_blend(scene(blob(0, 0, 300, sigma=5), arms)).influence < 0.02


def test_nothing_is_raised_for_any_pixels():
    for fill in (np.nan, 0.0, 1e30):
        assert measure_blend(Cutout(np.full((5, 40, 40), fill, np.float32), UGRIZ)).influence == 0
    assert measure_blend(Cutout(np.zeros((5, 3, 3), np.float32), UGRIZ)) == NO_BLEND
