"""Rows enter a survey with unique ids, honest nulls and a reason for every refusal."""

import numpy as np
import pyarrow as pa
import pytest

from survey.names import iau_name
from survey.sources.joining import Join, sort_columns
from survey.sources.rows import finish_rows, object_rows
from survey.sources.table_files import TableFile, UnreadableTable


def rows_of(join=None, on=None, hours=(), **columns):
    file = TableFile(pa.table(columns), hour_columns=tuple(hours))
    second = None if join is None else Join("second.csv", TableFile(pa.table(join)), on)
    return object_rows(sort_columns(file, None, second))


def values(rows, name):
    return rows.columns.column(name).to_pylist()


# Ids


def test_integer_ids_become_text_with_every_digit():
    assert values(rows_of(objid=[1237648720693755918]), "object_id") == ["1237648720693755918"]


def test_ids_that_lost_digits_as_floats_are_refused():
    with pytest.raises(UnreadableTable, match="lost digits"):
        rows_of(objid=[1.237648720693756e18])


def test_small_ids_in_a_float_column_with_gaps_are_kept():
    rows = rows_of(objid=[1.0, None, 3.0])
    assert values(rows, "object_id") == ["1", "3"]
    assert [r.reason for r in rows.rejected] == ["no id"]


def test_an_id_that_is_not_a_number_is_no_id():
    rows = rows_of(objid=[1.0, np.nan, 2.5])
    assert values(rows, "object_id") == ["1", "2.5"]
    assert [r.reason for r in rows.rejected] == ["no id"]


def test_rows_without_ids_take_unique_iau_names():
    rows = rows_of(ra=[10.0, 10.0, 20.0], dec=[-5.0, -5.0, 5.0])
    name = iau_name(10.0, -5.0)
    assert values(rows, "object_id") == [name, f"{name}-2", iau_name(20.0, 5.0)]
    assert any("1 share a name" in note for note in rows.notes)


def test_a_second_row_of_an_id_is_refused_and_named():
    rows = rows_of(id=["a", "b", "a"])
    assert values(rows, "object_id") == ["a", "b"]
    assert [(r.what, r.reason) for r in rows.rejected] == [
        ("row 3 (a)", "the id occurs twice, first in row 1")
    ]


@pytest.mark.parametrize("bad", ["a/b", "a?b", "x" * 101, "a\nb"])
def test_ids_that_cannot_stand_in_an_address_are_refused(bad):
    rows = rows_of(id=["good", bad])
    assert values(rows, "object_id") == ["good"]
    assert len(rows.rejected) == 1


def test_neither_id_nor_position_is_refused():
    with pytest.raises(UnreadableTable, match="neither an id nor a position"):
        rows_of(x=[1.0])


# Positions


def test_positions_off_the_sky_are_refused():
    rows = rows_of(id=["a", "b", "c"], ra=[10.0, 370.0, 10.0], dec=[0.0, 0.0, 95.0])
    assert values(rows, "object_id") == ["a"]
    assert all("not on the sky" in r.reason for r in rows.rejected)


@pytest.mark.parametrize("unknown", [None, float("nan"), -999.0, -9999.0])
def test_unknown_positions_are_null_together(unknown):
    rows = rows_of(id=["a", "b"], ra=[10.0, unknown], dec=[1.0, 2.0])
    assert values(rows, "ra_deg") == [10.0, None]
    assert values(rows, "dec_deg") == [1.0, None]


def test_right_ascensions_from_minus_180_are_turned():
    assert values(rows_of(id=["a"], ra=[-10.0], dec=[0.0]), "ra_deg") == [350.0]


def test_sexagesimal_positions_are_hours_and_degrees():
    # -00:30:00 is half a degree south.
    rows = rows_of(id=["a", "b"], ra=["10:00:00", None], dec=["-00:30:00", None])
    assert values(rows, "ra_deg") == [pytest.approx(150.0), None]
    assert values(rows, "dec_deg") == [pytest.approx(-0.5), None]


def test_degrees_saved_as_text_are_degrees():
    assert values(rows_of(id=["a"], ra=["150.25"], dec=["-0.5"]), "ra_deg") == [150.25]


