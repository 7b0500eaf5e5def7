"""FITS files that cannot be read are refused by name."""

import bz2
import gzip
import io

import numpy as np
import pytest
from astropy.io import fits
from support.fits_files import (
    DEC,
    RA,
    SCALE,
    SIDE,
    cube,
    file_of,
    galaxy,
    rejected,
    sdss,
    single,
    tan_header,
)

from survey.fits.reader import read_fits
from survey.ingest import Overrides
from survey.prescan import MAX_HDUS, prescan


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("fits.unreadable", b""),
        ("fits.unreadable", b"not a FITS file"),
        ("fits.unreadable", b"PK\x03\x04rest"),
        ("fits.unreadable", b"\x1f\x8bnonsense"),
        ("fits.unreadable", gzip.compress(b"SIMPLE" * 999)[:40]),
        ("fits.unreadable", b"BZhnonsense"),
        ("fits.unreadable", b"SIMPLE  =                    T".ljust(2880)),
        ("fits.unreadable", cube()[:4000]),
        ("fits.no_image", file_of(fits.PrimaryHDU())),
        ("fits.no_image", file_of(fits.PrimaryHDU(), fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])]))),
        ("fits.no_image", file_of(np.ones(400, np.float32))),
        ("fits.no_image", file_of(np.ones((40, 20, 20), np.float32))),
        ("fits.too_small", file_of(np.ones((10, 40), np.float32))),
        ("fits.band_unknown", file_of(galaxy(3))),
        ("fits.band_unknown", file_of(galaxy())),
        ("fits.blank", single("r", data=np.full((SIDE, SIDE), 7.0))),
        ("fits.blank", file_of(fits.PrimaryHDU(np.zeros((2, SIDE, SIDE)), tan_header(BANDS="gr")))),
        ("fits.masked", single("r", data=np.full((SIDE, SIDE), np.nan))),
        ("fits.wcs", single("r", CD1_1=1e-4, CD1_2=1e-4, CD2_1=1e-4, CD2_2=1e-4)),
    ],
)  # fmt: skip
def test_hopeless_files_are_refused_by_name(code, data):
    error = rejected(data)
    assert error.code == code
    assert str(error)[0].isupper()


def test_two_files_of_one_band_are_refused():
    assert rejected(sdss("r"), sdss("r")).code == "fits.band_repeated"


def test_a_mask_alone_is_no_image():
    error = rejected(single("r", data=(galaxy() > 1).astype(np.float32)), names=["galaxy_mask.fits"])
    assert error.code == "fits.no_image"
    assert "0 (mask)" in str(error)


def test_an_hdu_that_holds_no_image_is_refused():
    assert rejected(cube(), hdu=5).code == "fits.no_image"


def test_a_position_off_the_image_is_refused_with_the_distance():
    # 100 px of 0.4 arcsec north of the middle; the edge is 19.5 px from it.
    error = rejected(sdss("r"), ra_deg=RA, dec_deg=DEC + 100 * SCALE / 3600)
    assert error.code == "fits.outside"
    assert "32 arcsec outside" in str(error)


def test_a_position_on_the_other_side_of_the_sky_is_refused():
    assert rejected(sdss("r"), ra_deg=(RA + 180) % 360, dec_deg=-DEC).code == "fits.outside"


@pytest.mark.parametrize("count", [0, 10])
def test_one_to_nine_files_are_read(count):
    assert rejected(*[cube()] * count).code == "fits.files"


def test_a_bomb_is_refused_before_it_unpacks():
    assert rejected(gzip.compress(bytes(300 * 2**20), 1)).code == "fits.too_large"


def test_a_message_never_quotes_the_library():
    damaged = bytearray(cube())
    damaged[80:160] = b"BITPIX  =                   99".ljust(80)
    assert "99" not in str(rejected(bytes(damaged)))


def test_wrong_overrides_are_refused_when_made():
    for wrong in (
        {"ra_deg": 1.0},
        {"pixel_scale_arcsec": 0.0},
        {"zeropoint": float("nan")},
        {"ra_deg": 400.0, "dec_deg": 0.0},
    ):
        with pytest.raises(ValueError):
            Overrides(**wrong)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_file_packed_in_pieces_is_read_whole(pack):
    plain = cube()
    understood = read_fits([("x.fits.gz", pack(plain[:3000]) + pack(plain[3000:]))])
    np.testing.assert_array_equal(understood.cutout.flux, read_fits([("x.fits", plain)]).cutout.flux)


def many_hdus(n):
    hdus = fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU() for _ in range(n - 2))])
    hdus.append(fits.ImageHDU(galaxy(1)[0], fits.Header({"FILTER": "r"})))
    stream = io.BytesIO()
    hdus.writeto(stream)
    return stream.getvalue()


def test_every_hdu_that_the_prescan_lets_pass_is_read():
    prescan(many_hdus(MAX_HDUS))
    assert read_fits([("x.fits", many_hdus(MAX_HDUS))]).cutout.bands.names == ("r",)
    assert rejected(many_hdus(MAX_HDUS + 1)).code == "fits.hdus"
