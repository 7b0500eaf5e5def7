"""Calibrations beside the unit: sensitivities, zero points by any name, and their contradictions."""

import pytest
from astropy import units
from support.fits_files import SCALE, cube, galaxy, read
from support.header_images import factor, image_with

from survey.fits.units import calibration_of
from survey.ingest import IngestReport


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("ELECTRONS/S", 1), ("e-/s", 1), ("electron s-1", 1), ("DN/s", 1), ("COUNTS/S", 1), ("", 1),
     ("ELECTRONS", 2000), ("COUNTS", 2000), ("DN", 2000), ("adu", 2000), ("e-", 2000)],
)  # fmt: skip
def test_sensitivities_hold_for_counts_per_second(unit, seconds):
    cards = {"PHOTFLAM": 7e-20, "PHOTPLAM": 8059.0, "EXPTIME": 2000.0}
    rate = factor(BUNIT="ELECTRONS/S", **cards).factor
    assert factor(**({"BUNIT": unit} if unit else {}), **cards).factor == pytest.approx(rate / seconds)


def test_counts_of_an_unknown_exposure_stay_uncalibrated():
    report = IngestReport()
    image = image_with(BUNIT="ELECTRONS", PHOTFLAM=7e-20, PHOTPLAM=8059.0)
    assert not calibration_of(image, report, zeropoint=None, pixel_scale_arcsec=SCALE).is_calibrated
    assert "there is no EXPTIME" in report.steps[-1][1]


def test_the_sensitivities_of_nicmos_and_jwst_are_janskys():
    # PHOTFNU: Jy s / DN; PHOTMJSR: MJy/sr for one DN/s.
    assert factor(BUNIT="COUNTS/S", PHOTFNU=2e-6).factor == pytest.approx(2e-6 / 3631e-9)
    area = 2.29e-14  # PIXAR_SR of a 0.031 arcsec pixel
    image = image_with(BUNIT="DN/s", PHOTMJSR=0.8, PIXAR_SR=area)
    found = calibration_of(image, IngestReport(), zeropoint=None, pixel_scale_arcsec=None)
    assert found.factor == pytest.approx(0.8e6 * area / 3631e-9)


def test_the_pixel_area_in_the_header_counts_only_where_it_fits_the_scale():
    area = ((SCALE * units.arcsec) ** 2).to_value(units.sr)
    assert factor(BUNIT="MJy/sr", PIXAR_SR=1.05 * area).factor == pytest.approx(1.05e6 * area / 3631e-9)
    assert factor(BUNIT="MJy/sr", PIXAR_SR=4 * area).factor == pytest.approx(1e6 * area / 3631e-9)


@pytest.mark.parametrize("key", ["MAGZEROP", "ZPAB", "MAGZERO", "ZP"])
def test_a_zero_point_makes_nanojanskys(key):
    # AB magnitude 31.4 is one nanojansky: -2.5 log10(1e-9 / 3631) = 31.4.
    assert factor(**{key: 31.4}).factor == pytest.approx(1e-9 / 3631e-9, rel=1e-3)


def test_kids_co_adds_have_the_zero_point_zero():
    tiny = galaxy() * 1e-11
    found = calibration_of(
        image_with(tiny, MAGZERO=0.0, INSTRUME="OMEGACAM"),
        IngestReport(),
        zeropoint=None,
        pixel_scale_arcsec=None,
    )
    # Counts are maggies: AB magnitude 0 is one maggy.
    assert found.factor == pytest.approx(1e9)
    assert not factor(MAGZERO=0.0, INSTRUME="OMEGACAM").is_calibrated
    assert not factor(MAGZERO=0.0, INSTRUME="DECam").is_calibrated


@pytest.mark.parametrize(
    ("cards", "zeropoint", "conflict"),
    [
        ({"BUNIT": "nanomaggy", "MAGZERO": 30.0}, None, True),
        ({"BUNIT": "nanomaggy", "MAGZERO": 22.5}, None, False),
        ({"BUNIT": "nJy", "FLUXMAG0": 3631e9}, None, False),
        ({"BUNIT": "nJy", "FLUXMAG0": 1e9}, None, True),
        ({"BUNIT": "nanomaggy"}, 25.0, True),
        ({"BUNIT": "nanomaggy"}, 22.5, False),
        ({"BUNIT": "adu"}, 25.0, False),
        ({"BUNIT": "MJy/sr", "MAGZERO": 25.0}, None, False),
    ],
)
def test_two_calibrations_that_disagree_are_a_conflict(cards, zeropoint, conflict):
    report = IngestReport()
    calibration_of(image_with(**cards), report, zeropoint=zeropoint, pixel_scale_arcsec=SCALE)
    assert ("units_conflict" in report.flags) == conflict
    if conflict:
        assert "disagree by" in report.steps[0][1]


def test_per_beam_is_no_flux_per_pixel():
    report = IngestReport()
    found = calibration_of(image_with(BUNIT="mJy/beam"), report, zeropoint=None, pixel_scale_arcsec=SCALE)
    assert not found.is_calibrated
    assert report.steps[0][1].startswith("BUNIT 'mJy/beam' and no zero point.")


@pytest.mark.parametrize(
    ("told", "conflict"), [(SCALE, False), (1.09 * SCALE, False), (0.9 * SCALE, True), (0.2, True)]
)
def test_a_pixel_scale_that_differs_from_the_header_s_by_a_tenth_is_a_conflict(told, conflict):
    found = read(cube(), pixel_scale_arcsec=told)
    assert ("scale_conflict" in found.report.flags) == conflict
    assert any("the header says 0.4" in text for _, text in found.report.steps)
