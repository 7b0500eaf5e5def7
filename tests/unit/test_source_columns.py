"""The user's columns are found by what the field calls them, and the user has the last word."""

import pytest

from survey.sources.columns import is_magnitude_name, match_columns, parse_overrides
from survey.sources.table_files import UnreadableTable


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["ID", "RA", "DEC", "Redshift"], {"object_id": "ID", "ra_deg": "RA", "dec_deg": "DEC", "z_spec": "Redshift"}),
        (["Name", "RAJ2000", "DEJ2000"], {"object_id": "Name", "ra_deg": "RAJ2000", "dec_deg": "DEJ2000"}),
        (["NUMBER", "ALPHA_J2000", "DELTA_J2000"], {"ra_deg": "ALPHA_J2000", "dec_deg": "DELTA_J2000", "object_id": "NUMBER"}),
        (["id", "dr7_objid"], {"object_id": "id"}),
        (["dr7_objid", "mag_r"], {"object_id": "dr7_objid", "mag_r": "mag_r"}),
        (["E_BV", "filename", "class"], {"ebv": "E_BV", "file": "filename", "label": "class"}),
        (["objid", "ra", "dec", "z"], {"object_id": "objid", "ra_deg": "ra", "dec_deg": "dec", "z_spec": "z"}),
    ],
)  # fmt: skip
def test_usual_names_are_found(names, found):
    assert match_columns(names).columns == found


def test_z_in_a_row_of_magnitudes_is_no_redshift():
    assert "z_spec" not in match_columns(["objid", "u", "g", "r", "i", "z"]).columns


def test_what_the_user_says_comes_before_the_aliases():
    found = match_columns(["id", "mine", "ra", "dec"], {"object_id": "MINE"})
    assert found.columns["object_id"] == "mine"
    assert "object_id = mine (as you said)" in found.lines()[0]


def test_none_leaves_a_column_out():
    assert "z_spec" not in match_columns(["id", "z_spec"], {"z_spec": "none"}).columns


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(UnreadableTable, match="no column 'nope' for ra_deg; the table has id, x"):
        match_columns(["id", "x"], {"ra_deg": "nope"})


@pytest.mark.parametrize(("names", "wanted"), [(["id", "ra"], "dec"), (["id", "dec"], "ra")])
def test_half_a_position_is_asked_for(names, wanted):
    with pytest.raises(UnreadableTable, match=f"--column {wanted}="):
        match_columns(names)


def test_short_names_stand_for_the_standard_ones():
    assert parse_overrides(["id=A", "ra=B", " dec = C ", "z=D", "filename=E", "label=F"]) == {
        "object_id": "A", "ra_deg": "B", "dec_deg": "C", "z_spec": "D", "file": "E", "label": "F",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["ra", "ra=", "=x", "nonsense=x"])
def test_what_is_no_pair_is_refused(text):
    with pytest.raises(UnreadableTable, match="NAME=YOUR_COLUMN"):
        parse_overrides([text])


@pytest.mark.parametrize(
    "name", ["mag_u", "modelMag_r", "petroMag_i", "r_kron_ab", "mag_ap16px_Ks", "MAG_AUTO", "kmag"]
)
def test_magnitudes_are_known_by_name(name):
    assert is_magnitude_name(name)


@pytest.mark.parametrize("name", ["image", "magnetic", "z_spec", "flux_r", "x"])
def test_other_columns_are_no_magnitudes(name):
    assert not is_magnitude_name(name)


def test_a_photometric_estimate_is_no_spectroscopic_redshift():
    # Our own answers call a photometric redshift so, and 3D-HST where it has no spectrum.
    assert "z_spec" not in match_columns(["id", "z_best"]).columns
