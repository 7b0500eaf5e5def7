"""Measurements of analytic galaxies, against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from survey.bands import BAND_SETS
from survey.measures import aperture_px, measure, outer_px
from survey.photometry import flux_to_mag

UGRIZ, RGB = BAND_SETS["sdss-ugriz"], BAND_SETS["display-rgb"]
SIDE = 84
PIXEL = 0.396


def gaussian(sigma_px, total=100.0, *, side=SIDE, x0=0.0, y0=0.0):
    """A Gaussian integrated over pixels by 5 × 5 samples, flux per pixel."""
    fine = (np.arange(side * 5) + 0.5) / 5 - 0.5 - (side - 1) / 2
    y, x = np.meshgrid(fine - y0, fine - x0, indexing="ij")
    dense = np.exp(-(x**2 + y**2) / (2 * sigma_px**2)) / (2 * np.pi * sigma_px**2)
    return total * dense.reshape(side, 5, side, 5).mean(axis=(1, 3))


def measured(planes, bands=UGRIZ, known=None, scale=PIXEL):
    planes = np.asarray(planes, dtype=np.float32)
    known = np.ones(planes.shape, dtype=bool) if known is None else known
    return measure(planes, known, bands, scale)


def five(plane, factors=(1, 1, 1, 1, 1)):
    return np.array([factor * plane for factor in factors])


def noisy(planes, sigma, seed=1):
    return planes + np.random.default_rng(seed).normal(0, sigma, np.shape(planes))


@pytest.mark.parametrize("sigma", [2.0, 3.0, 5.0])
def test_half_of_a_gaussians_light_lies_within_1_1774_sigma(sigma):
    assert measured(five(gaussian(sigma))).r50_px == pytest.approx(1.17741 * sigma, rel=0.02)


def test_the_concentration_of_a_gaussian_is_that_of_its_growth_curve():
    # 1 - exp(-r^2 / 2 sigma^2) = 0.2 and 0.8: r80 / r20 = sqrt(ln 0.2 / ln 0.8).
    expected = 5 * np.log10(np.sqrt(np.log(0.2) / np.log(0.8)))
    assert measured(five(gaussian(4))).concentration == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_the_aperture_holds_the_light_inside_eight_pixels(sigma):
    inside = 1 - np.exp(-(aperture_px(SIDE) ** 2) / (2 * sigma**2))
    # Whole pixels: the 208 inside 8 px are 3 % more than the circle's area.
    assert measured(five(gaussian(sigma))).flux == pytest.approx(np.full(5, 100 * inside), rel=0.015)


def test_bright_asinh_magnitudes_are_magnitudes():
    one = measured(five(gaussian(2, 1e4), (1, 2, 4, 8, 16)))
    assert one.magnitudes() == pytest.approx(flux_to_mag(one.flux), abs=1e-4)
    assert -np.diff(one.magnitudes()) == pytest.approx(np.full(4, 2.5 * np.log10(2)), abs=1e-4)


def test_at_no_flux_an_asinh_magnitude_is_that_of_its_softening():
    one = measured(five(gaussian(2, 1e-6)))
    assert one.magnitudes(softening=1.0) == pytest.approx(np.full(5, 22.5), abs=1e-5)
    assert one.magnitudes(softening=10.0) == pytest.approx(np.full(5, 20.0), abs=1e-5)


def test_a_band_of_one_value_is_missing():
    assert measured(five(gaussian(2), (1, 0, 1, 1, 1))).present.tolist() == [True, False, True, True, True]


@pytest.mark.parametrize(("x0", "y0"), [(0, 0), (0.5, 0), (0.3, -0.4), (-2.2, 1.7)])
def test_the_fwhm_of_a_gaussian_core_is_2_3548_sigma_wherever_its_middle_falls(x0, y0):
    sigma = 2.0
    # The pixel's own width adds 1/12 to the variance.
    expected = 2.35482 * np.sqrt(sigma**2 + 1 / 12)
    assert measured(five(gaussian(sigma, x0=x0, y0=y0))).core_fwhm_px == pytest.approx(expected, rel=0.01)


def test_a_broad_disc_with_a_sharp_core_is_sharp():
    broad, core = gaussian(8, 100.0), gaussian(1.2, 100.0)
    assert measured(five(broad + core)).core_fwhm_px < 3.3 < measured(five(broad)).core_fwhm_px


def test_level_and_noise_are_those_of_the_frame():
    sigmas = np.array([0.05, 0.02, 0.03, 0.05, 0.17])
    planes = noisy(five(gaussian(3)), sigmas[:, None, None]) + 0.5
    one = measured(planes)
    # Of 1,580 pixels the MAD is known to 3 %, the median to 3 % of the noise.
    assert one.noise == pytest.approx(sigmas, rel=0.12)
    assert one.sky == pytest.approx(np.full(5, 0.5), abs=0.03)


def test_signal_to_noise_is_that_of_the_summed_aperture():
    sigma, total = 0.1, 50.0
    one = measured(noisy(five(gaussian(2, total)), sigma))
    # Five equal bands: the signal five times, the noise sqrt(5) times, over sqrt(208) pixels.
    assert one.snr == pytest.approx(5 * total / (sigma * np.sqrt(5 * 208)), rel=0.1)


def test_faint_light_has_no_core():
    assert np.isnan(measured(noisy(five(np.zeros((SIDE, SIDE))), 1.0)).core_fwhm_px)


def test_without_light_there_is_no_size():
    assert np.isnan(measured(five(-gaussian(3))).r50_px)


def test_a_band_without_a_known_pixel_is_missing_and_the_others_are_measured_alike():
    plane = gaussian(3)
    known = np.ones((5, SIDE, SIDE), dtype=bool)
    known[3] = False
    whole, gapped = measured(five(plane)), measured(five(plane, (1, 1, 1, 0, 1)), known=known)
    assert gapped.present.tolist() == [True, True, True, False, True]
    assert np.isnan(gapped.flux[3])
    assert gapped.r50_px == pytest.approx(whole.r50_px)


def test_an_image_without_a_frame_is_measured_as_the_whole_one_is():
    plane = five(gaussian(3))
    known = np.zeros(plane.shape, dtype=bool)
    known[:, 22:62, 22:62] = True
    cut = measured(np.where(known, plane, 0), known=known)
    assert np.isnan(cut.noise).all()
    assert cut.r50_px == pytest.approx(measured(plane).r50_px)


@pytest.mark.parametrize("side", [36, 48, 84, 128, 186])
def test_what_is_measured_lies_in_the_half_that_every_image_covers(side):
    assert outer_px(side) <= side / 4
    assert aperture_px(side) <= outer_px(side)


def test_grey_is_one_and_a_pure_colour_none():
    grey = np.array([gaussian(3, 2000.0)] * 3)
    red = grey * np.array([1.0, 1e-9, 1e-9])[:, None, None]
    assert measured(grey, RGB, scale=None).greyness == pytest.approx(1)
    assert measured(red, RGB, scale=None).greyness == pytest.approx(0, abs=1e-6)


def test_a_white_background_does_not_make_a_picture_large():
    plane = gaussian(3, 2000.0)
    black, grey = (measured(np.array([plane + level] * 3), RGB, scale=None) for level in (0, 100))
    assert grey.r50_px == pytest.approx(black.r50_px, rel=1e-3)


def test_of_a_display_the_flux_is_the_mean_count():
    assert measured(
        np.tile(np.arange(SIDE, dtype=float), (3, SIDE, 1)), RGB, scale=None
    ).flux == pytest.approx([41.5] * 3)
