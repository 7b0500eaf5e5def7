"""Where the target is known to a fraction of a pixel, it comes to the middle of the field."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from survey.bands import BAND_SETS
from survey.contract import InputContract
from survey.cutout import Cutout

BANDS = BAND_SETS["sdss-ugriz"]
CONTRACT = InputContract(BANDS, 0.396, 84, 64, "asinh", (0.02,) * 5)
FWHM_ARCSEC, SCALE = 1.3, 0.396


def seen(side, offset, scale=SCALE, **more):
    """A round galaxy, exactly where its offset says."""
    sigma = 2 * FWHM_ARCSEC / 2.3548 / scale
    y, x = np.mgrid[:side, :side] - (side - 1) / 2.0
    plane = 100 * scale**2 * np.exp(-((y - offset[0]) ** 2 + (x - offset[1]) ** 2) / (2 * sigma**2))
    flux = np.broadcast_to(plane.astype(np.float32), (5, side, side)).copy()
    return Cutout(flux, BANDS, pixel_scale_arcsec=scale, ebv=0.0, offset_px=offset, **more)


OFFSETS = st.tuples(st.floats(-1, 1), st.floats(-1, 1))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(48, 120), OFFSETS)
@example(51, (0.0, 0.0))
@example(84, (0.5, -0.5))
@example(84, (0.04, 0.0))
def test_the_target_lies_in_the_middle_of_the_field_whatever_its_offset(side, offset):
    expected = CONTRACT.calibrate(seen(84, (0.0, 0.0))).field[0]
    found = CONTRACT.calibrate(seen(side, offset)).field[0]
    y, x = np.indices(found.shape) - 41.5
    middle = np.array([(found * y).sum(), (found * x).sum()]) / found.sum()
    # What whole pixels leave, below 0.05, is left.
    assert np.abs(middle).max() < 0.051
    assert found.sum() == pytest.approx(expected.sum(), rel=1e-3)


@pytest.mark.parametrize("scale", [0.25, 0.168, 0.5])
@pytest.mark.parametrize("offset", [(0.25, 0.25), (-0.49, 0.4)])
def test_an_image_of_another_scale_is_resampled_about_its_target(scale, offset):
    side = 2 * round(42 * SCALE / scale)
    expected = CONTRACT.calibrate(seen(side, (0.0, 0.0), scale)).field
    found = CONTRACT.calibrate(seen(side, offset, scale)).field
    # Pixels taken as constant inside miss up to h**2 / 8 of the curvature along an axis
    # (tests/support/layout_judge.py), which is 1 / sigma**2 of the peak; two axes, two images.
    curvature = expected.max() / (2 * FWHM_ARCSEC / 2.3548) ** 2
    assert np.abs(found - expected).max() < 4 * scale**2 / 8 * curvature


def test_a_shift_agrees_with_the_light_itself():
    expected = CONTRACT.calibrate(seen(84, (0.0, 0.0))).field
    for offset in ((0.1, 0.0), (0.25, -0.4), (0.5, 0.5)):
        calibrated = CONTRACT.calibrate(seen(84, offset))
        assert np.abs(calibrated.field - expected)[:, 2:-2, 2:-2].max() < 1e-4 * expected.max()
        assert any("Shifted by a fraction" in note for note in calibrated.notes)


@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.04, -0.04)])
def test_even_stamps_with_the_target_in_the_middle_keep_every_bit(offset):
    for side in (50, 84, 120):
        source = seen(side, (0.0, 0.0))
        source.flux[:] += np.random.default_rng(side).normal(0, 1, source.flux.shape)
        moved = Cutout(source.flux, BANDS, pixel_scale_arcsec=SCALE, ebv=0.0, offset_px=offset)
        field = CONTRACT.calibrate(moved).field
        low, pad = max(0, (side - 84) // 2), max(0, (84 - side) // 2)
        inner = source.flux[:, low : low + 84, low : low + 84]
        np.testing.assert_array_equal(field, np.pad(inner, ((0, 0), (pad, pad), (pad, pad))))


def test_what_is_masked_spreads_no_light_and_is_masked_after():
    source = seen(84, (0.25, 0.25))
    mask = np.zeros(source.flux.shape, bool)
    mask[:, 50, 50] = True
    source.flux[:, 50, 50] = 1e9
    spoilt = Cutout(source.flux, BANDS, mask=mask, pixel_scale_arcsec=SCALE, ebv=0.0, offset_px=(0.25, 0.25))
    found = CONTRACT.calibrate(spoilt)
    assert not found.known[:, 50, 50].any()
    assert found.known[0].sum() >= 84 * 84 - 4
    expected = CONTRACT.calibrate(seen(84, (0.0, 0.0))).field
    # The filler is a mean of 24 pixels around: on the flank of a galaxy a per cent of the peak off.
    assert np.abs(found.field - expected)[:, 2:-2, 2:-2].max() < 0.02 * expected.max()


def test_an_offset_of_more_than_a_pixel_is_refused():
    for offset in ((1.5, 0.0), (0.0, float("nan"))):
        with pytest.raises(ValueError, match="a pixel is the limit"):
            Cutout(np.zeros((5, 4, 4), np.float32), BANDS, offset_px=offset)
