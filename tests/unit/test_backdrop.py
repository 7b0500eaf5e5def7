"""A pedestal of sky is told from the halo of a galaxy that fills the frame."""

import numpy as np
import pytest

from survey.backdrop import measure_backdrop

SIDE, NOISE = 80, 0.5


def radius(side=SIDE, *, flattening=1.0):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.hypot(x, y / flattening)


def sersic(index, half_light, *, side=SIDE, flattening=1.0, surface=100.0):
    """Sersic profile, ``surface`` at the half-light radius; b_n after Ciotti & Bertin 1999, A&A 352, 447."""
    b = 2 * index - 1 / 3 + 4 / (405 * index)
    return surface * np.exp(-b * ((radius(side, flattening=flattening) / half_light) ** (1 / index) - 1))


def noise(side=SIDE, seed=1):
    return np.random.default_rng(seed).normal(0, NOISE, (side, side))


def backdrop(plane, good=None):
    return measure_backdrop(plane.astype(np.float32), np.isfinite(plane) if good is None else good)


@pytest.mark.parametrize("pedestal", [-40.0, 12.0, 1000.0])
@pytest.mark.parametrize("side", [20, 64, 200])
def test_a_pedestal_under_a_small_galaxy_is_found_with_its_level(pedestal, side):
    plane = sersic(1, side / 20, side=side, surface=20) + noise(side) + pedestal
    found = backdrop(plane)
    assert found.is_pedestal
    # The least of four medians of some 16 pixels or more lies at most about half the noise off.
    assert found.level == pytest.approx(pedestal, abs=0.6 * NOISE)


@pytest.mark.parametrize("index", [1, 2, 4])
@pytest.mark.parametrize("half_light", [SIDE / 4, SIDE / 2, SIDE])
@pytest.mark.parametrize("flattening", [1.0, 0.5])
def test_the_halo_of_a_galaxy_that_fills_the_frame_is_no_pedestal(index, half_light, flattening):
    plane = sersic(index, half_light, flattening=flattening) + noise()
    assert not backdrop(plane).is_pedestal
    # On a disc, as after turning, there is less to compare.
    assert not backdrop(plane, radius() <= SIDE / 2).is_pedestal


def test_a_pedestal_whose_faintest_pixels_are_below_ten_times_the_noise_is_left():
    # The fifth percentile of noise lies at -1.64 sigma.
    assert not backdrop(noise() + 10.5 * NOISE).is_pedestal
    assert backdrop(noise() + 13 * NOISE).is_pedestal


def test_the_noise_is_that_of_the_pixels_even_on_a_slope():
    slope = (np.arange(SIDE)[:, None] + np.arange(SIDE)[None]) * 0.1
    found = backdrop(noise() + slope)
    # 1.4826 MAD of 5,000 differences is good to 2 %; 5 sigma.
    assert found.noise == pytest.approx(NOISE, rel=0.1)
    assert found.scatter > 1.5 * NOISE


def test_masked_pixels_play_no_part():
    plane = noise() + 100
    hole = radius() > 0.55 * SIDE
    plane[hole] = np.nan
    assert backdrop(plane).level == pytest.approx(100, abs=NOISE)


@pytest.mark.parametrize("good", [0, 5, 60])
def test_too_few_pixels_tell_nothing(good):
    use = np.zeros((SIDE, SIDE), bool)
    use.ravel()[:good] = True
    assert backdrop(noise(), use) is None
