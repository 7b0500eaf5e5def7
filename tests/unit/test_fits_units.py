"""Counts become nanomaggies by the unit or zero point that a file states."""

import numpy as np
import pytest
from astropy import units
from support.fits_files import SCALE, cube, galaxy, read, rejected, single, tan_header
from support.header_images import factor, image_with

from survey.fits.units import calibration_of, linearise
from survey.ingest import CutoutRejected, IngestReport, parse_zeropoints


@pytest.mark.parametrize(
    ("unit", "astropy_unit"),
    [
        ("nanomaggy", units.nanomaggy),
        ("nanomaggies", units.nanomaggy),
        ("nmgy", units.nanomaggy),
        ("mgy", units.mgy),
        ("Jy", units.Jy),
        ("mJy", units.mJy),
        ("uJy", units.uJy),
        ("µJy", units.uJy),
        ("nJy", units.nJy),
        ("nJy/pixel", units.nJy),
    ],
)
def test_flux_units_convert_as_astropy_converts_them(unit, astropy_unit):
    image = image_with()
    # FITS headers are ASCII; the mu arrives here only from careless writers that bypass the standard.
    object.__setattr__(image, "header", {"BUNIT": unit})
    found = calibration_of(image, IngestReport(), zeropoint=None, pixel_scale_arcsec=None)
    jansky = (1 * astropy_unit).to(units.Jy, units.zero_point_flux(3631.0 * units.Jy)).value
    assert found.is_calibrated
    assert found.factor == pytest.approx(jansky / 3631e-9, rel=1e-9)


def test_surface_brightness_takes_the_pixel_area():
    area = ((SCALE * units.arcsec) ** 2).to(units.sr)
    expected = (1 * units.MJy / units.sr * area).to(units.Jy).value / 3631e-9
    assert factor(BUNIT="MJy/sr").factor == pytest.approx(expected, rel=1e-6)


def test_surface_brightness_without_pixel_scale_stays_uncalibrated():
    found = calibration_of(
        image_with(BUNIT="MJy/sr"), IngestReport(), zeropoint=None, pixel_scale_arcsec=None
    )
    assert not found.is_calibrated


@pytest.mark.parametrize("key", ["MAGZERO", "MAGZPT", "ZP", "PHOTZP"])
def test_a_zero_point_of_22_5_is_one_nanomaggy(key):
    assert factor(BUNIT="adu", **{key: 22.5}).factor == pytest.approx(1)


def test_the_hsc_fluxmag0_is_a_zero_point_of_27():
    assert factor(FLUXMAG0=63095734448.0194).factor == pytest.approx(10 ** (0.4 * (22.5 - 27)), rel=1e-9)


def test_hst_photflam_gives_the_published_acs_zero_point():
    # ACS/WFC F814W, PHOTFLAM 7.07236e-20, PHOTPLAM 8059.7598: AB zero point 25.94 for e-/s
    # (ACS zero-point calculator, December 2003).
    found = factor(BUNIT="ELECTRONS/S", PHOTFLAM=7.07236e-20, PHOTPLAM=8059.7598)
    assert 22.5 - 2.5 * np.log10(found.factor) == pytest.approx(25.94, abs=0.02)


def test_electrons_are_divided_by_the_exposure():
    per_second = factor(BUNIT="ELECTRONS/S", PHOTFLAM=7e-20, PHOTPLAM=8059.0, EXPTIME=2000.0).factor
    assert factor(BUNIT="ELECTRONS", PHOTFLAM=7e-20, PHOTPLAM=8059.0, EXPTIME=2000.0).factor == pytest.approx(
        per_second / 2000
    )


def test_what_the_sender_says_comes_first():
    assert factor(zeropoint=25.0, BUNIT="nanomaggy", MAGZERO=30.0).factor == pytest.approx(0.1)


def test_a_flux_unit_comes_before_a_zero_point():
    assert factor(BUNIT="nanomaggy", MAGZERO=30.0).factor == 1


def test_an_unmeasured_zero_point_of_zero_is_no_zero_point():
    assert not factor(BUNIT="adu", MAGZERO=0.0).is_calibrated


@pytest.mark.parametrize(("system", "is_calibrated"), [("VEGA", False), ("AB", True)])
def test_eso_products_state_the_system_of_their_zero_point(system, is_calibrated):
    assert factor(PHOTZP=24.0, PHOTSYS=system, TELESCOP="ESO-VISTA").is_calibrated is is_calibrated