def test_a_unit_of_hours_is_heard():
    assert values(rows_of(id=["a"], hours=["ra"], ra=[10.0], dec=[0.0]), "ra_deg") == [150.0]


def test_text_that_is_no_position_is_refused():
    with pytest.raises(UnreadableTable, match="position"):
        rows_of(id=["a"], ra=["here: there"], dec=["1"])
    with pytest.raises(UnreadableTable, match="no number"):
        rows_of(id=["a"], ra=["x"], dec=["y"])


# Sentinels


@pytest.mark.parametrize("sentinel", [-99.0, -999.0, -9999.0, 99.99, -1.0])
def test_redshifts_that_mean_unknown_become_null_and_are_counted(sentinel):
    rows = rows_of(id=["a", "b"], z_spec=pa.array([0.1, sentinel], pa.float32()))
    assert values(rows, "z_spec") == [pytest.approx(0.1), None]
    assert any(note.startswith("1 values of z_spec") for note in rows.notes)


def test_small_negative_redshifts_are_real():
    # Messier 31 approaches at 300 km/s.
    assert values(rows_of(id=["m31"], z=[-0.001]), "z_spec") == [-0.001]


def test_exact_zeros_are_kept_and_mentioned():
    rows = rows_of(id=["a"], z=[0.0])
    assert values(rows, "z_spec") == [0.0]
    assert any("exactly 0" in note for note in rows.notes)


def test_magnitudes_of_the_user_lose_their_sentinels_and_keep_their_type():
    rows = rows_of(
        id=["a", "b"], mag_g=pa.array([17.5, -9999], pa.float32()), mag_r=[99.0, 16.0], other=[-99.0, 1.0]
    )
    assert values(rows, "mag_g") == [17.5, None]
    assert rows.columns.schema.field("mag_g").type == pa.float32()
    assert values(rows, "mag_r") == [None, 16.0]
    assert values(rows, "other") == [-99.0, 1.0]


# The user's own columns


def test_every_scalar_column_is_kept():
    rows = rows_of(id=["a"], size=[3], flag=[True], remark=["x"], empty=pa.nulls(1), nan=[float("nan")])
    assert rows.columns.select(["size", "flag", "remark", "empty", "nan"]).to_pylist() == [
        {"size": 3, "flag": True, "remark": "x", "empty": None, "nan": None}
    ]


def test_reserved_names_are_kept_aside():
    rows = rows_of(id=["a"], z_phot=[0.3], ra_deg=[1.0], ra=[2.0], dec=[0.0])
    assert values(rows, "z_phot_user") == [0.3]
    assert values(rows, "ra_deg") == [1.0]
    assert values(rows, "ra") == [2.0]


def test_numbers_as_labels_become_text():
    assert values(rows_of(id=["a"], label=[3]), "label") == ["3"]


# Joining


def test_a_join_fills_gaps_and_adds_columns():
    rows = rows_of(
        id=["a", "b", "c"], dr7_objid=["1", "2", None], ra=[None, 20.0, None], dec=[None, 2.0, None], path=["p", "q", "r"],
        join={"dr7_objid": [1, 2, 9], "ra_deg": [10.0, 99.0, 0.0], "dec_deg": [1.0, 9.0, 0.0], "z_spec": [0.1, 0.2, 0.3],
              "path": ["x", "y", "z"]},
        on="dr7_objid",
    )  # fmt: skip
    assert values(rows, "ra_deg") == [10.0, 20.0, None]
    assert values(rows, "z_spec") == [0.1, 0.2, None]
    assert values(rows, "path") == ["p", "q", "r"]
    assert values(rows, "path_joined") == ["x", "y", None]
    assert any("2 of 3 rows met one of its 3 keys" in note for note in rows.notes)


def test_keys_of_different_names_and_repeats_are_told():
    rows = rows_of(id=["1", "2"], join={"key": [1, 1], "z": [0.1, 0.2], "objid": [7, 8]}, on="id=key")
    assert values(rows, "z_spec") == [0.1, None]
    assert values(rows, "objid") == [7, None]
    assert any("1 repeated keys" in note for note in rows.notes)


