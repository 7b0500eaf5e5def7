"""The layouts of the field, read from bytes into one calibrated cutout."""

import bz2
import gzip

import numpy as np
import pytest
from astropy.io import fits
from support.fits_files import (
    SCALE,
    SIDE,
    cube,
    file_of,
    galaxy,
    read,
    sdss,
    single,
    tan_header,
)


def test_a_cube_with_bands_is_read_plane_by_plane():
    found = read(cube("grz"))
    assert found.cutout.bands.ids == ("legacy:g", "legacy:r", "legacy:z")
    # Values per pixel of the bricks (tests/unit/test_fits_units.py).
    np.testing.assert_allclose(found.cutout.flux, galaxy(3) * (SCALE / 0.262) ** 2, rtol=1e-5)
    assert found.report.layout == "cube"
    assert found.report.flags == []


def test_one_hdu_per_band_is_read_from_blue_to_red():
    header = tan_header(SURVEY="SDSS", BUNIT="nanomaggy")
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(galaxy(seed=n), header, name=b) for n, b in enumerate("zgr"))]
    found = read(file_of(*hdus))
    assert found.cutout.bands.names == ("g", "r", "z")
    assert np.array_equal(found.cutout.flux[2], galaxy(seed=0))
    assert found.report.layout == "hdu-per-band"


def test_files_in_any_order_give_the_same_cutout():
    files = {b: sdss(b, data=galaxy(seed=n)) for n, b in enumerate("ugriz")}
    forward = read(*(files[b] for b in "ugriz")).cutout
    backward = read(*(files[b] for b in "zrgiu")).cutout
    assert forward.bands == backward.bands
    assert np.array_equal(forward.flux, backward.flux)


def test_file_names_give_the_bands_that_headers_lack():
    datas = [single(None, BUNIT="nanomaggy") for _ in "gr"]
    found = read(*datas, names=["sdss-r-12.fits", "sdss-g-12.fits"])
    assert found.cutout.bands.ids == ("sdss:g", "sdss:r")


def test_repeated_exposures_give_the_first_pair_and_say_so():
    ivar = np.full((SIDE, SIDE), 4.0, np.float32)
    header = tan_header(BAND="r", RUN=1, CAMCOL=2, NMGY=0.005)
    data = file_of(
        fits.PrimaryHDU(galaxy(seed=1, noise=0.5), header),
        ivar,
        fits.ImageHDU(galaxy(seed=2, noise=0.5), header),
        fits.ImageHDU(2 * ivar),
    )
    found = read(data)
    assert np.array_equal(found.cutout.flux[0], galaxy(seed=1, noise=0.5))
    assert np.array_equal(found.cutout.ivar[0], ivar)
    assert "first_exposure" in found.report.flags


@pytest.mark.parametrize("compression", ["RICE_1", "GZIP_1", "GZIP_2"])
def test_tile_compressed_images_behind_an_empty_primary_are_found(compression):
    # Integers are compressed without loss.
    counts = (1000 * galaxy()).astype(np.int32)
    compressed = fits.CompImageHDU(
        counts, tan_header(FILTER="r", SURVEY="SDSS"), compression_type=compression
    )
    found = read(file_of(fits.PrimaryHDU(), compressed))
    assert np.array_equal(found.cutout.flux[0], counts)


@pytest.mark.parametrize("wrap", [gzip.compress, bz2.compress])
def test_one_layer_of_compression_is_undone(wrap):
    found = read(wrap(cube()))
    np.testing.assert_array_equal(found.cutout.flux, read(cube()).cutout.flux)
    assert found.report.steps[0][0] == "container"


def test_keywords_of_an_empty_primary_hold_for_its_extensions():
    primary = fits.PrimaryHDU(header=fits.Header({"FILTER": "HSC-I", "FLUXMAG0": 1e9}))
    found = read(file_of(primary, fits.ImageHDU(galaxy(), tan_header(), name="IMAGE")))
    assert found.cutout.bands.ids == ("hsc:i",)
    assert found.cutout.is_calibrated


def test_integers_with_scaling_are_read_as_the_numbers_they_mean():
    hdu = fits.PrimaryHDU(np.arange(SIDE * SIDE, dtype=np.int16).reshape(SIDE, SIDE), tan_header(BAND="r"))
    hdu.scale("int16", bscale=0.5, bzero=100)
    found = read(file_of(hdu))
    assert np.allclose(found.cutout.flux[0].ravel(), np.arange(SIDE * SIDE), atol=0.3)


def test_a_leading_axis_of_one_is_dropped():
    header = tan_header(BAND="r", SURVEY="SDSS")
    assert read(file_of(fits.PrimaryHDU(galaxy()[None, None], header))).cutout.flux.shape == (1, SIDE, SIDE)


def test_the_sender_picks_an_hdu():
    hdus = [
        fits.PrimaryHDU(),
        *(fits.ImageHDU(galaxy(seed=n), tan_header(), name=f"CHIP{n}") for n in range(3)),
    ]
    found = read(file_of(*hdus), hdu=2, bands="r")
    assert np.array_equal(found.cutout.flux[0], galaxy(seed=1))


def test_the_sender_names_the_planes_of_a_cube():
    found = read(file_of(fits.PrimaryHDU(galaxy(3), tan_header())), bands="hsc:z,hsc:g,hsc:r")
    assert found.cutout.bands.ids == ("hsc:z", "hsc:g", "hsc:r")


def test_the_sender_names_one_band_of_several_exposures():
    ivar = np.ones((SIDE, SIDE), np.float32)
    data = file_of(fits.PrimaryHDU(galaxy(seed=1), tan_header()), ivar, fits.ImageHDU(galaxy(), tan_header()))
    found = read(data, bands="r")
    assert np.array_equal(found.cutout.flux[0], galaxy(seed=1))


def test_the_sender_names_one_band_per_file():
    found = read(single(None, data=galaxy(seed=1)), single(None, data=galaxy(seed=2)), bands="rg")
    assert found.cutout.bands.names == ("g", "r")
    assert np.array_equal(found.cutout.flux[1], galaxy(seed=1))
