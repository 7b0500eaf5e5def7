"""What an HDU is for: words of its names count whole, and what the sender says comes first."""

import numpy as np
import pytest
from astropy.io import fits
from support.fits_files import RA, SIDE, file_of, galaxy, read, rejected, single, tan_header
from support.header_images import image_with

from survey.fits.container import FITSImage
from survey.fits.roles import role_of


def role(name="x.fits", **cards):
    image = image_with(**cards)
    return role_of(FITSImage(image.data, image.header, image.primary, 0, 0, name), None)


@pytest.mark.parametrize(
    "name",
    ["ngc1234_masked_r.fits", "weighted_r.fits", "sigmaclip_r.fits", "psfmatched_r.fits", "psf-matched_r.fits",
     "sigma_clipped_g.fits", "galaxy_r.fits"],
)  # fmt: skip
def test_a_word_that_is_part_of_another_in_a_file_name_says_nothing(name):
    assert role(name) == "image"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("galaxy_r_mask.fits", "mask"), ("mask_r.fits", "mask"), ("staticmask.fits.fz", "mask"), ("G266033psfim.fits", "other"),
     ("psf_r.fits", "other"), ("sigma-g.fits", "sigma"), ("r.ivar.fits.gz", "ivar"), ("x_oow_r.fits", "ivar"),
     ("c4d_ood_g.fits", "mask"), ("weight1.fits", "ivar")],
)  # fmt: skip
def test_a_whole_word_in_a_file_name_is_believed(name, expected):
    assert role(name) == expected


@pytest.mark.parametrize(
    "cards",
    [{"EXTNAME": "sky subtracted"}, {"EXTNAME": "PSF-matched r"}, {"EXTNAME": "model-subtracted image"},
     {"EXTNAME": "r_exp1"}, {"IMAGETYP": "EXP"}, {"IMAGETYP": "exposure"}, {"EXTNAME": "n 4565"}],
)  # fmt: skip
def test_an_image_that_was_treated_with_something_is_an_image(cards):
    assert role(**cards) == "image"


@pytest.mark.parametrize(
    ("cards", "expected"),
    [({"EXTNAME": "SKY"}, "other"), ({"EXTNAME": "PSF"}, "other"), ({"EXTNAME": "psf_g"}, "other"),
     ({"EXTNAME": "MODEL"}, "other"), ({"EXTNAME": "N"}, "other"), ({"EXTNAME": "EXP"}, "weight"),
     ({"EXTNAME": "IVAR_R"}, "ivar"), ({"EXTNAME": "r mask"}, "mask"), ({"IMAGETYP": "invvar"}, "ivar")],
)  # fmt: skip
def test_an_hdu_that_says_what_it_is_is_believed(cards, expected):
    assert role(**cards) == expected


def test_the_only_image_that_was_sent_is_the_image_whatever_its_file_is_called():
    found = read(single("r"), names=["galaxy_mask.fits"])
    np.testing.assert_array_equal(found.cutout.flux[0], galaxy())
    assert rejected(file_of(fits.PrimaryHDU(), fits.ImageHDU(galaxy(), tan_header(), name="IVAR"))).code == (
        "fits.no_image"
    )


def test_nameless_images_that_are_as_many_as_the_senders_bands_are_these_bands():
    planes = [np.abs(galaxy(seed=n)) for n in range(5)]
    hdus = [fits.PrimaryHDU(planes[0], tan_header()), *map(fits.ImageHDU, planes[1:])]
    found = read(file_of(*hdus), bands="ugriz", ra_deg=RA, dec_deg=tan_header()["CRVAL2"])
    assert found.cutout.bands.names == tuple("ugriz")
    assert found.cutout.ivar is None
    np.testing.assert_array_equal(found.cutout.flux, planes)


def test_a_nameless_hdu_more_than_the_senders_bands_is_what_its_pixels_say():
    hdus = [fits.PrimaryHDU(galaxy(), tan_header()), fits.ImageHDU(np.full((SIDE, SIDE), 1e4, np.float32))]
    assert read(file_of(*hdus), bands="r").cutout.ivar is not None
