"""Frozen columns keep order, types and nulls."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from index.columns import STANDARD_COLUMNS, Columns, frozen_columns, write_columns
from survey.archive import UnknownObject

IDS = ["b", "é☆", "a", "c"]


@pytest.fixture
def columns(tmp_path):
    objects = pa.table(
        {
            "object_id": IDS,
            "ra_deg": [1.0, None, math.nan, 4.0],
            "z_spec": [0.1, math.inf, None, 0.4],
            "flux_r": pa.array([100.0, -1.0, None, 1.0], pa.float32()),
            "label": ["spiral", None, "ring", ""],
            "plate": pa.array([1, None, 2**53 + 1, 4], pa.int64()),
            "is_good": [True, False, None, True],
            "z_phot": [9.0, 9.0, 9.0, 9.0],
            "spectrum": [[1.0], [2.0], [3.0], [4.0]],
        }
    )
    computed = {"anomaly_percentile": np.array([1.0, 2.0, 3.0]), "z_phot": np.array([0.5, math.nan, 0.25])}
    write_columns(frozen_columns(objects, np.array([3, 1, 0]), computed), tmp_path / "columns.arrow")
    return Columns(tmp_path / "columns.arrow")


def test_rows_stand_in_the_order_of_the_release(columns):
    assert columns.ids == ["c", "é☆", "b"]
    assert [columns.row_of(i) for i in columns.ids] == [0, 1, 2]
    assert columns.n == 3


def test_an_unknown_id_is_named(columns):
    with pytest.raises(UnknownObject, match="'a'"):
        columns.row_of("a")


def test_take_keeps_the_order_asked_for_and_repeats(columns):
    assert columns.take([2, 0, 2], ["object_id", "z_spec"]) == {
        "object_id": ["b", "c", "b"],
        "z_spec": [0.1, 0.4, 0.1],
    }


def test_nan_infinity_and_null_all_come_out_as_none(columns):
    taken = columns.take([1], ["ra_deg", "z_spec", "label", "is_good", "z_phot", "plate"])
    assert taken == {
        "ra_deg": [None],
        "z_spec": [None],
        "label": [None],
        "is_good": [False],
        "z_phot": [None],
        "plate": [None],
    }


def test_every_standard_column_is_there_even_if_the_survey_has_it_not(columns):
    assert set(STANDARD_COLUMNS) <= set(columns.names)
    assert columns.take([0], ["dec_deg", "hpx29"]) == {"dec_deg": [None], "hpx29": [None]}


def test_integers_stay_integers(columns):
    assert columns.take([0], ["plate"]) == {"plate": [4]}


def test_the_magnitude_follows_from_the_flux_where_it_is_positive(columns):
    # m = 22.5 - 2.5 log10(flux / nanomaggy).
    assert columns.take([0, 1, 2], ["mag_r"])["mag_r"] == [22.5, None, 17.5]


def test_a_surveys_own_column_does_not_pass_for_ours(columns):
    assert columns.take([0], ["survey_z_phot", "z_phot"]) == {"survey_z_phot": [9.0], "z_phot": [0.5]}


def test_lists_are_no_columns(columns):
    assert "spectrum" not in columns.names


def test_arrays_are_floats_with_nan_or_objects(columns):
    assert np.array_equal(columns.array("z_spec"), [0.4, np.nan, 0.1], equal_nan=True)
    assert columns.array("label").tolist() == ["", None, "spiral"]
    assert columns.array("anomaly_percentile").tolist() == [1.0, 2.0, 3.0]


def test_an_unknown_column_is_a_key_error(columns):
    with pytest.raises(KeyError):
        columns.take([0], ["no_such"])
