"""Cutouts become fields, and what cannot is named."""

import numpy as np
import pytest

from index.fields import Rejection, as_display, field_for, fields_for
from survey.bands import BAND_SETS
from survey.contract import Calibrated, InputContract
from survey.cutout import Cutout
from survey.display import read_display
from survey.rendering import encode, to_rgb

RGB = InputContract(BAND_SETS["display-rgb"], None, 48, 24, "unit", shrink=True)
FLUX = InputContract(BAND_SETS["sdss-ugriz"], 0.396, 48, 48, "asinh", (0.1,) * 5)


@pytest.fixture
def cutout():
    y, x = np.indices((48, 48)) - 23.5
    blob = np.exp(-(x**2 + (y - 6) ** 2) / 50)
    flux = (np.array([1, 2, 4, 5, 6])[:, None, None] * blob).astype(np.float32)
    return Cutout(flux, BAND_SETS["sdss-ugriz"], pixel_scale_arcsec=0.396, ebv=0.0)


def test_a_colour_model_sees_the_picture_that_a_user_sees(cutout):
    field = field_for(RGB, cutout).field
    assert np.array_equal(field, to_rgb(cutout).transpose(2, 0, 1))


def test_a_picture_is_left_as_it_is():
    picture = Cutout(np.zeros((3, 48, 48), np.float32), BAND_SETS["display-rgb"])
    assert as_display(picture) is picture


def test_pixels_without_a_value_stay_unknown_when_rendered(cutout):
    flux = cutout.flux.copy()
    flux[2, 0, 5] = np.nan
    rendered = as_display(Cutout(flux, cutout.bands, pixel_scale_arcsec=0.396))
    # FITS row 0 is the southernmost, a picture's row 0 the northernmost.
    assert np.argwhere(rendered.mask[0]).tolist() == [[47, 5]]


def test_a_missing_band_leaves_a_picture_of_the_others(cutout):
    flux = cutout.flux.copy()
    flux[3] = np.nan
    assert as_display(Cutout(flux, cutout.bands, pixel_scale_arcsec=0.396)).good().all()


def test_what_does_not_fit_is_named_in_its_place(cutout):
    small = Cutout(cutout.flux[:, :20, :20], cutout.bands, pixel_scale_arcsec=0.396)
    picture = Cutout(np.zeros((3, 48, 48), np.float32), BAND_SETS["display-rgb"])
    good, too_small, no_bands = fields_for(FLUX, [cutout, small, picture])
    assert isinstance(good, Calibrated)
    assert isinstance(too_small, Rejection)
    assert too_small.code == "fits.too_small"
    assert no_bands.code == "fits.band_missing"
    assert "sdss:u" in no_bands.message


def test_a_picture_sent_and_the_same_flux_rendered_give_one_field(cutout):
    sent = read_display(encode(to_rgb(cutout))).cutout
    assert np.array_equal(field_for(RGB, sent).field, field_for(RGB, cutout).field)
