import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from survey.sky import BadTarget, decode_sdss_objid, hpx29, iau_name, parse_target


@pytest.mark.parametrize(
    "text",
    [
        "150.1 2.2",
        "150.1,+2.2",
        " 150.1 ,  2.2 ",
        "150.1\t2.2",
        "150.1d 2.2d",
        "ra=150.1 dec=2.2",
        "RA: 150.1, Dec: 2.2",
        "10h00m24s +02d12m00s",
        "10h 00m 24s +02d 12m 00s",
        "10:00:24 +02:12:00",
        "10:00:24.0+02:12:00.0",
        "10 00 24 +02 12 00",
        "10 00 24 02 12 00",
        "150d06m00s +2d12m",
        "10h00m24s +02°12′00″",
    ],
)
def test_every_way_to_write_a_position_gives_the_same_place(text):
    target = parse_target(text)
    assert target.kind == "position"
    assert (target.ra_deg, target.dec_deg) == pytest.approx((150.1, 2.2), abs=1e-10)


@pytest.mark.parametrize("minus", ["-", "\N{MINUS SIGN}"])
def test_minus_zero_degrees_keeps_its_sign(minus):
    target = parse_target(f"10:00:24 {minus}00:30:00")
    assert target.dec_deg == pytest.approx(-0.5, abs=1e-12)


def test_galactic_position_is_the_one_of_astropy():
    expected = SkyCoord(l=236.8, b=42.1, unit="deg", frame="galactic").icrs
    target = parse_target("l=236.8 b=42.1")
    assert (target.ra_deg, target.dec_deg) == pytest.approx((expected.ra.deg, expected.dec.deg), abs=1e-9)


def test_negative_galactic_longitude_wraps():
    assert parse_target("l=-10 b=1").ra_deg == pytest.approx(parse_target("l=350 b=1").ra_deg)


def test_right_ascension_360_is_0():
    assert parse_target("360 -1").ra_deg == 0


def test_healpix_cell_names_its_own_place():
    cell = int(hpx29(150.1, 2.2))
    target = parse_target(f"hpx29:{cell}")
    assert int(hpx29(target.ra_deg, target.dec_deg)) == cell


@pytest.mark.parametrize(
    ("text", "ra", "dec"),
    [
        # A name covers [value, value + one unit of its last digit]; half a unit is its centre.
        ("J1234+0123", 15 * (12 + 34.5 / 60), 1 + 23.5 / 60),
        ("SDSS J123456-012345", 15 * (12 + 34 / 60 + 56.5 / 3600), -(1 + 23 / 60 + 45.5 / 3600)),
        ("SDSSJ123456.78+012345.6", 15 * (12 + 34 / 60 + 56.785 / 3600), 1 + 23 / 60 + 45.65 / 3600),
        ("2MASX J12345678+0123456", None, None),
        ("WISEA J0000.0-0000.0", 15 * 0.05 / 60, -0.05 / 60),
    ],
)
def test_truncated_name_is_the_centre_of_its_box(text, ra, dec):
    target = parse_target(text)
    if ra is None:
        assert target.kind == "id"
        return
    assert target.kind == "box"
    assert (target.ra_deg, target.dec_deg) == pytest.approx((ra, dec), abs=1e-9)


def test_box_of_a_short_name_reaches_its_corners():
    target = parse_target("J1234+0123")
    corner = SkyCoord(15 * (12 + 35 / 60), 1 + 23 / 60, unit="deg")
    centre = SkyCoord(target.ra_deg, target.dec_deg, unit="deg")
    assert target.radius_deg == pytest.approx(centre.separation(corner).deg, rel=1e-6)


def test_iau_example_is_reproduced():
    # The example of the IAU specification: 19h57m40.558s +33d38m27.96s, digits cut off.
    place = SkyCoord("19h57m40.558s +33d38m27.96s")
    assert iau_name(place.ra.deg, place.dec.deg) == "SDSS J195740.55+333827.9"


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        (0.0, 0.0, "SDSS J000000.00+000000.0"),
        (360 - 1e-12, -90.0, "SDSS J000000.00-900000.0"),
        (15 * 0.1 / 3600, -0.1 / 3600, "SDSS J000000.10-000000.1"),
        (-15.0, -0.5, "SDSS J230000.00-003000.0"),
    ],
)
def test_name_at_the_edges(ra, dec, name):
    assert iau_name(ra, dec) == name


@pytest.mark.parametrize(
    "text", ["KV0007", "187.5469-12.0381", "9000_123_45", "3C 273", "J1299+0000", "J2400+0000", "nan nan"]
)
def test_anything_else_is_an_id(text):
    assert parse_target(text) == parse_target(f"  {text} ")
    assert parse_target(text).kind == "id"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "printable"),
        ("   ", "printable"),
        ("a\x00b", "printable"),
        ("\ud800", "printable"),
        ("1" * 201, "200"),
        ("361 0", "RA is 0 to 360 degrees, not 361"),
        ("-1 0", "RA is 0 to 360"),
        ("150 95", "Dec is -90 to 90 degrees, not 95"),
        ("1e400 2", "RA is 0 to 360"),
        ("150:06:00 +02:12:00", "150d06m"),
        ("10:60:00 +02:12:00", "below 60"),
        ("10 00 24 02 12", "sign of Dec"),
        ("ra=1 b=2", "l= b="),
        ("l=1 dec=2", "ra= dec="),
        (f"hpx29:{12 * 4**29}", "hpx29 is 0 to"),
    ],
)
def test_impossible_place_is_refused_with_a_remedy(text, message):
    with pytest.raises(BadTarget, match=message):
        parse_target(text)


def test_sdss_objid_comes_apart():
    # The example of the SDSS glossary: run 756, camcol 2, field 427, object 14.
    parts = decode_sdss_objid("1237648720693755918")
    assert (parts.rerun, parts.run, parts.camcol, parts.field, parts.object) == (301, 756, 2, 427, 14)
    assert not parts.is_before_dr8


def test_objid_of_dr7_is_said_to_be_one():
    assert decode_sdss_objid(587726879412256956).is_before_dr8
    assert "DR7" in parse_target("587726879412256956").note
    assert parse_target("1237648720693755918").note == ""


@pytest.mark.parametrize("text", ["12345", "-1", "1.5", "9" * 25, "18446744073709551615"])
def test_other_numbers_are_no_objid(text):
    assert decode_sdss_objid(text) is None


def test_unknown_positions_have_no_cell():
    cells = pa.array(hpx29([10.0, None, np.nan], [20.0, 1.0, 2.0]))
    assert cells.type == pa.int64()
    assert cells.null_count == 2


def test_cell_agrees_with_astropy_healpix():
    from astropy_healpix import HEALPix

    ra, dec = np.array([0.0, 359.99, 45.0, 10.0]), np.array([90.0, -90.0, 41.8, -0.1])
    reference = HEALPix(nside=2**29, order="nested").lonlat_to_healpix(ra * u.deg, dec * u.deg)
    np.testing.assert_array_equal(hpx29(ra, dec), reference)


def test_declination_off_the_sphere_has_no_cell():
    with pytest.raises(BadTarget, match="-90 to 90"):
        hpx29([1.0], [90.1])
