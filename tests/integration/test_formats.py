"""Every format is read back by the programs that astronomers read it with: units, UCDs and missing values intact."""

import csv
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import votable
from astropy.table import Table
from support.readers import READERS, OfJSON, OfPandas, OfQp

from service.formats.fields import field, with_meta
from service.formats.writing import FORMATS, NoDistribution, RowsMissing, UnknownFormat, accepted, write

GRID = [0.01, 0.03, 0.05, 0.07]
LEVELS = [0.16, 0.5]
META = {"z_grid": GRID, "quantile_levels": LEVELS, "release": {"id": "r", "survey": "a & b <c>"}}
IDS = ["1237648720693755918", 'a,"b"\n', None, "galaxy \u661f"]
Z = [0.0712, None, float("nan"), 0.5]
PEAKS = [1, None, 3, -(2**31)]
BIG = [2**53 + 1, None, -5, 0]
PDF = [[10.0, 20.0, 15.0, 5.0], None, [50.0, 0.0, 0.0, 0.0], [0.0, 0.0, 25.0, 25.0]]
QUANTILES = [[0.05, 0.06], None, [0.01, 0.02], [0.4, 0.5]]
SCHEMA = pa.schema(
    [
        field("object_id", pa.string(), ucd="meta.id;meta.main", description="as sent"),
        field("ra_deg", pa.float64(), unit="deg", ucd="pos.eq.ra", description="right ascension"),
        field("z_best", pa.float32(), ucd="src.redshift.phot", description="the one to use"),
        field("z_n_peaks", pa.int32(), description="peaks"),
        field("big", pa.int64()),
        field("is_good", pa.bool_()),
        field("flags", pa.list_(pa.string())),
        field("z_q", pa.list_(pa.float32(), 2), ucd="src.redshift.phot", elements="quantile_levels"),
        field("pdf", pa.list_(pa.float32(), 4), elements="z_grid"),
        field("input_counts", pa.list_(pa.int32(), 2)),
    ]
)
ROWS = pa.table(
    [
        IDS,
        [1.5, 2.5, None, 359.999999999],
        Z,
        PEAKS,
        BIG,
        [True, False, None, True],
        [["few_spectra", "pdf_edge"], [], None, ["masked"]],
        QUANTILES,
        PDF,
        [[1, 2], None, [3, 4], [5, 6]],
    ],
    schema=SCHEMA,
)


def written(tmp_path, fmt, rows=ROWS, **meta):
    path = tmp_path / f"t{FORMATS[fmt].suffix}"
    # In pieces, as a long table comes.
    pieces = [rows.slice(n, 3) for n in range(0, rows.num_rows, 3)]
    write(iter(pieces), rows.schema, path, fmt, n_rows=rows.num_rows, meta=META | meta)
    return path


@pytest.mark.parametrize("fmt", FORMATS)
def test_what_is_written_is_read_back_with_units_and_missing_values(tmp_path, fmt):
    found = READERS[fmt](written(tmp_path, fmt))
    ids = found.values("object_id")
    assert ids[0] == IDS[0]
    assert [ids[2], ids[3]] == [None, f"galaxy {found.star}"]
    assert found.values("ra_deg")[0::3] == [1.5, 359.999999999]
    assert found.values("ra_deg")[2] is None
    z = found.values("z_best")
    assert z[1:3] == [None, None]
    assert [z[0], z[3]] == pytest.approx([0.0712, 0.5], rel=1e-7)
    assert found.values("z_n_peaks")[:3] == [1, None, 3]
    assert found.values("pdf")[1] is None
    np.testing.assert_allclose(found.values("pdf")[0::3], PDF[0::3])
    np.testing.assert_allclose(found.values("z_q")[0::3], QUANTILES[0::3])
    assert found.grid() == pytest.approx(GRID)
    if fmt != "csv":
        assert (found.unit("ra_deg"), found.ucd("ra_deg")) == ("deg", "pos.eq.ra")
        assert (found.unit("z_best"), found.ucd("z_best")) == ("", "src.redshift.phot")


@pytest.mark.parametrize("fmt", FORMATS)
def test_integers_of_64_bits_keep_all_their_digits(tmp_path, fmt):
    whole = [int(value) for value in READERS[fmt](written(tmp_path, fmt)).values("big") if value is not None]
    assert whole == [2**53 + 1, -5, 0]


@pytest.mark.parametrize("fmt", FORMATS)
def test_no_row_at_all_is_a_table_too(tmp_path, fmt):
    found = READERS[fmt](written(tmp_path, fmt, rows=ROWS.slice(0, 0)))
    assert len(found.values("z_best")) == 0