def test_vega_zero_points_are_not_taken_for_ab():
    assert not factor(ORIGIN="2MASS", MAGZP=20.8).is_calibrated


@pytest.mark.parametrize(
    "cards",
    [
        {"NMGY": 0.005},
        {"TELESCOP": "2.5m", "DERV_VER": "NOCVS:v8_23"},
    ],
)
def test_surveys_known_to_publish_nanomaggies_need_no_unit(cards):
    assert factor(**cards) == factor(BUNIT="nanomaggy")


def legacy_cutout(scale, **more):
    """As the cutout server of the Legacy Surveys writes them: BANDS and BANDn, no BUNIT."""
    header = tan_header(scale=scale) if scale is not None else {}
    return image_with(**{**header, "SURVEY": "DECaLS", "BANDS": "g", "BAND0": "g", **more})


def nanomaggies(image, report=None, zeropoint=None, scale=None):
    report = report or IngestReport()
    found = calibration_of(image, report, zeropoint=zeropoint, pixel_scale_arcsec=scale)
    # What was multiplied is what the noise planes are turned round by.
    assert report.factors == [found.factor]
    return found.factor


@pytest.mark.parametrize(
    ("scale", "expected"),
    [(0.262, 1.0), (0.131, 0.25), (0.524, 4.0), (0.264, (0.264 / 0.262) ** 2), (None, 1.0)],
)
@pytest.mark.parametrize(
    "cards", [{}, {"MAGZERO": 22.5}, {"BUNIT": "nanomaggy"}, {"BUNIT": "adu", "ZP": 22.5}]
)
def test_a_legacy_cutout_holds_flux_per_pixel_of_the_bricks_whatever_its_calibration(scale, expected, cards):
    report = IngestReport()
    assert nanomaggies(legacy_cutout(scale, **cards), report) == pytest.approx(expected, rel=1e-5)
    # The server writes no unit; who added one may have mended the values.
    assert report.flags == (["units_conflict"] if "BUNIT" in cards and expected != 1 else [])


def test_a_senders_zero_point_and_scale_leave_it_to_the_header_what_the_server_did():
    report = IngestReport()
    image = legacy_cutout(0.131)
    assert nanomaggies(image, report, zeropoint=25.0, scale=0.5) == pytest.approx(0.1 * 0.25, rel=1e-5)
    assert "values per 0.262 arcsec pixel: times 0.25." in report.steps[-1][1]
    assert nanomaggies(legacy_cutout(None), scale=0.131) == pytest.approx(0.25)


def test_bricks_and_images_of_another_maker_are_as_they_say():
    assert nanomaggies(legacy_cutout(0.131, BRICK="1501p022")) == 1
    own = legacy_cutout(0.131, BANDID0="legacy:g", BUNIT="nanomaggy")
    assert nanomaggies(own) == 1
    assert nanomaggies(legacy_cutout(0.131, SURVEY="KiDS", BUNIT="nanomaggy")) == 1
    image = image_with(**tan_header(scale=0.131), SURVEY="DECaLS", BAND="g", BUNIT="nanomaggy")
    assert nanomaggies(image) == 1


def test_unknown_units_say_what_would_help():
    report = IngestReport()
    found = calibration_of(image_with(BUNIT="adu"), report, zeropoint=None, pixel_scale_arcsec=None)
    assert (found.factor, found.is_calibrated) == (1, False)
    assert report.flags == ["uncalibrated"]
    assert report.steps[0][1].startswith("BUNIT 'adu' and no zero point.")


def test_a_pan_starrs_skycell_comes_back_linear():
    # Waters et al. 2020: v = a asinh((flux - BOFFSET) / (2 BSOFTEN)), a = 2.5 log10 e.
    flux = galaxy().astype(np.float64) * 100
    softening, offset, a = 15.0, -2.0, 2.5 * np.log10(np.e)
    scaled = a * np.arcsinh((flux - offset) / (2 * softening))
    image = image_with(scaled, BSOFTEN=softening, BOFFSET=offset, EXPTIME=900.0)
    assert np.allclose(linearise(image, IngestReport()), flux, rtol=1e-6, atol=1e-4)
    zeropoint = 25 + 2.5 * np.log10(900.0)
    found = calibration_of(image, IngestReport(), zeropoint=None, pixel_scale_arcsec=None)
    assert found.factor == pytest.approx(10 ** (0.4 * (22.5 - zeropoint)))


