"""Which columns are taken for ids and positions, and whether a declared type is true."""

import pytest

from service.media import IMAGE_TYPES, TABLE_TYPES, check_declared, media_type_of
from service.table_columns import map_columns
from survey.ingest import CutoutRejected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["RA", "Dec"], {"ra_deg": "RA", "dec_deg": "Dec"}),
        (["_RAJ2000", "_DEJ2000"], {"ra_deg": "_RAJ2000", "dec_deg": "_DEJ2000"}),
        (
            ["TARGET_RA", "TARGET_DEC", "TARGETID"],
            {"object_id": "TARGETID", "ra_deg": "TARGET_RA", "dec_deg": "TARGET_DEC"},
        ),
        (["ALPHA_J2000", "DELTA_J2000"], {"ra_deg": "ALPHA_J2000", "dec_deg": "DELTA_J2000"}),
        (["objID"], {"object_id": "objID"}),
        (["id", "z"], {"object_id": "id"}),
        # A column called id beside positions is mostly a row number.
        (["id", "ra", "dec"], {"ra_deg": "ra", "dec_deg": "dec"}),
        # A lone coordinate is no position.
        (["ra", "mag"], {}),
        (["x", "y"], {}),
    ],
)
def test_the_usual_names_are_known(names, expected):
    assert map_columns(names) == expected


def test_of_two_names_for_one_thing_the_first_of_the_list_wins():
    assert map_columns(["id", "name", "object_id"]) == {"object_id": "object_id"}
    assert map_columns(["RAJ2000", "ra", "dec"])["ra_deg"] == "ra"


@pytest.mark.parametrize("header", ["image/fits", "IMAGE/FITS ; charset=x", " image/fits"])
def test_parameters_and_case_of_a_content_type_do_not_matter(header):
    assert media_type_of(header) == "image/fits"


@pytest.mark.parametrize("declared", ["", "application/octet-stream"])
def test_an_undeclared_type_is_whatever_the_bytes_are(declared):
    check_declared(declared, b"SIMPLE  =", IMAGE_TYPES)


@pytest.mark.parametrize(
    ("declared", "data", "known", "code"),
    [
        ("image/png", b"SIMPLE  =", IMAGE_TYPES, "upload.type_mismatch"),
        ("image/fits", b"\x89PNG\r\n\x1a\n", IMAGE_TYPES, "upload.type_mismatch"),
        ("image/gif", b"GIF89a", IMAGE_TYPES, "upload.type"),
        ("text/csv", b"PAR1", TABLE_TYPES, "upload.type_mismatch"),
        ("text/html", b"<html>", TABLE_TYPES, "upload.type"),
    ],
)
def test_a_declared_type_must_be_taken_and_true(declared, data, known, code):
    with pytest.raises(CutoutRejected) as refused:
        check_declared(declared, data, known)
    assert refused.value.code == code


def test_a_compressed_fits_file_may_be_called_fits():
    check_declared("image/fits", b"\x1f\x8b", IMAGE_TYPES)
    check_declared("application/fits", b"BZh9", TABLE_TYPES)
