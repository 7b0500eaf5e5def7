"""Bands that lie on different pixels come to lie on the same, with their masks and noise."""

import numpy as np
import pytest
from astropy.io import fits
from support.fits_files import DEC, RA, cube, file_of, read, rejected, single
from support.sky_galaxy import draw, sky_header

SIDE, SCALE = 72, 0.4


def band(name, side=SIDE, *, data=None, at=(RA, DEC), **how):
    header = sky_header(side, **how)
    # The reference of the WCS is elsewhere in most files: the target is given.
    return single(
        name,
        header=header,
        data=draw(header, side, ra=at[0], dec=at[1]) if data is None else data,
        SURVEY="SDSS",
        BUNIT="nanomaggy",
    )


def read_at(*files):
    return read(*files, ra_deg=RA, dec_deg=DEC)


OTHER = {
    "turned": {"angle": 20},
    "turned by a quarter": {"angle": 90},
    "mirrored": {"mirrored": True},
    "finer": {"side": 120, "scale": 0.25},
    "shifted by a third of a pixel": {"shift": (0.33, 0.0)},
    "all at once": {"side": 100, "scale": 0.3, "angle": -70, "mirrored": True, "shift": (6.4, -3.2)},
}


@pytest.mark.parametrize("how", OTHER.values(), ids=OTHER)
def test_bands_on_different_grids_come_to_lie_on_one(how):
    found = read_at(band("g", scale=SCALE), band("r", **how))
    assert "regridded" in found.report.flags
    assert found.cutout.pixel_scale_arcsec == pytest.approx(how.get("scale", SCALE), rel=1e-6)
    side = found.cutout.shape[0]
    expected = draw(sky_header(side, scale=found.cutout.pixel_scale_arcsec), side)
    # Splines miss the truth by 0.3 % of the peak; where a coarse pixel's light is spread over finer ones, the coarse
    # pixel blurs it (0.4 arcsec under a seeing of 1.4: 4 %).
    good = found.cutout.good().all(axis=0)
    for plane, coarse in zip(found.cutout.flux, (side > SIDE, False), strict=True):
        difference = np.abs(plane - expected)[good].max() / expected.max()
        assert difference < (0.04 if coarse else 0.005)
        assert plane[good].sum() == pytest.approx(expected[good].sum(), rel=1e-3)


@pytest.mark.parametrize(("fraction", "regridded"), [(0.05, False), (0.15, True), (0.97, False), (0.5, True)])
def test_a_tenth_of_a_pixel_between_bands_decides(fraction, regridded):
    found = read_at(band("g"), band("r", shift=(0.0, fraction)))
    assert ("regridded" in found.report.flags) == regridded


def test_bands_on_either_side_of_a_rounding_stay_together():
    # Targets at 0.49 and 0.51 of a pixel lie together, whatever each alone would be rounded to.
    pixels = np.random.default_rng(0).normal(5, 1, (SIDE, SIDE)).astype(np.float32)
    found = read_at(band("g", data=pixels, shift=(0.49, 0)), band("r", data=pixels, shift=(0.51, 0)))
    assert "regridded" not in found.report.flags
    assert np.array_equal(*found.cutout.flux, equal_nan=True)


def test_one_header_for_several_planes_is_one_grid():
    found = read(cube("grz", header=sky_header(40, angle=30)))
    assert found.cutout.flux.shape[0] == 3
    assert np.ptp([plane[np.isfinite(plane)].size for plane in found.cutout.flux]) == 0


def test_the_position_in_one_band_is_asked_of_all():
    # No position is given, and the references of the headers lie outside: the middle of the first band is meant.
    first = sky_header(SIDE, shift=(-500.0, 0.0))
    second = sky_header(SIDE, shift=(-495.0, 2.0))
    pixels = np.random.default_rng(0).normal(5, 1, (SIDE + 10, SIDE + 10)).astype(np.float32)
    found = read(
        single("g", header=first, data=pixels[:SIDE, :SIDE], SURVEY="SDSS"),
        single("r", header=second, data=np.roll(pixels, (2, 5), (0, 1))[:SIDE, :SIDE], SURVEY="SDSS"),
    )
    good = found.cutout.good().all(axis=0)
    assert good.mean() > 0.8
    assert np.array_equal(found.cutout.flux[0][good], found.cutout.flux[1][good])


