"""Each survey's layout is understood: bands, calibration, noise, and a line on every HDU."""

import numpy as np
import pytest
from support import survey_headers as layouts
from support.fits_files import DEC, RA, SCALE, SIDE

from survey.fits.reader import read_fits
from survey.ingest import CutoutRejected, Overrides


def understood(files, **overrides):
    return read_fits(files, overrides=Overrides(**overrides))


def container(found) -> str:
    return next(text for step, text in found.report.steps if step == "container")


NANOJANSKY = 1e-9 / 3631e-9
# Values per 0.262 arcsec pixel of the bricks, whatever the pixels; `subimage` cuts the bricks themselves.
LEGACY = (SCALE / 0.262) ** 2

FAMILIES = {
    "Legacy cutout": (layouts.legacy_cutout, ("legacy:g", "legacy:r", "legacy:z"), LEGACY, True),
    "Legacy subimage": (layouts.legacy_subimage, ("legacy:g", "legacy:r", "legacy:z"), 1.0, True),
    "SDSS frame": (layouts.sdss_frame, ("sdss:r",), 1.0, False),
    "HSC": (layouts.hsc_cutout, ("hsc:i",), 10 ** (0.4 * (22.5 - 27)), True),
    "DES": (layouts.des_tile, ("des:r",), 1e-3, True),
    # AB zero points 25.94 (ACS calculator) and, by the formula, -2.5 log10 PHOTFLAM - 5 log10 PHOTPLAM - 2.408.
    "HST drizzled": (layouts.hst_drizzled, ("acs:F814W",), 10 ** (0.4 * (22.5 - 25.94)), False),
    "HST chips": (layouts.hst_two_chips, ("wfc3:F606W",), 10 ** (0.4 * (22.5 - 26.0894)) / 500, True),
    "KiDS": (layouts.kids_coadd, ("kids:r",), 1e-2, False),
    "Rubin": (layouts.rubin_coadd, ("lsst:i",), NANOJANSKY, True),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_bands_and_calibration_and_noise_of_a_survey_are_understood(family):
    write, bands, factor, has_noise = FAMILIES[family]
    cutout = understood(write()).cutout
    assert cutout.bands.ids == bands
    assert cutout.is_calibrated
    # The middle of the galaxy holds five counts.
    assert cutout.flux[0].max() == pytest.approx(5 * factor, rel=0.05)
    assert (cutout.ivar is not None) == has_noise
    if has_noise:
        assert np.median(cutout.ivar) == pytest.approx((layouts.NOISE * factor) ** -2, rel=0.05)


def test_a_pan_starrs_skycell_is_linear_and_its_band_stands_in_its_own_keyword():
    found = understood(layouts.ps1_skycell())
    assert found.cutout.bands.ids == ("ps1:g",)
    assert any("asinh skycell" in text for _, text in found.report.steps)
    zeropoint = 25 + 2.5 * np.log10(900)
    assert found.cutout.flux.max() == pytest.approx(5e3 * 10 ** (0.4 * (22.5 - zeropoint)), rel=0.05)


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (layouts.legacy_cutout, "HDU 0: science 40x40x3; HDU 1: ivar INVVAR 40x40x3; HDU 2: mask MASKBITS 40x40."),
        (layouts.sdss_frame, "HDU 0: science 40x40; HDU 1: a list of 40 numbers; HDUs 2, 3: a table."),
        (layouts.hst_drizzled, "HDU 0: empty; HDU 1: science SCI 40x40; HDU 2: weight WHT 40x40; HDU 3: other CTX 40x40."),
        (layouts.hsc_cutout, "HDU 0: empty; HDU 1: science IMAGE 40x40; HDU 2: mask MASK 40x40; HDU 3: variance VARIANCE 40x40; HDU 4: a table."),
    ],
)  # fmt: skip
def test_every_hdu_is_listed_with_its_role(write, text):
    assert container(understood(write())) == text


def test_of_many_files_each_hdu_is_listed_with_its_file():
    (frame,) = layouts.sdss_frame()
    assert "file" not in container(understood([("frame-r-001000-1-0100.fits", frame[1])]))
    files = [*[(f"frame-{band}-001000-1-0100.fits", frame[1]) for band in "gr"], *layouts.kids_coadd()]
    found = understood(files, bands="sdss:g,sdss:r,sdss:i")
    listed = [text for step, text in found.report.steps if step == "container"]
    assert listed == [
        "files 1, 2: HDU 0: science 40x40; HDU 1: a list of 40 numbers; HDUs 2, 3: a table.",
        "file 3: HDU 0: science 40x40.",
    ]


def test_the_chip_that_holds_the_position_is_taken():
    first, second = (
        understood(layouts.hst_two_chips(), ra_deg=RA, dec_deg=DEC + north) for north in (0.0, 0.1)
    )
    for found, hdu in ((first, 1), (second, 4)):
        assert "first_exposure" in found.report.flags
        assert any(f"HDU {hdu} is taken, which holds your position" in text for _, text in found.report.steps)
    # The header's target serves where the sender says nothing.
    found = understood(layouts.hst_two_chips(RA_TARG=RA, DEC_TARG=DEC + 0.1))
    assert found.cutout.dec_deg == pytest.approx(DEC + 0.1)
    assert any(
        "HDU 4 is taken, which holds the target (RA_TARG, DEC_TARG)" in text for _, text in found.report.steps
    )


def test_without_a_position_the_first_chip_is_taken():
    found = understood(layouts.hst_two_chips())
    assert any("the first is taken" in text for _, text in found.report.steps)


def test_of_several_bricks_the_largest_image_is_taken():
    found = understood(layouts.legacy_subimage())
    assert found.cutout.shape == (SIDE, SIDE)
    assert any("HDU 3 is taken, the largest" in text for _, text in found.report.steps)


def test_a_whole_field_asks_for_a_position():
    files = layouts.sdss_frame(shape=(1489, 2048))
    asked = "This is a whole field of 2048x1489 px: say with `ra=` and `dec=` which galaxy is meant."
    found = understood(files)
    assert ("target", asked) in found.report.steps
    assert "target_assumed" in found.report.flags
    assert ("target", asked) not in understood(files, ra_deg=RA, dec_deg=DEC).report.steps


def test_an_instrument_whose_bands_are_unknown_is_not_taken_for_another():
    with pytest.raises(CutoutRejected) as caught:
        understood(layouts.jwst_i2d())
    assert caught.value.code == "fits.band_unknown"
    cutout = understood(layouts.jwst_i2d(), bands="wfc3:F160W").cutout
    # MJy/sr over a pixel of 0.4 arcsec.
    assert cutout.flux.max() == pytest.approx(5e6 * (0.4 / 206264.80625) ** 2 / 3631e-9, rel=0.05)


def test_no_coverage_is_said():
    with pytest.raises(CutoutRejected, match="ext 1 is without coverage") as caught:
        understood(layouts.legacy_uncovered())
    assert caught.value.code == "fits.no_image"
