"""Noise and mask planes of a FITS file become inverse variances."""

import numpy as np
import pytest
from astropy.io import fits
from support.fits_files import SIDE, file_of, galaxy, read, sdss, tan_header


def noisy(name: str, plane, *, unit="nanomaggy", noise=0.01, factor=1.0, **cards):
    header = tan_header(BAND="r", SURVEY="SDSS", BUNIT=unit)
    extra = fits.ImageHDU(plane, name=name)
    for key, value in cards.items():
        extra.header[key] = value
    return read(file_of(fits.PrimaryHDU(factor * galaxy(noise=noise), header), extra)).cutout


@pytest.mark.parametrize(
    ("name", "value"),
    [("IVAR", 25.0), ("INVVAR", 25.0), ("WGT", 25.0), ("VARIANCE", 0.04), ("ERR", 0.2), ("SIGMA", 0.2)],
)
def test_every_spelling_of_noise_is_the_same_inverse_variance(name, value):
    assert np.allclose(noisy(name, np.full((SIDE, SIDE), value, np.float32), noise=0.2).ivar, 25.0)


def test_inverse_variance_scales_with_the_square_of_the_unit():
    # One maggy is 1e9 nanomaggies.
    assert np.allclose(
        noisy("IVAR", np.full((SIDE, SIDE), 1e18), unit="maggy", noise=1.0, factor=1e-9).ivar, 1.0
    )


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_useless_variances_become_weight_zero(bad):
    plane = np.ones((SIDE, SIDE), np.float32)
    plane[3, 4] = bad
    cutout = noisy("VARIANCE", plane, noise=1.0)
    assert cutout.ivar[0, 3, 4] == 0
    assert not cutout.good()[0, 3, 4]


def test_a_weight_map_of_unknown_units_only_masks():
    plane = np.full((SIDE, SIDE), 5000.0, np.float32)
    plane[0] = 0
    cutout = noisy("WHT", plane)
    assert cutout.ivar is None
    assert cutout.mask[0, 0].all()
    assert not cutout.mask[0, 1:].any()


def test_a_detected_pixel_is_not_a_bad_pixel():
    plane = np.full((SIDE, SIDE), 1 << 5, np.int32)
    plane[0, 0] |= 1 << 1
    cutout = noisy("MASK", plane, **{"MP_SAT": 1, "HIERARCH MP_DETECTED": 5, "MP_BAD": 0})
    assert cutout.mask.sum() == 1
    assert cutout.mask[0, 0, 0]


def test_legacy_maskbits_mask_saturation_but_not_neighbouring_galaxies():
    plane = np.zeros((SIDE, SIDE), np.int16)
    plane[0, 0], plane[0, 1] = 1 << 3, 1 << 12
    assert noisy("MASKBITS", plane).mask.sum() == 1


def test_a_nameless_map_of_the_galaxys_own_pixels_is_no_mask():
    y, x = np.indices((SIDE, SIDE)) - SIDE // 2
    own = (np.hypot(x, y) < 5).astype(np.int32)
    header = tan_header(BAND="r", SURVEY="SDSS")
    found = read(file_of(fits.PrimaryHDU(galaxy(), header), own, 1 - own))
    # Of the two it is the one around the galaxy that masks.
    assert np.array_equal(found.cutout.mask[0], own == 0)


def test_a_segmentation_map_is_no_mask():
    segments = np.full((SIDE, SIDE), 7, np.int32)
    header = tan_header(BAND="r", SURVEY="SDSS")
    assert read(file_of(fits.PrimaryHDU(galaxy(), header), segments)).cutout.mask is None


def test_noise_follows_its_band():
    def planes(band, value):
        header = tan_header(BAND=band, SURVEY="SDSS")
        return fits.ImageHDU(galaxy(noise=value**-0.5), header), fits.ImageHDU(
            np.full((SIDE, SIDE), value), name=f"IVAR_{band}"
        )

    (g, g_ivar), (r, r_ivar) = planes("g", 2.0), planes("r", 3.0)
    cutout = read(file_of(fits.PrimaryHDU(), g, r, r_ivar, g_ivar)).cutout
    assert cutout.ivar[:, 0, 0].tolist() == [2.0, 3.0]


def test_noise_in_a_file_of_its_own_is_paired_by_name():
    weight = file_of(np.full((SIDE, SIDE), 9.0, np.float32))
    data = galaxy(noise=1 / 3)
    found = read(
        sdss("g", data=data),
        sdss("r", data=data),
        weight,
        weight,
        names=["a-g.fits", "a-r.fits", "a-r.weight.fits", "a-g.weight.fits"],
    )
    assert np.allclose(found.cutout.ivar, 9.0)


def test_noise_of_some_bands_only_is_left_aside():
    header = tan_header(BAND="r", SURVEY="SDSS")
    with_noise = file_of(fits.PrimaryHDU(galaxy(), header), fits.ImageHDU(np.ones((SIDE, SIDE)), name="IVAR"))
    found = read(sdss("g"), with_noise)
    assert found.cutout.ivar is None
    assert any("1 of 2 bands" in text for _, text in found.report.steps)


def test_pixels_that_are_not_numbers_are_masked():
    data = galaxy()
    data[:3] = np.nan
    found = read(sdss("r", data=data))
    assert found.cutout.mask[0, :3].all()
    assert found.cutout.mask.sum() == 3 * SIDE
    assert "masked" in found.report.flags


def test_numbers_beyond_float32_are_masked():
    data = galaxy().astype(np.float64)
    data[0, 0] = 1e300
    cutout = read(sdss("r", data=data)).cutout
    assert cutout.mask.sum() == 1


def test_a_blank_band_is_masked_and_named():
    found = read(sdss("g"), sdss("r", data=np.zeros((SIDE, SIDE), np.float32)))
    assert found.cutout.mask[1].all()
    assert not found.cutout.mask[0].any()
    assert any("Band r is blank" in text for _, text in found.report.steps)


def test_legacy_maskbits_count_for_their_own_band():
    # legacysurvey.org/dr10/bitmasks: SATUR_G 2, ALLMASK_R 6, WISEM1 8, WISEM2 9, ALLMASK_Z 7, SATUR_I 14, ALLMASK_I 15.
    plane = np.zeros((SIDE, SIDE), np.int32)
    plane[0, :7] = [1 << bit for bit in (2, 6, 7, 14, 15, 8, 9)]
    header = tan_header(SURVEY="DECaLS", BANDS="griz", BRICK="1501p022")
    found = read(file_of(fits.PrimaryHDU(galaxy(4), header), fits.ImageHDU(plane, name="MASKBITS"))).cutout
    masked = {
        name: np.flatnonzero(mask[0]).tolist()
        for name, mask in zip(found.bands.names, found.mask, strict=True)
    }
    assert masked == {"g": [0], "r": [1], "i": [3, 4], "z": [2]}