def bare(name, side):
    return single(name, header=fits.Header({"BAND": name}), data=draw(sky_header(side), side), SURVEY="SDSS")


def test_a_band_without_wcs_borrows_that_of_a_band_of_its_size():
    found = read(band("g", angle=30), band("r", 60), bare("i", 60))
    assert found.cutout.bands.names == ("g", "r", "i")
    assert np.allclose(found.cutout.flux[1], found.cutout.flux[2], equal_nan=True)


@pytest.mark.parametrize("files", [[("g", 72), ("r", 60)], [("g", None), ("r", 60)]])
def test_bands_that_cannot_be_put_together_are_refused(files):
    error = rejected(*(bare(name, side) if side else band(name) for name, side in files))
    assert error.code == "fits.grid"
    assert "(60x60 px) has no WCS" in str(error) or "(72x72 px) has no WCS" in str(error)


def test_bands_of_another_galaxy_are_refused():
    assert rejected(band("g"), band("r", ra=RA + 0.1, at=(RA + 0.1, DEC))).code == "fits.grid"


BAD = (30, 41)


def masked(value, *, angle=20, ivar=None, hole=1):
    """Return a turned galaxy with a hole of this value, its mask plane, and where the hole comes to lie (y, x)."""
    header = sky_header(SIDE, angle=angle, BAND="r", SURVEY="SDSS", BUNIT="nanomaggy")
    data = draw(header, SIDE)
    if ivar is not None:
        # A noise plane that the pixels gainsay is left out.
        data += (np.random.default_rng(0).normal(size=ivar.shape) / np.sqrt(ivar)).astype(np.float32)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    part = tuple(slice(n, n + hole) for n in BAD)
    data[part], mask[part] = value, 1
    hdus = [fits.PrimaryHDU(data, header), fits.ImageHDU(mask, name="MASK")]
    hdus += [] if ivar is None else [fits.ImageHDU(ivar.astype(np.float32), name="IVAR")]
    found = read(file_of(*hdus))
    middle = (np.array(found.cutout.shape) - 1) / 2
    y, x = np.array(BAD) + (hole - 1) / 2 - (SIDE - 1) / 2
    # North is at `angle` from +y towards -x: turning it up takes the image clockwise.
    turn = np.deg2rad(angle)
    place = middle + np.array([y * np.cos(turn) - x * np.sin(turn), y * np.sin(turn) + x * np.cos(turn)])
    return found, place


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, -9999.0, 65535.0])
def test_a_masked_pixel_spreads_nothing_and_masks_its_neighbours_at_most(value):
    found, place = masked(value)
    clean, _ = masked(5.0)
    y, x = np.indices(found.cutout.shape)
    distance = np.hypot(y - place[0], x - place[1])
    inside = np.isfinite(found.cutout.flux[0])
    bad = found.cutout.mask[0] & inside
    assert bad[distance < 0.5].all()
    assert distance[bad].max() < 1.5
    assert "masked" in found.report.flags
    # What the file holds under the mask changes nothing, masked or not.
    assert np.array_equal(found.cutout.flux, clean.cutout.flux, equal_nan=True)
    header = sky_header(found.cutout.shape[0])
    expected = draw(header, found.cutout.shape[0])
    good = found.cutout.good()[0]
    # The hole is filled by the mean of those around it, which is 20 % wrong where the profile is steep; a spline
    # hands 0.27 of an error to the next pixel.
    error = np.abs(found.cutout.flux[0] - expected)
    assert error[good].max() < 0.05 * expected.max()
    assert error[good & (distance > 6)].max() < 0.005 * expected.max()