@pytest.mark.parametrize("more", [{}, {"MAGZERO": 22.5}])
def test_megajansky_in_capitals_may_be_milli_and_is_not_guessed(more):
    report = IngestReport()
    image = image_with(BUNIT="MJY", **more)
    assert not calibration_of(image, report, zeropoint=None, pixel_scale_arcsec=SCALE).is_calibrated
    assert "BUNIT 'MJY' may mean milli- or megajansky" in report.steps[-1][1]
    assert calibration_of(image, report, zeropoint=22.5, pixel_scale_arcsec=SCALE).is_calibrated


@pytest.mark.parametrize(
    "cards", [{"INSTRUME": "VIRCAM"}, {"INSTRUME": "WFCAM"}, {"SURVEY": "UKIDSS"}, {"TELESCOP": "ESO-VISTA"}]
)
def test_zero_points_of_vega_instruments_are_not_used(cards):
    report = IngestReport()
    found = calibration_of(image_with(MAGZPT=23.0, **cards), report, zeropoint=None, pixel_scale_arcsec=SCALE)
    assert not found.is_calibrated
    assert "MAGZPT = 23 is a Vega zero point and not used" in report.steps[-1][1]
    assert factor(MAGZPT=23.0, PHOTSYS="AB", **cards).factor == pytest.approx(10 ** (0.4 * (22.5 - 23.0)))


def test_nanomaggies_of_a_vega_instrument_stay_what_they_are():
    assert factor(BUNIT="nanomaggy", SURVEY="KiDS+VIKING", INSTRUME="VIRCAM", MAGZERO=22.5).factor == 1.0


def test_zero_points_are_given_one_for_all_bands_or_one_for_each_in_the_order_of_the_bands():
    files = [single(band, BUNIT="adu", RUN=1, CAMCOL=1) for band in "rgi"]
    one = read(*files, zeropoint=25.0).cutout
    each = read(*files, zeropoint=(22.5, 25.0, 30.0)).cutout
    # From blue to red, as the report lists them, whatever the order of the files.
    assert each.bands.names == ("g", "r", "i")
    ratio = each.flux[:, 20, 20] / one.flux[:, 20, 20]
    np.testing.assert_allclose(ratio, [10.0, 1.0, 0.01], rtol=1e-5)
    told = read(*files, bands="rgi", zeropoint=[22.5, 25.0, 30.0]).cutout
    np.testing.assert_allclose(told.flux[told.bands.index("r")], each.flux[1] * 10, rtol=1e-5)


def test_zero_points_that_are_neither_one_nor_one_for_each_band_are_refused():
    error = rejected(cube("grz"), zeropoint=(25.0, 26.0))
    assert error.code == "fits.zeropoint"
    assert "g, r, z" in str(error)


@pytest.mark.parametrize(
    ("text", "found"), [(None, None), (" ", None), ("25", (25.0,)), ("25.1, 26,-3.", (25.1, 26.0, -3.0))]
)
def test_zero_points_are_read_as_people_write_them(text, found):
    assert parse_zeropoints(text) == found


@pytest.mark.parametrize("text", ["nan", "1e400", "25,", "25 26", "٢٥"])
def test_what_is_no_zero_point_is_refused(text):
    with pytest.raises(ValueError, match="zeropoint"):
        parse_zeropoints(text)


@pytest.mark.parametrize(
    "unit",
    [
        "mag",
        "MAG",
        "mag/arcsec2",
        "mag arcsec^-2",
        "ABmag",
        "AB mag",
        "mag(AB)",
        "magnitudes",
        "mmag",
        "mag_AB",
    ],
)
@pytest.mark.parametrize("zeropoint", [None, 22.5])
def test_magnitudes_are_refused(unit, zeropoint):
    with pytest.raises(CutoutRejected, match=r"are magnitudes .* linear fluxes") as caught:
        factor(zeropoint=zeropoint, BUNIT=unit)
    assert caught.value.code == "fits.magnitudes"


@pytest.mark.parametrize("unit", ["maggies", "maggy", "nanomaggy", "mgy", "mJy", "nmaggy", "M"])
def test_maggies_are_not_taken_for_magnitudes(unit):
    factor(BUNIT=unit)