@pytest.mark.filterwarnings("ignore:It is strongly recommended that column names")
@pytest.mark.parametrize("fmt", FORMATS)
def test_a_column_may_have_any_name(tmp_path, fmt):
    names = [".", "..", "a/b", "z_q_0p16", "\u661f", "x" * 100 + "1", "x" * 100 + "2", "<&\"'>", "1", "a b"]
    columns = [pa.array([n, n + 1, n + 2, n + 3]) for n in range(len(names))]
    schema = pa.schema([*SCHEMA, *((name, pa.int64()) for name in names)])
    found = READERS[fmt](written(tmp_path, fmt, rows=pa.table([*ROWS.columns, *columns], schema=schema)))
    assert found.values("1") == [8, 9, 10, 11]
    if fmt in ("json", "votable", "parquet"):
        assert [found.values(name)[0] for name in names] == list(range(len(names)))


def test_truth_is_read_as_truth_or_as_missing(tmp_path):
    for fmt in ("votable", "fits"):
        assert READERS[fmt](written(tmp_path, fmt)).values("is_good")[:2] == [True, False]
    for fmt in ("votable", "parquet", "json"):
        assert READERS[fmt](written(tmp_path, fmt)).values("is_good")[2] is None


def test_words_of_a_list_stay_a_list_in_json_and_stand_between_blanks_elsewhere(tmp_path):
    assert OfJSON(written(tmp_path, "json")).values("flags")[0] == ["few_spectra", "pdf_edge"]
    assert OfPandas(written(tmp_path, "csv")).values("flags")[0] == "few_spectra pdf_edge"


def test_the_grid_and_the_levels_name_the_columns_of_a_csv(tmp_path):
    with written(tmp_path, "csv").open() as lines:
        head = next(csv.reader(lines))
    assert [name for name in head if name.startswith(("z_q", "pdf"))] == [
        "z_q_0p16",
        "z_q_0p5",
        "pdf_0p01",
        "pdf_0p03",
        "pdf_0p05",
        "pdf_0p07",
    ]


def test_an_ensemble_encloses_what_the_bins_hold(tmp_path):
    ensemble = OfQp(written(tmp_path, "hdf5")).ensemble
    assert ensemble.npdf == 4
    # Bins of width 0.02 and density 10, 20, 15, 5 hold 0.2, 0.4, 0.3, 0.1; qp read them without a change of area.
    np.testing.assert_allclose(ensemble.cdf([0.0, 0.08])[0], [0, 1], atol=1e-6)
    np.testing.assert_allclose(ensemble.pdf([0.005, 0.04, 0.075])[0], [10, 17.5, 5])


def test_a_file_without_a_grid_is_no_ensemble(tmp_path):
    with pytest.raises(NoDistribution, match="representation=grid"):
        write(iter([ROWS]), SCHEMA, tmp_path / "t", "hdf5")


@pytest.mark.parametrize("fmt", ["fits", "votable"])
def test_one_long_text_takes_room_on_the_disk_not_in_memory(tmp_path, fmt):
    long = pa.table({"row": range(2000), "note": ["x" * 20_000] + ["y"] * 1999})
    path = tmp_path / "rows"
    tracemalloc.start()
    write([long], long.schema, path, fmt)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 40e6
    # A record of all rows would take 40 MB, three times.
    assert peak < 60e6
    found = Table.read(path, format=fmt)
    assert found["row"].tolist() == list(range(2000))
    assert set(found["note"][1:]) == {"y"}


def test_rows_that_did_not_come_are_missed(tmp_path):
    with pytest.raises(RowsMissing, match="3 rows came of 4"):
        write(iter([ROWS.slice(0, 3)]), SCHEMA, tmp_path / "t", "csv", n_rows=4)


def test_an_unknown_format_is_refused_before_a_file_is_made(tmp_path):
    with pytest.raises(UnknownFormat, match="xlsx"):
        write(iter([ROWS]), SCHEMA, tmp_path / "t", "xlsx")
    assert not list(tmp_path.iterdir())


def test_what_holds_for_all_may_come_with_the_schema(tmp_path):
    path = tmp_path / "t.json"
    write(iter([ROWS]), with_meta(SCHEMA, {"z_grid": GRID}), path, "json", meta={"table": None})
    told = OfJSON(path).told
    assert (told["z_grid"], told["table"], told["n"]) == (GRID, None, 4)


def test_parquet_carries_a_votable_of_its_columns(tmp_path):
    content = pq.read_schema(written(tmp_path, "parquet")).metadata[b"IVOA.VOTable-Parquet.content"]
    path = tmp_path / "head.vot"
    path.write_bytes(content)
    fields = votable.parse(path).get_first_table().fields
    assert [one.name for one in fields] == SCHEMA.names
    assert str(fields[1].unit) == "deg"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/json", "json"),
        ("text/html, text/csv;q=0.5, application/fits;q=0.9", "fits"),
        ("APPLICATION/VND.APACHE.PARQUET", "parquet"),
        ("*/*", None),
        ("", None),
        ("text/csv;q=often", None),
        ("application/fits;q=0, */*", None),
        ("application/fits;q=nan", None),
    ],
)
def test_the_format_asked_for_first_is_answered(header, expected):
    assert accepted(header) == expected
