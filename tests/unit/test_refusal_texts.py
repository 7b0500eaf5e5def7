"""What cannot be used is refused by a stable code, one sentence and one remedy."""

import re

import numpy as np
import pytest
from astropy.io import fits
from support import survey_headers as headers
from support.fits_files import DEC, RA, SCALE, SIDE, cube, file_of, galaxy, read, sdss, single, tan_header

from survey.bands import BAND_SETS
from survey.contract import ContractViolation, InputContract
from survey.cutout import Cutout
from survey.fits.reader import read_fits
from survey.ingest import CutoutRejected

GRZ = InputContract(BAND_SETS["legacy-grz"], 0.4, 84, 64, "asinh", (0.01,) * 3)


def nan_middle(share: float) -> bytes:
    planes = galaxy(3, side=100)
    planes[:, 50 - int(20 * share) : 50 + int(20 * share), 25:75] = np.nan
    return file_of(fits.PrimaryHDU(planes, tan_header(100, SURVEY="DECaLS", BANDS="grz")))


REFUSALS = {
    "primary and a table": (
        [file_of(fits.PrimaryHDU(), headers.table())], {}, "fits.no_image",
        r"No 2-D or 3-D image found in 2 HDUs \(primary is empty; ext 1 is a table\)\. Send .* or pick one with `hdu=`\.",
    ),
    "a spectrum": (
        [file_of(np.ones(400, np.float32))], {}, "fits.no_image",
        r"in 1 HDU \(primary is a list of 400 numbers\)",
    ),
    "planes without names": (
        [file_of(galaxy(3))], {}, "fits.band_unknown",
        r"This cube has 3 planes but no BANDS/FILTER keyword\. Tell me the order, e\.g\. `bands=grz`\.",
    ),
    "an image without a name": ([file_of(galaxy())], {}, "fits.band_unknown", r"Tell me its band, e\.g\. `bands=sdss:r`\."),
    "too few names": ([cube("grz")], {"bands": "gr"}, "fits.band_unknown", r"names 2 bands \(g,r\) but there are 3 planes"),
    "one band twice": ([sdss("r"), sdss("r")], {}, "fits.band_repeated", r"Two files hold the band r\. Send one file per band"),
    "too few zero points": ([cube("grz")], {"zeropoint": (25.0, 26.0)}, "fits.zeropoint", r"2 zero points for 3 bands"),
    "a position outside": (
        [sdss("r")], {"ra_deg": RA, "dec_deg": DEC + 100 * SCALE / 3600}, "fits.outside",
        r"Position \(150\.10000, 2\.21111\) is 32 arcsec outside the image\. Send a cutout around it\.",
    ),
    "nothing but NaN": ([single("r", data=np.full((SIDE, SIDE), np.nan))], {}, "fits.masked", r"masked, NaN or outside"),
    "one value": ([single("r", data=np.full((SIDE, SIDE), 7.0))], {}, "fits.blank", r"has the same value\. Send"),
    "a thumbnail": ([file_of(np.ones((10, 40), np.float32))], {}, "fits.too_small", r"40x10 px; send at least 16 px"),
    "a truncated file": ([cube()[:4000]], {}, "fits.unreadable", r"damaged, incomplete, .* Fetch it again\."),
    "an archive": ([b"PK\x03\x04rest"], {}, "fits.unreadable", r"ZIP archive\. Send the FITS file itself\."),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_a_file_that_cannot_be_read_is_refused_with_a_remedy(case):
    datas, overrides, code, text = REFUSALS[case]
    with pytest.raises(CutoutRejected) as caught:
        read(*datas, **overrides)
    _check(caught.value, code, text)


CONTRACT = {
    "no scale": (cube(header=fits.Header({"OBJECT": "galaxy"})), "fits.no_wcs", r"No celestial WCS\. Give `pixscale=` in arcsec\."),
    "another scale": (
        cube(header=tan_header(scale=1.7 * 10)), "fits.scale",
        r"Image is 17 arcsec/px; the model was trained at 0\.4 arcsec/px\. Rebin",
    ),
    "holes in the middle": (nan_middle(0.8), "fits.masked", r"\d\d % of the central \d\d px are masked or NaN in [grz] .*\. Send"),
    "a small stamp": (cube(header=tan_header(scale=0.2)), "fits.too_small", r"does not cover .*\. Send a larger cutout"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRACT)
def test_a_cutout_that_does_not_fit_the_model_is_refused_with_a_remedy(case):
    data, code, text = CONTRACT[case]
    cutout = read_fits([("x.fits", data)]).cutout
    with pytest.raises(ContractViolation) as caught:
        GRZ.calibrate(cutout)
    _check(caught.value, code, text)


def test_what_is_only_information_is_said_in_its_own_words():
    found = read(single("r", BUNIT="adu"))
    assert ("units", "BUNIT 'adu' and no zero point. Similarity works; photo-z needs `zeropoint=` (AB magnitude of 1 count).") in found.report.steps  # fmt: skip
    assert "uncalibrated" in found.report.flags
    found = read_fits(headers.ps1_skycell())
    assert (
        "units",
        "BSOFTEN/BOFFSET found: Pan-STARRS asinh skycell. Converted to linear flux.",
    ) in found.report.steps


def test_masked_and_blank_fields_say_what_to_send():
    nothing = Cutout(
        np.full((3, 100, 100), np.nan, np.float32), BAND_SETS["legacy-grz"], pixel_scale_arcsec=0.4
    )
    with pytest.raises(ContractViolation, match="Send an image with data"):
        GRZ.calibrate(nothing)


def _check(error: CutoutRejected | ContractViolation, code: str, text: str) -> None:
    assert error.code == code
    assert re.search(text, str(error)), str(error)
    assert re.search(r"\b(send|give|pick|tell|rebin|fetch|name|choose)\b", str(error), re.IGNORECASE)
    assert len(str(error)) < 400
