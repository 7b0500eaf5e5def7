"""Bands that lie aside of each other are found, bands that do not are left in peace."""

import numpy as np
import pytest
from astropy.io import fits
from support.fits_files import file_of, read, tan_header

from survey.registration import MAX_SHIFT_PX, band_shifts


def planes(shift=(0, 0), *, noise=0.05, seed=0):
    """Return three bands of a Gaussian with a companion, the second one moved."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((64, 64)) - 31.5
    blob = np.exp(-(x**2 + y**2) / 18) + 0.3 * np.exp(-((x - 9) ** 2 + (y + 6) ** 2) / 10)
    flux = np.stack([blob, np.roll(0.5 * blob, shift, axis=(0, 1)), 2 * blob])
    flux = flux + rng.normal(0, noise, flux.shape)
    return flux.astype(np.float32), np.ones(flux.shape, bool), np.full(3, noise)


@pytest.mark.parametrize("shift", [(0, 5), (-4, 0), (4, -7), (MAX_SHIFT_PX, 0)])
def test_a_band_that_was_moved_is_found_with_its_shift(shift):
    np.testing.assert_array_equal(band_shifts(*planes(shift)), [(0, 0), shift, (0, 0)])


def test_bands_that_agree_are_not_shifted():
    assert not band_shifts(*planes()).any()


def test_a_band_without_signal_is_not_compared():
    flux, good, sigma = planes()
    flux[1] = np.random.default_rng(1).normal(0, 0.05, flux[1].shape)
    assert not band_shifts(flux, good, sigma).any()


def test_colours_inside_a_galaxy_are_no_shift():
    flux, good, sigma = planes()
    y, x = np.indices((64, 64)) - 31.5
    flux[1] += (0.3 * np.exp(-((x - 3) ** 2 + y**2) / 6)).astype(np.float32)
    assert np.hypot(*band_shifts(flux, good, sigma).T).max() < 2


def test_masked_pixels_move_nothing():
    flux, good, sigma = planes()
    flux[1, 10:14, 10:14], good[1, 10:14, 10:14] = np.nan, False
    assert not band_shifts(flux, good, sigma).any()


def test_the_report_names_the_band():
    header = tan_header(64, SURVEY="DECaLS", BANDS="grz")
    flux, *_ = planes((0, 5))
    report = read(file_of(fits.PrimaryHDU(flux, header))).report
    assert "bands_shifted" in report.flags
    assert any("r by 5 px" in text for _, text in report.steps)


def test_a_right_file_is_not_suspected():
    header = tan_header(64, SURVEY="DECaLS", BANDS="grz")
    assert "bands_shifted" not in read(file_of(fits.PrimaryHDU(planes()[0], header))).report.flags