def test_a_large_hole_does_not_ring():
    found, place = masked(np.nan, hole=12)
    expected = draw(sky_header(found.cutout.shape[0]), found.cutout.shape[0])
    good = found.cutout.good()[0]
    assert np.abs(found.cutout.flux[0] - expected)[good].max() < 0.05 * expected.max()
    y, x = np.indices(found.cutout.shape)
    assert not good[np.hypot(y - place[0], x - place[1]) < 6].any()


def test_inverse_variances_follow_their_pixels():
    ivar = np.linspace(1, 9, SIDE)[:, None] * np.ones(SIDE)
    found, _ = masked(np.nan, angle=180.0 - 20, ivar=ivar)
    cutout = found.cutout
    good = cutout.good()[0]
    assert (cutout.ivar[0][~good] == 0).all()
    y, x = np.indices(cutout.shape) - (cutout.shape[0] - 1) / 2
    turn = np.deg2rad(160)
    rows = (SIDE - 1) / 2 + y * np.cos(turn) + x * np.sin(turn)
    expected = 1 + 8 * rows / (SIDE - 1)
    inner = good & (np.hypot(y, x) < 30)
    assert np.allclose(cutout.ivar[0][inner], expected[inner], rtol=1e-3)


def test_noise_of_an_aperture_agrees_with_the_inverse_variances():
    # Noise of 1 per pixel, turned by 45 degrees: sums over 81 pixels scatter by 9, as ivar = 1 says.
    rng = np.random.default_rng(0)
    header = sky_header(400, angle=45, BAND="r", SURVEY="SDSS", BUNIT="nanomaggy")
    noise = rng.normal(0, 1, (400, 400)).astype(np.float32)
    data = file_of(
        fits.PrimaryHDU(noise, header), fits.ImageHDU(np.ones((400, 400), np.float32), name="IVAR")
    )
    cutout = read(data).cutout
    start = (cutout.shape[0] - 270) // 2
    inner = cutout.flux[0, start : start + 270, start : start + 270]
    sums = inner.reshape(30, 9, 30, 9).sum(axis=(1, 3))
    assert sums.std() / 9 == pytest.approx(1, rel=0.06)
    # A pixel alone scatters less, by the integral of the squared spline: 3 sinc^4(f) / (2 + cos(2 pi f)) in Fourier space.
    assert inner.std() == pytest.approx(0.874, abs=0.01)


def test_area_scales_inverse_variances_of_coarser_bands():
    def with_ivar(name, side, scale):
        header = sky_header(side, scale=scale, BAND=name, SURVEY="SDSS", BUNIT="nanomaggy")
        return file_of(
            fits.PrimaryHDU(draw(header, side, noise=0.5), header),
            fits.ImageHDU(np.full((side, side), 4, np.float32), name="IVAR"),
        )

    cutout = read_at(with_ivar("g", 72, 0.4), with_ivar("r", 144, 0.2)).cutout
    inner = (slice(None), slice(20, -20), slice(20, -20))
    # A quarter of the area: a quarter of the flux, 16 times the inverse variance.
    assert np.allclose(cutout.ivar[inner][0], 64)
    assert np.allclose(cutout.ivar[inner][1], 4)


@pytest.mark.parametrize("shift", [(3.0, -2.0), (3.4, -2.3)])
def test_the_edges_of_dithered_bands_are_no_masked_pixels(shift):
    found = read_at(band("g"), band("r", shift=shift))
    assert found.cutout.mask is not None
    assert "masked" not in found.report.flags
    assert any("lie outside the image" in text for _, text in found.report.steps)


@pytest.mark.parametrize(("how", "flag"), [({"mirrored": True}, "mirrored"), ({"angle": 20}, "turned")])
def test_what_is_done_to_a_later_band_is_said(how, flag):
    assert flag in read_at(band("g"), band("r", **how)).report.flags
    assert flag not in read_at(band("g"), band("r")).report.flags
