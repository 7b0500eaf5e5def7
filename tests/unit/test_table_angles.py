"""Positions are read in the unit that their header says, and in no other."""

import pyarrow as pa
import pytest
from astropy import units
from astropy.coordinates import Angle

from service.table_angles import to_degrees, unit_of
from survey.ingest import CutoutRejected


def degrees(values, unit, *, is_longitude=True):
    return to_degrees(pa.chunked_array([pa.array(values)]), unit, name="x", is_longitude=is_longitude)


@pytest.mark.parametrize("unit", ["deg", "rad", "hourangle", "arcmin", "arcsec", "mas", "h"])
def test_a_number_becomes_the_degrees_that_astropy_makes_of_it(unit):
    values = [0.0, 1.25, 3.5]
    expected = Angle(values, units.Unit(unit) if unit != "h" else units.hourangle).deg
    found, wrong = degrees(values, unit)
    assert wrong is None
    assert found.to_pylist() == pytest.approx(expected.tolist(), rel=1e-14)


@pytest.mark.parametrize(
    "text", ["10:00:24.12", "10 00 24.12", "10h00m24.12s", "00:00:00", "23:59:59.999", "5:30"]
)
def test_right_ascension_in_hours_is_read_as_astropy_reads_it(text):
    found, _ = degrees([text], '"h:m:s"')
    assert found[0].as_py() == pytest.approx(Angle(text, units.hourangle).deg, rel=1e-13)


@pytest.mark.parametrize("text", ["-00:30:00", "+02:12:00.3", "-12 30 01", "89d59m59s", "\u221200:00:01"])
def test_declination_in_degrees_minutes_and_seconds_keeps_its_sign(text):
    found, _ = degrees([text], "d:m:s", is_longitude=False)
    assert found[0].as_py() == pytest.approx(Angle(text.replace("\u2212", "-"), units.deg).deg, rel=1e-13)


def test_a_stray_cell_is_told_of_its_row_alone():
    found, wrong = degrees(["1.5", "n/a", "twelve", None, "inf"], "")
    assert found.to_pylist() == [1.5, None, None, None, None]
    assert [one is not None for one in wrong] == [False, False, True, False, False]
    assert "'twelve'" in wrong[2]


@pytest.mark.parametrize(
    ("values", "unit", "is_longitude"),
    [
        (["10:00:00", "11:00:00"], "", True),
        ([1.0], "pc", True),
        ([1.0], "hourangle", False),
        ([True], "deg", True),
        (["10:61:00"], "h:m:s", True),
    ],
    ids=["sexagesimal unannounced", "no angle", "declination in hours", "truths", "61 minutes"],
)
def test_what_cannot_be_meant_is_refused_and_never_guessed(values, unit, is_longitude):
    with pytest.raises(CutoutRejected) as refused:
        degrees(values, unit, is_longitude=is_longitude)
    assert refused.value.code == "table.unit"


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        (" Degrees", "deg"),
        ('"h:m:s"', "h:m:s"),
        ("", "deg"),
        ("h", "hourangle"),
        ("mag", None),
        ("pixel", None),
    ],
)
def test_spellings_of_one_unit_are_one_unit(header, unit):
    assert unit_of(header) == unit
