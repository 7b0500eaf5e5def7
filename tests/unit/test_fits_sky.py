"""Position, scale and parity of a FITS file."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from support.fits_files import DEC, RA, SCALE, SIDE, cube, galaxy, read, single, tan_header


def test_position_and_scale_come_from_the_wcs():
    cutout = read(cube()).cutout
    assert (cutout.ra_deg, cutout.dec_deg) == (RA, DEC)
    assert cutout.pixel_scale_arcsec == pytest.approx(SCALE, rel=1e-6)


def test_the_target_lies_in_the_middle_of_the_cutout():
    # Ten pixels east (left) of the middle of the image, five north.
    ra = RA + 10 * SCALE / 3600 / np.cos(np.deg2rad(DEC))
    data = np.zeros((SIDE + 1, SIDE + 1), np.float32)
    data[20 + 5, 20 - 10] = 100
    header = tan_header(SIDE + 1, BAND="r", SURVEY="SDSS")
    found = read(single(None, header=header, data=data), ra_deg=ra, dec_deg=DEC + 5 * SCALE / 3600)
    flux = found.cutout.flux[0]
    assert flux.shape == (SIDE + 1, SIDE + 1)
    assert flux[20, 20] == 100
    assert found.cutout.ra_deg == ra
    assert found.cutout.mask.any()


def test_a_large_image_is_cut_to_a_window_around_the_position():
    data = np.random.default_rng(0).normal(size=(1200, 1100)).astype(np.float32)
    header = tan_header(1100, BAND="r", SURVEY="SDSS", crpix=(550, 600))
    found = read(single(None, header=header, data=data), ra_deg=RA, dec_deg=DEC)
    assert found.cutout.shape == (1024, 1024)


def test_a_header_target_comes_before_the_reference_pixel():
    header = tan_header(BAND="r", SURVEY="SDSS", RA_TARG=RA, DEC_TARG=DEC + 3 * SCALE / 3600)
    cutout = read(single(None, header=header)).cutout
    assert cutout.dec_deg == pytest.approx(DEC + 3 * SCALE / 3600)


def test_a_reference_far_outside_means_the_galaxy_in_the_middle():
    header = tan_header(BAND="r", SURVEY="SDSS", crpix=(5000, -3000))
    found = read(single(None, header=header))
    assert "target_assumed" in found.report.flags
    expected = WCS(header).pixel_to_world((SIDE - 1) / 2, (SIDE - 1) / 2)
    found_at = SkyCoord(found.cutout.ra_deg, found.cutout.dec_deg, unit="deg")
    assert found_at.separation(expected).arcsec < 0.01


def test_swapped_axes_give_the_same_position():
    header = tan_header(BAND="r", SURVEY="SDSS")
    for key, value in {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": DEC, "CRVAL2": RA}.items():
        header[key] = value
    cutout = read(single(None, header=header), ra_deg=RA, dec_deg=DEC).cutout
    assert (cutout.ra_deg, cutout.dec_deg) == (RA, DEC)


def test_coordinates_of_b1950_are_brought_to_icrs():
    # 3C 273 in B1950 (12h26m33.248s +02d19m43.29s) and ICRS (12h29m06.6997s +02d03m08.598s).
    old = SkyCoord("12h26m33.248s +02d19m43.29s", frame="fk4")
    header = tan_header(
        BAND="r", SURVEY="SDSS", ra=old.ra.deg, dec=old.dec.deg, RADESYS="FK4", EQUINOX=1950.0
    )
    cutout = read(single(None, header=header)).cutout
    found = SkyCoord(cutout.ra_deg, cutout.dec_deg, unit="deg")
    assert found.separation(SkyCoord("12h29m06.6997s +02d03m08.598s")).arcsec < 0.5
    told = read(single(None, header=header), ra_deg=cutout.ra_deg, dec_deg=cutout.dec_deg)
    assert "0.0 px from the middle" in dict(told.report.steps)["target"]


def test_a_mirrored_image_is_turned_back():
    plain = read(single("r", SURVEY="SDSS")).cutout
    header = tan_header(BAND="r", SURVEY="SDSS", CD1_1=SCALE / 3600)
    found = read(single(None, header=header, data=galaxy()[:, ::-1].copy()))
    assert "mirrored" in found.report.flags
    assert np.array_equal(found.cutout.flux, plain.flux)


def test_bands_shifted_by_whole_pixels_are_aligned_on_the_target():
    base = np.random.default_rng(0).normal(size=(60, 60)).astype(np.float32)
    g = single("g", header=tan_header(SIDE, SURVEY="SDSS", crpix=(20, 20)), data=base[:SIDE, :SIDE])
    r = single(
        "r",
        header=tan_header(SIDE, SURVEY="SDSS", crpix=(17, 22)),
        data=np.roll(base, (2, -3), (0, 1))[:SIDE, :SIDE],
    )
    cutout = read(g, r, ra_deg=RA, dec_deg=DEC).cutout
    good = cutout.good().all(axis=0)
    assert good.sum() > 30 * 30
    assert np.array_equal(cutout.flux[0][good], cutout.flux[1][good])


def test_sip_distortion_is_followed():
    # A second-order term stretches x: u' = u + 1e-3 u^2, and pixels 100 px from the reference by 20 %.
    header = tan_header(
        BAND="r", SURVEY="SDSS", CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=2, B_ORDER=2
    )
    header["A_2_0"] = 1e-3
    header["CRPIX1"] = -80
    bent = read(single(None, header=header))
    assert ("wcs", "Pixels are not square (sides differ by 20 %).") in bent.report.steps
    # Square pixels of the shorter side are made of them.
    assert bent.cutout.pixel_scale_arcsec == pytest.approx(SCALE, rel=1e-5)


@pytest.mark.parametrize("order", [10_000, -1, "x"])
def test_absurd_sip_orders_leave_the_linear_part(order):
    header = tan_header(
        BAND="r", SURVEY="SDSS", CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=order, B_ORDER=2
    )
    assert read(single(None, header=header)).cutout.pixel_scale_arcsec == pytest.approx(SCALE, rel=1e-6)


def test_a_file_without_wcs_takes_the_scale_of_the_sender():
    header = fits.Header({"BAND": "r", "SURVEY": "SDSS"})
    assert "no_pixel_scale" in read(single(None, header=header)).report.flags
    assert read(single(None, header=header), pixel_scale_arcsec=0.339).cutout.pixel_scale_arcsec == 0.339


def test_a_file_without_wcs_takes_scale_and_position_from_its_words():
    header = fits.Header({"BAND": "r", "SURVEY": "SDSS", "PIXSCALE": 0.25, "RA_OBJ": 10.0, "DEC_OBJ": -5.0})
    cutout = read(single(None, header=header)).cutout
    assert (cutout.pixel_scale_arcsec, cutout.ra_deg, cutout.dec_deg) == (0.25, 10.0, -5.0)


def test_the_senders_position_is_kept_without_wcs():
    found = read(single("r", header=fits.Header({"SURVEY": "SDSS"})), ra_deg=1.0, dec_deg=2.0)
    assert (found.cutout.ra_deg, found.cutout.dec_deg) == (1.0, 2.0)
    assert "target_assumed" in found.report.flags


@pytest.mark.parametrize("ctype", ["ELON-TAN", "HPLN-TAN", "NONSENSE"])
def test_maps_of_other_skies_have_no_position(ctype):
    header = tan_header(
        BAND="r", SURVEY="SDSS", CTYPE1=ctype, CTYPE2=ctype.replace("LN", "LT").replace("LON", "LAT")
    )
    assert read(single(None, header=header)).cutout.ra_deg is None


def test_a_galactic_map_is_read_as_one_of_equatorial_coordinates():
    place = SkyCoord(RA, DEC, unit="deg").galactic
    header = tan_header(BAND="r", SURVEY="SDSS")
    header["CTYPE1"], header["CTYPE2"] = "GLON-TAN", "GLAT-TAN"
    header["CRVAL1"], header["CRVAL2"] = place.l.deg, place.b.deg
    found = read(single(None, header=header))
    at = SkyCoord(found.cutout.ra_deg, found.cutout.dec_deg, unit="deg")
    assert at.separation(SkyCoord(RA, DEC, unit="deg")).arcsec < 1e-3
    assert found.cutout.pixel_scale_arcsec == pytest.approx(SCALE, rel=1e-6)
    # The Galactic plane is no parallel of declination: north comes up.
    assert "turned" in found.report.flags


@pytest.mark.parametrize(("aside_px", "is_target"), [(2, True), (4.5, True), (7, False)])
def test_a_reference_counts_only_near_the_middle(aside_px, is_target):
    # 2 arcsec are 5 px here.
    header = tan_header(BAND="r", SURVEY="SDSS", crpix=((SIDE + 1) / 2 + aside_px, (SIDE + 1) / 2))
    found = read(single(None, header=header))
    assert ("target_assumed" not in found.report.flags) == is_target
    at = (header["CRVAL1"], header["CRVAL2"])
    expected = SkyCoord(*at, unit="deg") if is_target else WCS(header).pixel_to_world(*[(SIDE - 1) / 2] * 2)
    found_at = SkyCoord(found.cutout.ra_deg, found.cutout.dec_deg, unit="deg")
    assert found_at.separation(expected).arcsec < 0.01
    said = " ".join(text for step, text in found.report.steps if step == "target")
    assert ("(CRVAL) lies 3 arcsec" in said and "`ra=` and `dec=`" in said) != is_target


@pytest.mark.parametrize(("aside_px", "is_said"), [(3, False), (-9, False), (12, True)])
def test_a_headers_target_is_followed_and_said_where_it_is_far(aside_px, is_said):
    header = tan_header(BAND="r", SURVEY="SDSS", scale=1.0)
    at = WCS(header).pixel_to_world((SIDE - 1) / 2, (SIDE - 1) / 2 + aside_px)
    header["RA_TARG"], header["DEC_TARG"] = at.ra.deg, at.dec.deg
    found = read(single(None, header=header))
    assert (found.cutout.ra_deg, found.cutout.dec_deg) == (at.ra.deg, at.dec.deg)
    assert ("target_assumed" in found.report.flags) == is_said
