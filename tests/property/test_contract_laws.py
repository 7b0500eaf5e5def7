"""Laws of the way from a cutout to the network's input."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from survey.bands import BAND_SETS
from survey.contract import ContractViolation, InputContract
from survey.cutout import Cutout
from survey.extinction import deredden, redden
from survey.resample import overlap_matrix, resample

law = settings(derandomize=True, max_examples=20, deadline=None)
UGRIZ = BAND_SETS["sdss-ugriz"]
CROPPED = InputContract(UGRIZ, 0.396, 84, 64, "asinh", (0.05, 0.02, 0.03, 0.05, 0.2))
SHRUNK = InputContract(UGRIZ, 0.396, 84, 42, "asinh", (0.05, 0.02, 0.03, 0.05, 0.2), shrink=True)
DISPLAY = InputContract(BAND_SETS["display-rgb"], None, 128, 64, "unit", shrink=True)
CONTRACTS = {"cropped": CROPPED, "shrunk": SHRUNK, "display": DISPLAY}


def sky(contract, height, width, *, seed=0, scale=0.396, **kwargs):
    rng = np.random.default_rng(seed)
    flux = rng.normal(5, 1, (len(contract.bands), height, width))
    if contract.is_display:
        flux, scale = np.clip(20 * flux, 0, 255), None
    return Cutout(flux.astype(np.float32), contract.bands, pixel_scale_arcsec=scale, **kwargs)


@law
@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.1, 20), st.floats(-5, 5))
@example(n_in=51, n_out=84, ratio=1.0, shift=0.0)
def test_overlaps_are_shares(n_in, n_out, ratio, shift):
    matrix = overlap_matrix(n_in=n_in, n_out=n_out, scale_ratio=ratio, centre_in=(n_in - 1) / 2 + shift)
    assert matrix.shape == (n_out, n_in)
    assert matrix.min() >= 0
    # No input pixel is used more than once, no output pixel is filled more than its size.
    assert matrix.sum(axis=0).max() <= 1 + 1e-9
    assert matrix.sum(axis=1).max() <= ratio + 1e-9


@law
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.2, 10), st.integers(0, 5))
@example(height=51, width=51, ratio=1.0, seed=0)
def test_flux_is_conserved_on_a_grid_that_holds_the_image(height, width, ratio, seed):
    planes = np.random.default_rng(seed).normal(1, 1, (2, height, width)).astype(np.float32)
    n_out = int(np.ceil(max(height, width) / ratio)) + 2
    total = resample(planes, n_out=n_out, scale_ratio=ratio).sum(axis=(1, 2), dtype=np.float64)
    np.testing.assert_allclose(total, planes.sum(axis=(1, 2), dtype=np.float64), rtol=1e-5, atol=1e-4)


@law
@given(st.floats(0.11, 8), st.integers(90, 140))
def test_surface_brightness_is_conserved(ratio, side):
    # A flat sky of 1 per input pixel is ratio**2 per output pixel.
    flat = resample(np.ones((1, side, side), np.float32), n_out=8, scale_ratio=ratio)
    np.testing.assert_allclose(flat, ratio**2, rtol=1e-5)


@law
@given(st.sampled_from(sorted(CONTRACTS)), st.integers(60, 130), st.integers(0, 5), st.integers(1, 3))
@example(name="cropped", side=84, seed=0, turns=1)
@example(name="cropped", side=52, seed=0, turns=1)
def test_quarter_turns_commute_with_the_contract(name, side, seed, turns):
    contract = CONTRACTS[name]
    cutout = sky(contract, side, side, seed=seed)
    turned = Cutout(
        np.rot90(cutout.flux, turns, axes=(1, 2)), cutout.bands, pixel_scale_arcsec=cutout.pixel_scale_arcsec
    )
    straight = contract.finish(contract.calibrate(cutout).field)
    after = contract.finish(contract.calibrate(turned).field)
    np.testing.assert_allclose(after, np.rot90(straight, turns, axes=(1, 2)), rtol=1e-4, atol=1e-5)


@law
@given(st.floats(0, 2), st.integers(0, 5))
def test_redden_then_deredden_is_identity(ebv, seed):
    flux = np.random.default_rng(seed).normal(5, 1, (5, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(deredden(redden(flux, ebv, UGRIZ), ebv, UGRIZ), flux, rtol=1e-6)


@law
@given(st.floats(0, 1))
def test_dust_is_undone_by_the_contract(ebv):
    clean = sky(CROPPED, 84, 84)
    dusty = Cutout(redden(clean.flux, ebv, UGRIZ), UGRIZ, pixel_scale_arcsec=0.396, ebv=ebv)
    bare = Cutout(clean.flux, UGRIZ, pixel_scale_arcsec=0.396, ebv=0.0)
    np.testing.assert_allclose(
        CROPPED.calibrate(dusty).field, CROPPED.calibrate(bare).field, rtol=1e-5, atol=1e-5
    )


@law
@given(st.sampled_from(sorted(CONTRACTS)), st.integers(1, 3), st.integers(0, 5))
def test_any_array_namespace_gives_the_same_input(name, n, seed):
    contract = CONTRACTS[name]
    shape = (n, len(contract.bands), contract.field_px, contract.field_px)
    fields = np.random.default_rng(seed).normal(5, 10, shape).astype(np.float32)
    expected = contract.finish(fields)
    assert expected.dtype == np.float32
    assert expected.shape == (*shape[:2], contract.input_px, contract.input_px)
    strict = contract.finish(array_api_strict.asarray(fields), xp=array_api_strict)
    np.testing.assert_allclose(np.asarray(strict), expected, rtol=1e-6, atol=1e-6)
    # Sums that cancel keep float32's 1e-6 of the flux, which the stretch divides by a softening of 0.02.
    np.testing.assert_allclose(contract.finish(fields.astype(np.float64)), expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(contract.finish(fields[0]), expected[0])


@law
@given(st.integers(20, 120), st.integers(20, 120))
@example(40, 40)
@example(38, 38)
@example(40, 38)
@example(40, 39)
@example(51, 51)
@example(63, 63)
@example(64, 64)
@example(84, 30)
def test_less_than_forty_pixels_is_refused_and_less_than_the_input_flagged(height, width):
    cutout = sky(CROPPED, height, width)
    # The target of an odd side lies in the middle of a pixel: those of the field are covered by half at either end.
    least = min(height + height % 2, width + width % 2)
    if least < 40:
        with pytest.raises(ContractViolation, match="central 40") as refusal:
            CROPPED.calibrate(cutout)
        assert refusal.value.code == "fits.too_small"
    else:
        flags = CROPPED.calibrate(cutout).flags
        assert ("partial_field" in flags) == (least < 64)


@law
@given(st.integers(0, 60), st.integers(0, 5))
def test_masked_pixels_are_never_known(n_masked, seed):
    rng = np.random.default_rng(seed)
    cutout = sky(CROPPED, 84, 84)
    mask = np.zeros(cutout.flux.shape, bool)
    mask[rng.integers(0, 5, n_masked), rng.integers(0, 84, n_masked), rng.integers(0, 84, n_masked)] = True
    spoilt = np.where(mask, np.float32(np.nan), cutout.flux)
    by_mask = CROPPED.calibrate(Cutout(cutout.flux, UGRIZ, mask=mask, pixel_scale_arcsec=0.396))
    by_nan = CROPPED.calibrate(Cutout(spoilt, UGRIZ, pixel_scale_arcsec=0.396))
    by_ivar = CROPPED.calibrate(
        Cutout(cutout.flux, UGRIZ, ivar=(~mask).astype(np.float32), pixel_scale_arcsec=0.396)
    )
    np.testing.assert_array_equal(by_mask.known, ~mask)
    for other in (by_nan, by_ivar):
        np.testing.assert_array_equal(other.field, by_mask.field)
        assert other.flags == by_mask.flags


@settings(law, max_examples=8)
@given(st.floats(0.15, 1.0))
def test_pixel_scale_changes_no_total_flux(scale):
    # A Gaussian of 3 arcsec well inside the image, drawn at any pixel scale.
    half = int(np.ceil(20 / scale))
    axis = np.arange(-half, half + 1) * scale
    image = np.exp(-0.5 * (axis[:, None] ** 2 + axis[None, :] ** 2) / 3.0**2)
    flux = np.broadcast_to(100 * image / image.sum(), (5, *image.shape)).astype(np.float32)
    total = CROPPED.calibrate(Cutout(flux, UGRIZ, pixel_scale_arcsec=scale, ebv=0.0)).field.sum(axis=(1, 2))
    np.testing.assert_allclose(total, 100, rtol=2e-3)
