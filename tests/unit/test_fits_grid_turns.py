"""However a galaxy lies on its pixels, the same galaxy is seen: north up, east left, target in the middle."""

import functools

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.fits_files import DEC, RA, SCALE, file_of, read, single
from support.sky_galaxy import TOTAL, draw, sky_header

from survey.bands import BandSet
from survey.contract import InputContract

CONTRACT = InputContract(BandSet.from_ids(["sdss:r"]), 0.396, 84, 64, "asinh", (0.02,))
# A cubic spline through pixels of a fifth of the seeing (0.5 arcsec of 1.4) misses the truth by up to 0.4 % of the peak,
# through SDSS pixels by 0.16 %; of the total flux it misses 1e-4 (docs/decisions/0008-one-grid-north-up.md).
PEAK, FLUX = 5e-3, 5e-4


def seen(side, *, ra=RA, dec=DEC, data=None, overrides=None, **how):
    """Draw the galaxy, write it, read it."""
    header = sky_header(side, ra=ra, dec=dec, **how)
    data = draw(header, side, ra=ra, dec=dec) if data is None else data
    return read(
        single("r", header=header, data=data, SURVEY="SDSS", BUNIT="nanomaggy", EBV=0.0), **overrides or {}
    )


def field(*args, **how):
    return CONTRACT.calibrate(seen(*args, **how).cutout).field[0]


@functools.cache
def unturned(side, scale):
    return field(side, scale=scale)


def assert_same(found, expected, *, peak=PEAK, flux=FLUX):
    assert np.abs(found - expected).max() < peak * expected.max()
    assert found.sum() == pytest.approx(expected.sum(), rel=flux)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [17, 45, 133, -60])
@pytest.mark.parametrize("scale", [0.25, 0.396, 0.5])
def test_a_turned_galaxy_gives_the_field_of_the_unturned(scale, angle, mirrored):
    side = int(26 / scale)
    found, expected = field(side, scale=scale, angle=angle, mirrored=mirrored), unturned(side, scale)
    # Both images hold the central 64 px, turned as they may be; corners of the one are outside of the other.
    y, x = np.indices(found.shape) - (found.shape[0] - 1) / 2
    assert_same(found[np.hypot(x, y) < 32], expected[np.hypot(x, y) < 32])


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("shape", [(40, 40), (51, 51), (40, 51)])
def test_quarter_turns_and_flips_change_no_value(shape, quarters, mirrored):
    # Counterclockwise turns as one sees them, y upwards, are np.rot90 backwards: there y goes downwards.
    pixels = np.random.default_rng(0).normal(5, 1, shape).astype(np.float32)
    written = np.rot90(pixels, -quarters)
    written = written[:, ::-1] if mirrored else written
    header = sky_header(1, angle=90 * quarters, mirrored=mirrored)
    header["CRPIX1"], header["CRPIX2"] = (written.shape[1] + 1) / 2, (written.shape[0] + 1) / 2
    found = read(
        single("r", header=header, data=np.ascontiguousarray(written), SURVEY="SDSS", BUNIT="nanomaggy")
    )
    assert np.array_equal(found.cutout.flux[0], pixels)
    assert found.cutout.mask is None
    assert ("turned" in found.report.flags) == (quarters > 0)
    assert ("mirrored" in found.report.flags) == mirrored
    assert "regridded" not in found.report.flags


@pytest.mark.parametrize("angle", [0.9, 89.2, -180.7])
def test_up_to_a_degree_no_pixel_is_interpolated(angle):
    found = seen(40, angle=angle)
    assert "regridded" not in found.report.flags
    assert np.isin(found.cutout.flux, draw(sky_header(40, angle=angle), 40)).all()


def test_noise_planes_and_masks_turn_with_their_image():
    rng = np.random.default_rng(1)
    flux, ivar = rng.normal(5, 1, (2, 40, 40)).astype(np.float32)
    ivar = 1 + 0.1 * (ivar - 5) ** 2
    mask = np.zeros((40, 40), np.uint8)
    mask[7, 20] = 1
    header = sky_header(40, angle=90, BAND="r", SURVEY="SDSS", BUNIT="nanomaggy")
    written = [np.ascontiguousarray(np.rot90(plane, -1)) for plane in (flux, ivar, mask)]
    data = file_of(
        fits.PrimaryHDU(written[0], header),
        fits.ImageHDU(written[1], name="IVAR"),
        fits.ImageHDU(written[2], name="MASK"),
    )
    cutout = read(data).cutout
    assert np.array_equal(cutout.flux[0], flux)
    assert np.array_equal(cutout.ivar[0], ivar)
    assert np.array_equal(cutout.mask[0], mask > 0)


