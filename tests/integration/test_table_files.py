"""Catalogue files of every format give the same rows."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.table import MaskedColumn, Table

from survey.sources.table_files import UnreadableTable, read_table

ROWS = [
    {"id": "0012", "ra": 1.5, "mag": None, "flag": True},
    {"id": "1237648720693755918", "ra": 2.5, "mag": 17.25, "flag": False},
]


def write(path):
    kind = path.name.split(".", 1)[1]
    if kind in ("csv", "tsv"):
        separator = "," if kind == "csv" else "\t"
        lines = [
            ["id", "ra", "mag", "flag"],
            ["0012", "1.5", "", "true"],
            ["1237648720693755918", "2.5", "17.25", "false"],
        ]
        path.write_text("\n".join(separator.join(line) for line in lines) + "\n")
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    else:
        table = Table(
            {
                "id": np.array([row["id"] for row in ROWS]),
                "ra": [1.5, 2.5],
                "mag": MaskedColumn([0.0, 17.25], mask=[True, False]),
                "flag": [True, False],
            }
        )
        table.write(path, format={"fits": "fits", "vot": "votable", "ecsv": "ascii.ecsv"}[kind])
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "fits", "vot", "ecsv"])
def test_every_format_gives_the_same_rows(tmp_path, kind):
    # CSV cells have no type: ids there are text because of their name.
    assert read_table(write(tmp_path / f"t.{kind}")).rows.to_pylist() == ROWS


def test_columns_with_several_values_are_left_out_by_name(tmp_path):
    Table({"id": [1, 2], "aper": np.ones((2, 3)), "ra": [1.0, 2.0]}).write(tmp_path / "t.fits")
    found = read_table(tmp_path / "t.fits")
    assert found.left_out == ("aper",)
    assert found.rows.column_names == ["id", "ra"]


def test_hours_are_told_by_their_unit(tmp_path):
    Table({"id": [1], "ra": [1.0] * units.hour, "dec": [1.0] * units.deg}).write(
        tmp_path / "t.vot", format="votable"
    )
    assert read_table(tmp_path / "t.vot").hour_columns == ("ra",)


def test_types_that_a_survey_does_not_store_are_cast(tmp_path):
    table = pa.table(
        {
            "name": pa.array(["a", "b"]).dictionary_encode(),
            "text": pa.array(["x", None], pa.large_string()),
            "day": pa.array([0, 1], pa.date32()),
            "price": pa.array(["1.5", "2.5"]).cast(pa.decimal128(5, 2)),
            "list": pa.array([[1], [2]]),
            "image": pa.array([b"1", b"2"]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet")
    assert found.left_out == ("list", "image")
    assert found.rows.to_pylist()[0] == {"name": "a", "text": "x", "day": "1970-01-01", "price": 1.5}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.xlsx", b"", "a table must be one of"),
        ("t.fits", b"nonsense", "not readable as fits"),
        ("t.parquet", b"nonsense", "not readable as parquet"),
        ("t.csv", b"", "not readable as csv"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableTable, match=message):
        read_table(tmp_path / name)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(UnreadableTable, match="no such file"):
        read_table(tmp_path / "t.csv")


def test_a_table_of_arrays_alone_is_refused(tmp_path):
    Table({"aper": np.ones((2, 3))}).write(tmp_path / "t.fits")
    with pytest.raises(UnreadableTable, match="no column with one value per row"):
        read_table(tmp_path / "t.fits")
    pq.write_table(pa.table({"list": pa.array([[1]])}), tmp_path / "t.parquet")
    with pytest.raises(UnreadableTable, match="no column with one value per row"):
        read_table(tmp_path / "t.parquet")