def test_rows_without_a_key_meet_nothing():
    rows = rows_of(id=["a", "b"], key=[np.nan, 2.0], join={"key": [np.nan, 2.0], "z": [0.9, 0.2]}, on="key")
    assert values(rows, "z_spec") == [None, 0.2]


def test_keys_that_lost_digits_as_floats_are_refused():
    with pytest.raises(UnreadableTable, match=r"keys of second\.csv .* lost digits"):
        rows_of(
            id=["a"],
            objid=["1237648720693755918"],
            join={"objid": [1.237648720693756e18], "z": [0.1]},
            on="objid",
        )


@pytest.mark.parametrize("on", ["nope", "id=nope"])
def test_a_key_that_is_not_there_is_refused(on):
    with pytest.raises(UnreadableTable, match="has no column 'nope'"):
        rows_of(id=["1"], join={"id": ["1"]}, on=on)


def test_empty_columns_take_the_joined_type():
    rows = rows_of(id=["1"], redshift=pa.nulls(1), join={"id": ["1"], "z_spec": [0.5]}, on="id")
    assert values(rows, "z_spec") == [0.5]


# Finishing


def test_dust_is_filled_where_a_position_is_known_and_says_from_where():
    table, notes = finish_rows(
        rows_of(
            id=["a", "b", "c"], ra=[150.0, 150.0, None], dec=[2.0, 2.0, None], ebv=[0.5, None, None]
        ).columns
    )
    ebv = table.column("ebv").to_pylist()
    assert ebv[0] == 0.5
    # The COSMOS field is among the clearest: E(B-V) about 0.018 (Schlegel, Finkbeiner & Davis 1998).
    assert ebv[1] == pytest.approx(0.018, abs=0.01)
    assert ebv[2] is None
    assert table.column("ebv_src").to_pylist() == ["given", "sfd-lowres", None]
    assert len(notes) == 1


def test_negative_dust_is_unknown():
    assert values(rows_of(id=["a"], ebv=[-0.1]), "ebv") == [None]


def test_a_missing_dust_map_leaves_nulls_and_says_so(monkeypatch):
    from survey.dust import DustMapMissing

    def missing(ra, dec):
        raise DustMapMissing("no map")

    monkeypatch.setattr("survey.sources.rows.ebv_sfd_lowres", missing)
    table, notes = finish_rows(rows_of(ra=[150.0], dec=[2.0]).columns)
    assert table.column("ebv").to_pylist() == [None]
    assert notes == ["E(B-V) stays unknown: no map"]


def test_cells_are_null_without_a_position():
    table, _ = finish_rows(rows_of(id=["a", "b"], ra=[1.0, None], dec=[1.0, None]).columns)
    cells = table.column("hpx29").to_pylist()
    assert isinstance(cells[0], int)
    assert cells[1] is None


def test_taken_rows_keep_what_belongs_to_them():
    rows = rows_of(id=["a", "b", "c"], file=["x", "y", "z"], pixscale=[1.0, 2.0, 3.0]).take([2, 0])
    assert values(rows, "object_id") == ["c", "a"]
    assert rows.file == ["z", "x"]
    assert rows.pixel_scale_arcsec.tolist() == [3.0, 1.0]
    assert np.array_equal(rows.source_row, [2, 0])


def test_a_sentinel_gives_way_to_the_joined_value_and_a_real_value_does_not():
    rows = rows_of(
        id=["1", "2", "3"],
        z_spec=pa.array([-9.0, 0.5, -99.0], pa.float32()),
        join={"id": ["1", "2", "3"], "z_spec": [0.1, 0.2, -1.0]},
        on="id",
    )
    assert values(rows, "z_spec") == [0.1, 0.5, None]


def test_whole_numbers_and_text_take_joined_fractions():
    rows = rows_of(
        id=["1", "2"], z_spec=[-9, 1], ebv=["", "0.5"],
        join={"id": ["1", "2"], "z_spec": [0.25, 0.2], "ebv": [0.125, 0.2]}, on="id",
    )  # fmt: skip
    assert values(rows, "z_spec") == [0.25, 1.0]
    assert values(rows, "ebv") == [0.125, 0.5]