@settings(derandomize=True, max_examples=15, deadline=None)
@given(
    st.floats(-180, 180),
    st.booleans(),
    st.floats(0.2, 0.45),
    st.tuples(st.floats(-8, 8), st.floats(-8, 8)),
    st.sampled_from([(RA, DEC), (0.0, -60.0), (359.99999, 89.0)]),
)
@example(angle=30.0, mirrored=True, scale=0.262, shift=(7.3, -4.6), place=(0.0, 89.9))
def test_the_target_lands_in_the_middle_with_all_its_flux(angle, mirrored, scale, shift, place):
    side = int(44 / scale)
    ra, dec = place
    told = {"ra_deg": ra, "dec_deg": dec}
    found = seen(
        side, scale=scale, angle=angle, mirrored=mirrored, shift=shift, ra=ra, dec=dec, overrides=told
    )
    flux = np.nan_to_num(found.cutout.flux[0])
    assert flux.sum() == pytest.approx(TOTAL, rel=2e-3)
    # The galaxy is symmetric but for its companion of 15 % of the light, 4 arcsec east (-x) and 3 north (+y).
    y, x = np.indices(flux.shape)
    centre = np.array([(flux * x).sum(), (flux * y).sum()]) / flux.sum()
    middle = (np.array(flux.shape[::-1]) - 1) / 2
    expected = middle + 0.15 * np.array([-4.0, 3.0]) / found.cutout.pixel_scale_arcsec
    # Whole pixels leave the target up to half a pixel off on each axis, and tell it; new grids nothing.
    offset = np.array(found.cutout.offset_px[::-1])
    assert np.abs(offset).max() <= (0 if "regridded" in found.report.flags else 0.501)
    assert np.abs(centre - expected - offset).max() < 0.02
    assert (found.cutout.ra_deg, found.cutout.dec_deg) == (ra, dec)


@pytest.mark.parametrize("side", [51, 64, 65])
def test_turning_shifts_no_galaxy_by_half_a_pixel(side):
    # Turned, a stamp of 64 or 65 px is larger than the field of 84, unturned it is smaller: cut or surrounded,
    # an odd one must come to lie the same.
    def middle(plane):
        y, x = np.indices(plane.shape)
        return np.array([(plane * y).sum(), (plane * x).sum()]) / plane.sum()

    straight, turned = (middle(field(side, scale=0.396, angle=angle)) for angle in (0, 45))
    assert np.abs(turned - straight).max() < 0.01


@pytest.mark.parametrize("angle", [0, 45])
def test_a_small_stamp_still_covers_the_middle_when_it_is_turned(angle):
    found = CONTRACT.calibrate(seen(51, scale=0.396, angle=angle).cutout)
    assert "partial_field" in found.flags
    assert "masked" not in found.flags


def test_a_stamp_as_small_as_allowed_may_lie_at_any_angle():
    for angle in (0, 45, 90):
        assert "partial_field" in CONTRACT.calibrate(seen(40, scale=0.396, angle=angle).cutout).flags


def test_corners_that_turning_leaves_empty_are_outside_not_masked():
    found = seen(51, angle=45)
    assert "masked" not in found.report.flags
    assert ("masks", "50.0 % of the cutout lie outside the image.") in found.report.steps


def test_a_large_frame_is_cut_before_it_is_turned():
    # A galaxy 200 px off the middle of a frame: the new grid lies around it.
    data = np.zeros((1200, 1200), np.float32)
    # 599.5 + (200, -150) lies between pixels, as the middle of a stamp of even side does.
    data[400:500, 750:850] = draw(sky_header(100, scale=0.396, angle=40), 100)
    found = seen(
        1200,
        scale=0.396,
        angle=40,
        shift=(200.0, -150.0),
        data=data,
        overrides={"ra_deg": RA, "dec_deg": DEC},
    )
    assert found.cutout.shape == (1024, 1024)
    assert_same(CONTRACT.calibrate(found.cutout).field[0], unturned(100, 0.396))


def test_pixels_that_are_not_square_become_square():
    found = seen(100, scale=0.4, stretch=1.3, angle=20)
    assert {"anisotropic", "regridded"} <= set(found.report.flags)
    # The shorter side, so that nothing is undersampled.
    assert found.cutout.pixel_scale_arcsec == pytest.approx(0.4 / np.sqrt(1.3), rel=1e-5)
    assert_same(CONTRACT.calibrate(found.cutout).field[0], unturned(100, 0.35), peak=1e-2)


def test_distortions_are_undone():
    # A point 100 px from the middle is moved by a pixel; the largest cameras bend a tenth of that.
    sip = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-4}
    bent = field(100, scale=0.396, angle=25, B_0_2=-1e-4, B_1_1=1e-4, **sip)
    assert_same(bent, unturned(100, 0.396), flux=1e-3)


def test_the_senders_scale_keeps_the_headers_angle():
    # The header is wrong by a factor of two, and the galaxy is drawn as its pixels are.
    data = draw(sky_header(90, scale=0.4, angle=35), 90)
    found = seen(90, data=data, scale=0.8, angle=35, overrides={"pixel_scale_arcsec": 0.4})
    assert {"turned", "regridded", "scale_conflict"} <= set(found.report.flags)
    assert found.cutout.pixel_scale_arcsec == pytest.approx(0.4)
    assert_same(CONTRACT.calibrate(found.cutout).field[0], unturned(90, 0.4))


def test_an_image_without_wcs_is_not_turned():
    pixels = draw(sky_header(60, angle=35), 60)
    found = read(
        single("r", header=fits.Header({"BAND": "r"}), data=pixels, SURVEY="SDSS", BUNIT="nanomaggy"),
        pixel_scale_arcsec=SCALE,
    )
    assert np.array_equal(found.cutout.flux[0], pixels)
    assert not {"turned", "regridded", "mirrored"} & set(found.report.flags)
