"""A Parquet table of cutouts: every layout that programs write gives the same pixels, and a bad row spoils no other."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.archives import Walk
from service.cutout_tables import METADATA_KEY, read_cutout_table
from skylike.cutouts import METADATA_KEY as WRITTEN_KEY
from skylike.cutouts import cutout_table, write_cutouts
from survey.bands import BAND_SETS
from survey.ingest import CutoutRejected, Overrides

N, SIDE = 3, 20
FLUX = np.random.default_rng(5).normal(0, 1, (N, 5, SIDE, SIDE)).astype(np.float32)
NOTHING = Overrides()
WORDS = {"bands": "sdss-ugriz", "pixel_scale_arcsec": 0.4, "zeropoint": 22.5}


def parquet(table, words=WORDS, **options):
    if words is not None:
        table = table.replace_schema_metadata({METADATA_KEY: json.dumps(words).encode()})
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def rows_of(data, overrides=NOTHING, members=100):
    return list(read_cutout_table(data, overrides, Walk(members)))


def refused(data, overrides=NOTHING, members=100):
    with pytest.raises(CutoutRejected) as caught:
        rows_of(data, overrides, members)
    return caught.value.code


def nested(values):
    return pa.array(values.tolist(), pa.list_(pa.list_(pa.list_(pa.float32()))))


LAYOUTS = {
    "tensor": {"flux": pa.FixedShapeTensorArray.from_numpy_ndarray(FLUX)},
    "nested": {"image": nested(FLUX)},
    "flat": {"cutout": pa.array(list(FLUX.reshape(N, -1)), pa.list_(pa.float32()))},
    "fixed": {"pixels": pa.FixedSizeListArray.from_arrays(pa.array(FLUX.ravel()), 5 * SIDE * SIDE)},
    "doubles": {"flux": pa.array(list(FLUX.reshape(N, -1).astype(np.float64)), pa.large_list(pa.float64()))},
    "bands": {f"flux_{b}": pa.array(list(FLUX[:, n].reshape(N, -1))) for n, b in enumerate("ugriz")},
    "bands out of order": {
        f"flux_{b}": pa.array(list(FLUX[:, "ugriz".index(b)].reshape(N, -1))) for b in "zirgu"
    },
    "bands by id": {f"flux_sdss:{b}": pa.array(FLUX[:, n].tolist()) for n, b in enumerate("ugriz")},
}


def test_the_writer_and_the_reader_speak_of_the_same_key():
    assert WRITTEN_KEY == METADATA_KEY


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_pixels(layout):
    found = rows_of(parquet(pa.table(LAYOUTS[layout])))
    assert np.array_equal(np.stack([row.flux for row in found]), FLUX)
    assert all(row.described.bands == BAND_SETS["sdss-ugriz"] for row in found)
    assert [row.described.pixel_scale_arcsec for row in found] == [0.4] * N


def test_what_the_writer_writes_is_read_with_its_columns():
    stream = io.BytesIO()
    ids, ebv = ["a", "b", "c"], [0.1, np.nan, 0.3]
    write_cutouts(stream, FLUX, object_id=ids, ra=[1, 2, 3], dec=[-1, 0, 1], ebv=ebv, **WORDS)
    found = rows_of(stream.getvalue())
    assert [(row.name, row.ra_deg, row.dec_deg, row.ebv) for row in found] == [
        ("a", 1, -1, 0.1), ("b", 2, 0, None), ("c", 3, 1, 0.3),
    ]  # fmt: skip
    assert np.array_equal(np.stack([row.flux for row in found]), FLUX)


def test_a_zero_point_turns_counts_into_nanomaggies():
    # AB magnitude 25 of one count is 0.1 nanomaggy, 22.5 is one.
    table = cutout_table(FLUX, **{**WORDS, "zeropoint": [25, 22.5, 22.5, 22.5, 22.5]})
    stream = io.BytesIO()
    pq.write_table(table, stream)
    flux = rows_of(stream.getvalue())[0].flux
    assert flux[0] == pytest.approx(0.1 * FLUX[0, 0], rel=1e-5)
    assert np.array_equal(flux[1:], FLUX[0, 1:])


def test_what_the_sender_says_comes_before_the_metadata():
    data = parquet(
        pa.table(LAYOUTS["flat"]), {"bands": "ps1-grizy", "zeropoint": 20, "pixel_scale_arcsec": 9}
    )
    (first, *_) = rows_of(data, Overrides("sdss-ugriz", zeropoint=22.5, pixel_scale_arcsec=0.2))
    assert first.described.bands == BAND_SETS["sdss-ugriz"]
    assert first.described.pixel_scale_arcsec == 0.2
    assert np.array_equal(first.flux, FLUX[0])


def test_without_a_zero_point_the_unit_is_unknown():
    (first, *_) = rows_of(parquet(pa.table(LAYOUTS["flat"]), {"bands": "sdss-ugriz"}))
    assert first.described.factor is None


def test_a_bad_row_is_refused_alone():
    good = FLUX[0].ravel().tolist()
    table = pa.table({
        "flux": pa.array([good, None, good[:-1], good, []], pa.list_(pa.float32())),
        "ebv": [0.1, 0.1, 0.1, -5.0, 0.1],
        "name": ["a", "b\x1b", None, "d", "e"],
    })  # fmt: skip
    found = rows_of(parquet(table))
    assert [row.name for row in found] == ["a", "b�", "row 2", "d", "e"]
    assert [row.code for row in found] == ["", *["table.cutout"] * 4]
    assert np.array_equal(found[0].flux, FLUX[0])


def test_null_pixels_are_no_numbers_and_the_rest_stays():
    values = [None, *FLUX[0].ravel().tolist()[1:]]
    (row,) = rows_of(parquet(pa.table({"flux": pa.array([values], pa.list_(pa.float32()))})))
    assert np.isnan(row.flux[0, 0, 0])
    assert np.array_equal(row.flux.ravel()[1:], FLUX[0].ravel()[1:])


@pytest.mark.parametrize(
    ("columns", "words", "code"),
    [
        ({"mag": [1.0]}, WORDS, "table.cutouts"),
        (LAYOUTS["flat"], None, "fits.band_unknown"),
        (LAYOUTS["flat"], {"bands": "qwerty"}, "fits.band_unknown"),
        (LAYOUTS["bands"], {"bands": "legacy-grz"}, "fits.band_unknown"),
        (LAYOUTS["flat"], {**WORDS, "zeropoint": [22, 23]}, "fits.zeropoint"),
        (LAYOUTS["flat"], {**WORDS, "zeropoint": "loud"}, "fits.zeropoint"),
        (LAYOUTS["flat"], [1, 2], "table.cutouts"),
        ({"flux": pa.array([], pa.list_(pa.float32()))}, WORDS, "archive.empty"),
    ],
)  # fmt: skip
def test_a_table_that_says_too_little_is_refused_as_a_whole(columns, words, code):
    assert refused(parquet(pa.table(columns), words)) == code


@pytest.mark.parametrize("cut", [8, 200, -9])
def test_a_damaged_table_is_refused_as_a_whole(cut):
    assert refused(parquet(pa.table(LAYOUTS["flat"]))[:cut]) == "table.unreadable"


def test_more_rows_than_the_limit_are_refused_before_a_pixel_is_read():
    data = parquet(pa.table({"flux": pa.array([[0.0]] * 101)}))
    assert refused(data, members=100) == "archive.members"


@pytest.mark.parametrize(("side", "code"), [(8, "fits.too_small"), (1040, "table.cutout")])
def test_too_small_and_too_large_cutouts_are_refused(side, code):
    data = parquet(pa.table({"flux": [np.zeros(5 * side * side, np.float32)]}))
    assert [row.code for row in rows_of(data)] == [code]


def test_arrays_of_other_shapes_are_refused_before_they_are_written():
    with pytest.raises(ValueError, match="shape"):
        cutout_table(FLUX[0], **WORDS)
    with pytest.raises(ValueError, match="ra has 2 values"):
        cutout_table(FLUX, ra=[1, 2], **WORDS)
