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
    # Four medians of some 16 pixels or more lie at most about half the noise off.
    assert found.level == pytest.approx(pedestal, abs=0.6 * NOISE)


@pytest.mark.parametrize("index", [1, 2, 4])
@pytest.mark.parametrize("half_light", [SIDE / 4, SIDE / 2, SIDE])
@pytest.mark.parametrize("flattening", [1.0, 0.5])
def test_the_halo_of_a_galaxy_that_fills_the_frame_is_no_pedestal(index, half_light, flattening):
    plane = sersic(index, half_light, flattening=flattening) + noise()
    assert not backdrop(plane).is_pedestal
    # On a disc, as after turning, there is less to compare.
    assert not backdrop(plane, radius() <= SIDE / 2).is_pedestal


@pytest.mark.parametrize("index", [0.5, 1, 2, 4])
@pytest.mark.parametrize("half_light", [1.5, 2, 3])
@pytest.mark.parametrize("surface", [20.0, 100.0])
def test_the_middle_of_a_galaxy_of_several_frames_is_no_pedestal(index, half_light, surface):
    found = backdrop(sersic(index, half_light * SIDE, surface=surface) + noise())
    assert not found.is_pedestal
    assert not found.may_be_pedestal


@pytest.mark.parametrize("index", [0.5, 1, 4])
@pytest.mark.parametrize("half_light", [SIDE / 10, SIDE / 5])
def test_a_pedestal_under_a_large_galaxy_is_found_all_the_same(index, half_light):
    assert backdrop(sersic(index, half_light, surface=5) + noise() + 20).is_pedestal


@pytest.mark.parametrize("pedestal", [-20.0, 20.0])
def test_the_level_is_not_biased_by_the_noise(pedestal):
    # 200 levels, each of 640 pixels: the error of their mean is 1.25 / sqrt(128000) = 0.0035 of the noise; 5 sigma.
    levels = [backdrop(noise(seed=seed) + pedestal).level for seed in range(200)]
    assert abs(np.mean(levels) - pedestal) < 0.0175 * NOISE


def test_a_neighbour_in_one_quarter_does_not_raise_the_level():
    plane = noise() + 20
    plane[-25:, -25:] += 30
    # Without it three quarters of 160 pixels: 0.1 of the noise each.
    assert backdrop(plane).level == pytest.approx(20, abs=0.4 * NOISE)


def test_a_small_significant_level_may_be_a_pedestal_and_none_may_not():
    # A median of 640 pixels is good to 0.05 of the noise.
    found = backdrop(noise() + 0.5 * NOISE)
    assert (found.is_pedestal, found.may_be_pedestal) == (False, True)
    assert not backdrop(noise()).may_be_pedestal


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
