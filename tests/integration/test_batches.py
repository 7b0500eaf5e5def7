"""Batches over HTTP: every format is read back, what was sent is kept, long ones become jobs with the same answer."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.coordinates import Angle
from astropy.table import MaskedColumn, Table
from support.readers import READERS, OfJSON
from support.serving import client_of, copied

from index.photoz_columns import COLUMNS, QUANTILE_LEVELS
from service.formats.writing import FORMATS
from service.jobs.releases import OpenedReleases
from service.jobs.worker import Worker
from service.schemas.neighbours import NeighboursBatchAnswer
from service.schemas.photoz import BatchAnswer
from service.settings import Settings
from survey.archive import SurveyFolder

PATH = "/api/v1/photoz/batch"
NEIGHBOURS = "/api/v1/neighbours/batch"
ASKED = ["J00002", "unknown", "J00000", "J00119"]
STATUS = ["ok", "not_found", "ok", "not_indexed"]


@pytest.fixture(scope="module")
def survey(served_data):
    return SurveyFolder(served_data / "surveys" / "tiny")


def saved(tmp_path, answer, fmt):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FORMATS[fmt].media_type
    path = tmp_path / f"answer{FORMATS[fmt].suffix}"
    path.write_bytes(answer.content)
    return READERS[fmt](path)


def sent(columns, fmt="votable"):
    stream = io.BytesIO()
    Table(columns).write(stream, format=fmt)
    kind = {"votable": "application/x-votable+xml", "fits": "application/fits"}[fmt]
    return {"content": stream.getvalue(), "headers": {"content-type": kind}}


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_is_read_back_with_units_words_and_nulls(client, tmp_path, fmt):
    answer = client.post(f"{PATH}?format={fmt}&representation=grid", json={"ids": ASKED})
    found = saved(tmp_path, answer, fmt)
    single = client.get("/api/v1/objects/J00000/photoz").json()["photoz"]
    # qp, which keeps what it does not know as it is, gives NumPy's strings.
    assert [str(status) for status in found.values("status")] == STATUS
    assert [str(one) for one in found.values("object_id")] == ASKED
    for column in COLUMNS:
        if column.kind in ("float", "int"):
            values = found.values(column.name)
            assert [values[1], values[3]] == [None, None], column.name
            expected = single[column.name]
            assert values[2] == (expected if expected is None else pytest.approx(expected, rel=1e-6)), (
                column.name
            )
            if fmt != "csv":
                assert (found.unit(column.name), found.ucd(column.name)) == ("", column.ucd)
    if fmt != "csv":
        assert (found.unit("ra_deg"), found.unit("match_separation_arcsec")) == ("deg", "arcsec")
    assert found.grid() == pytest.approx(single["z_grid"], abs=1e-6)
    pdf = found.values("pdf")
    assert [pdf[1], pdf[3]] == [None, None]
    np.testing.assert_allclose(pdf[2], single["pdf"], atol=2e-6, rtol=1e-6)


def test_the_representation_is_what_was_asked_for(client):
    def rows(query):
        answer = client.post(f"{PATH}?{query}", json={"ids": ASKED})
        BatchAnswer.model_validate_json(answer.content)
        return answer.json()

    summary = rows("")
    assert not {"pdf", "z_q", "z_samples"} & summary["rows"][0].keys()
    assert (summary["z_grid"], summary["quantile_levels"]) == (None, None)
    quantiles = rows("representation=quantiles")
    assert quantiles["quantile_levels"] == list(QUANTILE_LEVELS)
    median = QUANTILE_LEVELS.index(0.5)
    assert quantiles["rows"][0]["z_q"][median] == pytest.approx(quantiles["rows"][0]["z_median"], abs=1e-6)
    assert quantiles["rows"][1]["z_q"] is None
    samples = rows("representation=samples&n_samples=400&seed=7")
    assert samples == rows("representation=samples&n_samples=400&seed=7")
    assert samples != rows("representation=samples&n_samples=400&seed=8")
    drawn, row = np.array(samples["rows"][0]["z_samples"]), summary["rows"][0]
    # The mean of 400 draws lies within five of its standard errors.
    assert abs(drawn.mean() - row["z_mean"]) < 5 * drawn.std() / 20


@pytest.mark.parametrize("representation", ["summary", "quantiles", "grid", "samples"])
def test_one_object_has_the_representations_too(client, representation):
    found = client.get(f"/api/v1/objects/J00000/photoz?representation={representation}").json()["photoz"]
    vectors = {"quantiles": "z_q", "grid": "pdf", "samples": "z_samples"}
    for name, vector in vectors.items():
        assert bool(found[vector]) == (name == representation)
    assert found["model_id"] == "pca48-tiny"


def test_all_columns_come_back_and_clashes_are_renamed(client, tmp_path):
    columns = {
        "OBJID": ASKED,
        "mag": MaskedColumn([17.5, 0, 18.5, 19.5], mask=[False, True, False, False], unit="mag"),
        "Z_BEST": [1, 2, 3, 4],
        "spectrum": np.arange(8, dtype="f4").reshape(4, 2),
        "status": ["a", "b", "c", "d"],
    }
    for fmt in ("votable", "fits"):
        answer = client.post(f"{PATH}?format={fmt}", **sent(columns, fmt))
        found = saved(tmp_path, answer, fmt)
        assert found.values("mag") == [17.5, None, 18.5, 19.5]
        assert found.unit("mag") == "mag"
        assert found.values("input_Z_BEST") == [1, 2, 3, 4]
        assert found.values("input_status") == ["a", "b", "c", "d"]
        assert found.values("status") == STATUS
        np.testing.assert_array_equal(found.values("spectrum"), columns["spectrum"])


@pytest.mark.parametrize("unit", ["deg", "rad", "hourangle", "sexagesimal"])
@pytest.mark.parametrize("fmt", ["votable", "fits"])
def test_the_header_tells_the_unit_of_a_position(client, survey, unit, fmt):
    (cutout,) = survey.read([survey.ids[4]])
    ra, dec = Angle(cutout.ra_deg, units.deg), Angle(cutout.dec_deg, units.deg)
    if unit == "sexagesimal":
        columns = {
            "RA": [ra.to_string(units.hour, sep=":", precision=5)],
            "DEC": [dec.to_string(sep=":", precision=5)],
        }
        data = sent(columns, fmt)
        if fmt == "votable":
            for name, written in (("RA", "h:m:s"), ("DEC", "d:m:s")):
                old, new = f'name="{name}"'.encode(), f'name="{name}" unit="&quot;{written}&quot;"'.encode()
                data["content"] = data["content"].replace(old, new)
        else:
            data["content"] = with_units(data["content"], {1: "h:m:s", 2: "d:m:s"})
    else:
        dec_unit = units.deg if unit == "hourangle" else units.Unit(unit)
        columns = {"RA": [ra.to_value(units.Unit(unit))], "DEC": [dec.to_value(dec_unit)]}
        if fmt == "votable":
            columns = {"RA": columns["RA"] * units.Unit(unit), "DEC": columns["DEC"] * dec_unit}
            data = sent(columns, fmt)
        else:
            # The standard has no hours of right ascension; people write the unit of time.
            data = sent(columns, fmt)
            written = {1: "h" if unit == "hourangle" else unit, 2: str(dec_unit)}
            data["content"] = with_units(data["content"], written)
    body = client.post(PATH, **data).json()
    assert (body["rows"][0]["status"], body["rows"][0]["object_id"]) == ("ok", survey.ids[4])
    assert body["rows"][0]["match_separation_arcsec"] < 0.01
    assert body["table"]["mapping"] == {"ra_deg": "RA", "dec_deg": "DEC"}
    assert body["table"]["units"]["ra_deg"]


def with_units(data, units_of):
    from astropy.io import fits

    with fits.open(io.BytesIO(data)) as hdus:
        for number, unit in units_of.items():
            hdus[1].header[f"TUNIT{number}"] = unit
        stream = io.BytesIO()
        hdus.writeto(stream)
    return stream.getvalue()


def test_the_senders_own_choice_of_columns_counts(client, survey):
    (cutout,) = survey.read([survey.ids[4]])
    table = f"object_id,ra,x, y:1\nJ00000,0,{cutout.ra_deg},{cutout.dec_deg}\n".encode()
    csv = {"content": table, "headers": {"content-type": "text/csv"}}
    chosen = client.post(PATH, params={"columns_map": '{"ra":"x","dec":"y:1"}'}, **csv).json()
    assert chosen["rows"][0]["object_id"] == survey.ids[4]
    assert chosen["table"]["mapping"] == {"ra_deg": "x", "dec_deg": "y:1"}
    assert client.post(f"{PATH}?columns_map=id:object_id", **csv).json()["rows"][0]["object_id"] == "J00000"
    for wrong, code in (
        ("ra:x", "request.invalid"),
        ("z:x", "request.invalid"),
        ("{", "request.invalid"),
        ("id:nothing", "table.columns"),
    ):
        refused = client.post(PATH, params={"columns_map": wrong}, **csv)
        assert (refused.status_code, refused.json()["code"]) == (422, code), wrong


def test_accept_asks_for_a_format_and_the_parameter_wins(client):
    asked = {"json": {"ids": ["J00000"]}, "headers": {"accept": "application/fits"}}
    assert client.post(PATH, **asked).headers["content-type"] == "application/fits"
    named = client.post(f"{PATH}?format=parquet", **asked)
    assert named.headers["content-type"] == "application/vnd.apache.parquet"
    assert named.headers["content-disposition"] == 'attachment; filename="photoz-tiny.parquet"'


def test_an_ensemble_has_no_other_representation(client):
    refused = client.post(f"{PATH}?format=hdf5&representation=summary", json={"ids": ["J00000"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid")


@pytest.fixture(scope="module")
def small(served_data, tmp_path_factory):
    """A service that answers three rows at once, and what answers its jobs."""
    data_dir = copied(served_data, tmp_path_factory.mktemp("small") / "data")
    with client_of(data_dir, batch_rows=3, job_rows=40, workers=0) as client:
        opened = OpenedReleases(Settings(data_dir=data_dir))
        store = client.app.state.resources.jobs
        yield client, lambda: Worker(store, opened.handler, lease_seconds=30).run(once=True)
        opened.close()


def job_answer(client, work, answer):
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["href"]
    work()
    told = client.get(answer.headers["location"]).json()
    assert told["phase"] == "COMPLETED", told
    return client.get(told["results"][0]["href"])


@pytest.mark.parametrize("fmt", ["json", "votable"])
@pytest.mark.parametrize(
    "asked", [f"{PATH}?representation=samples&n_samples=5", f"{NEIGHBOURS}?k=4"], ids=["photoz", "neighbours"]
)
def test_a_job_answers_what_would_be_answered_at_once(client, small, tmp_path, asked, fmt):
    few, work = small
    rows = [f"{ASKED[n % 4]},{n}" for n in range(30)]
    table = {"content": ("id,n\n" + "\n".join(rows)).encode(), "headers": {"content-type": "text/csv"}}
    at_once = client.post(f"{asked}&format={fmt}", **table)
    by_job = job_answer(few, work, few.post(f"{asked}&format={fmt}", **table))
    assert by_job.headers["content-type"] == at_once.headers["content-type"]
    first, second = (saved(tmp_path, answer, fmt) for answer in (at_once, by_job))
    for name in (
        "row",
        "status",
        "message",
        "object_id",
        "n",
        "z_samples" if PATH in asked else "similarity",
    ):
        assert first.values(name) == second.values(name), name
    if fmt == "json":
        assert first.told == second.told


def test_a_job_can_be_asked_for_and_no_more_rows_than_a_job_has(small):
    client, work = small
    asked = client.post(f"{PATH}?async=true", json={"ids": ["J00000"]})
    assert job_answer(client, work, asked).json()["rows"][0]["status"] == "ok"
    for body in (
        {"json": {"ids": ["a"] * 41}},
        {"content": b"id\n" + b"a\n" * 41, "headers": {"content-type": "text/csv"}},
    ):
        refused = client.post(PATH, **body)
        assert (refused.status_code, refused.json()["code"]) == (413, "batch.too_large")
    many = client.post(f"{NEIGHBOURS}?k=100", json={"ids": ["a"] * 5})
    assert (many.status_code, many.json()["code"], many.json()["limit"]) == (413, "batch.too_large", 400)


def test_a_stranger_without_a_key_leaves_no_job(served_data, tmp_path):
    data_dir = copied(served_data, tmp_path / "data")
    with client_of(data_dir, upload_anonymous=False, workers=0) as client:
        assert client.post(PATH, json={"ids": ["J00000"]}).status_code == 200
        refused = client.post(f"{PATH}?async=true", json={"ids": ["J00000"]})
        assert (refused.status_code, refused.json()["code"]) == (401, "auth.key_needed")
        # Where bodies arrive is made once, and nothing stays in it.
        assert not [path for path in (data_dir / "jobs").rglob("*") if path.name != ".arriving"]


def test_neighbours_of_a_batch_are_those_of_each(client):
    answer = client.post(f"{NEIGHBOURS}?k=5", json={"ids": ASKED})
    NeighboursBatchAnswer.model_validate_json(answer.content)
    body = answer.json()
    assert [row["row"] for row in body["rows"]] == [0] * 5 + [1] + [2] * 5 + [3]
    assert (body["n"], body["n_ok"]) == (12, 10)
    for number, object_id in enumerate(ASKED):
        lines = [line for line in body["rows"] if line["row"] == number]
        assert {line["query_object_id"] for line in lines} == {object_id}
        if STATUS[number] != "ok":
            assert (lines[0]["status"], lines[0]["rank"], lines[0]["object_id"]) == (
                STATUS[number],
                None,
                None,
            )
            assert object_id in lines[0]["message"]
            continue
        hits = client.get(f"/api/v1/objects/{object_id}/neighbours?k=5").json()["hits"]
        for line, hit in zip(lines, hits, strict=True):
            names = ("rank", "object_id", "ra_deg", "dec_deg", "z_spec")
            assert [line[name] for name in names] == [hit[name] for name in names]
            assert line["similarity"] == pytest.approx(hit["similarity"], abs=1e-6)


def test_a_table_of_neighbours_repeats_what_was_sent_on_each_line(client, tmp_path):
    stream = io.BytesIO()
    pq.write_table(pa.table({"id": ["J00003", None], "rank": [7, 8]}), stream)
    headers = {"content-type": "application/vnd.apache.parquet"}
    answer = client.post(f"{NEIGHBOURS}?k=3&format=parquet", content=stream.getvalue(), headers=headers)
    found = saved(tmp_path, answer, "parquet")
    assert found.values("input_rank") == [7, 7, 7, 8]
    assert found.values("rank") == [1, 2, 3, None]
    assert found.values("status") == ["ok", "ok", "ok", "invalid"]


def test_more_neighbours_than_the_graph_has_are_searched(client):
    whole = client.post(f"{NEIGHBOURS}?k=1000", json={"ids": ["J00000"]}).json()["rows"]
    assert [line["rank"] for line in whole] == list(range(1, len(whole) + 1))
    assert len(whole) >= 100


def test_a_large_table_goes_through_the_disk(client, tmp_path):
    # Beyond what stays in memory, and beyond what a form may hold.
    filler = "x" * 1000
    table = "object_id,note\n" + "".join(f"J{n:05d},{filler}\n" for n in range(1900))
    headers = {"content-type": "text/csv"}
    answer = client.post(f"{PATH}?format=json", content=table.encode(), headers=headers)
    (tmp_path / "t").write_bytes(answer.content)
    found = OfJSON(tmp_path / "t")
    assert len(table) > 1 << 20
    assert found.told["n"] == 1900
    assert found.values("note")[-1] == filler
