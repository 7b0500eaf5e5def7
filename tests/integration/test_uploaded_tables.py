"""Tables as batches over HTTP: ids or positions are found, and what cannot be trusted is refused."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from support.leading_votables import leading_votables
from support.listening import listening

from survey.archive import SurveyFolder

PATH = "/api/v1/photoz/batch"


@pytest.fixture(scope="module")
def tiny(served_data):
    return SurveyFolder(served_data / "surveys" / "tiny")


def assert_problem(answer, status, code):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def _table(fmt, **columns):
    stream = io.BytesIO()
    Table(columns).write(stream, format=fmt)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("fmt", "declared"),
    [("fits", "application/fits"), ("votable", "application/x-votable+xml"), ("ascii.csv", "text/csv")],
)
def test_a_table_of_ids_or_positions_is_a_batch(client, tiny, fmt, declared):
    rows = [tiny.ids[n] for n in (5, 0, 9)]
    if fmt == "ascii.csv":
        data = ("OBJID,mag\n" + "".join(f"{row},1\n" for row in rows)).encode()
    else:
        data = _table(fmt, OBJID=rows, mag=[1.0, 2.0, 3.0])
    body = client.post(PATH, content=data, headers={"content-type": declared}).json()
    assert [row["object_id"] for row in body["rows"]] == rows
    assert body["table"]["mapping"] == {"object_id": "OBJID"}


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"x,y\n1,2\n", 422, "table.columns"),
        (b"ra,dec\n10:00:00,2\n", 422, "table.unit"),
        (b"\xff\xfe\x00\x01", 415, "upload.type"),
        (b"PAR1" + bytes(50), 415, "upload.type_mismatch"),
        (b"object_id\n" + b"x" * 20_000, 422, "table.unreadable"),
    ],
    ids=["no id", "sexagesimal", "no text", "Parquet", "endless cell"],
)
def test_a_broken_table_is_a_problem_with_its_code(client, data, status, code):
    answer = client.post(PATH, content=data, headers={"content-type": "text/csv"})
    assert_problem(answer, status, code)


def test_ids_that_were_rounded_are_refused_not_looked_up(client):
    data = _table("fits", objID=np.array([1.2376487206937559e18]))
    answer = client.post(PATH, content=data, headers={"content-type": "application/fits"})
    assert_problem(answer, 422, "table.rounded_ids")


@pytest.mark.parametrize("spelling", leading_votables("x"))
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_votable_that_points_elsewhere_tells_nothing_of_what_is_there(client, tmp_path, scheme, spelling):
    secret = tmp_path / "secret"
    secret.write_text("sixteen letters!" * 20)
    with listening() as (port, hits):
        target = f"file://{secret}" if scheme == "file" else f"http://127.0.0.1:{port}/secret"
        data = leading_votables(target)[spelling]
        answer = client.post(PATH, content=data, headers={"content-type": "application/x-votable+xml"})
        assert hits == []
    assert "letters" not in answer.text
    assert_problem(answer, 422, "table.unreadable")


def test_positions_in_parquet_are_matched_to_objects(client, tiny):
    (cutout,) = tiny.read([tiny.ids[4]])
    stream = io.BytesIO()
    columns = {"RAJ2000": [cutout.ra_deg, None], "DEJ2000": [cutout.dec_deg, 1.0], "mag": [1.0, 2.0]}
    pq.write_table(pa.table(columns), stream)
    answer = client.post(
        PATH, content=stream.getvalue(), headers={"content-type": "application/vnd.apache.parquet"}
    )
    first, second = answer.json()["rows"]
    assert (first["status"], first["object_id"]) == ("ok", tiny.ids[4])
    assert second["status"] == "invalid"
    assert answer.json()["table"]["mapping"] == {"ra_deg": "RAJ2000", "dec_deg": "DEJ2000"}


def test_a_64_bit_id_keeps_all_its_digits(client):
    data = _table("fits", objID=np.array([1237648720693755918]))
    answer = client.post(PATH, content=data, headers={"content-type": "application/fits"})
    assert answer.json()["rows"][0]["object_id"] == "1237648720693755918"


def test_as_many_rows_as_are_taken_may_have_ids_of_any_length(client):
    table = "object_id\n" + ("\u661f" * 250 + "\n") * 2000
    answer = client.post(PATH, content=table.encode(), headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
    assert {row["status"] for row in answer.json()["rows"]} == {"not_found"}


def wide(length, n_rows=1):
    table = pa.table({"id": ["J00000"] * n_rows, "note": ["x" * length] + [""] * (n_rows - 1)})
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return {"content": stream.getvalue(), "headers": {"content-type": "application/vnd.apache.parquet"}}


@pytest.mark.parametrize(
    ("path", "rows"), [("neighbours/batch?k=1000", wide(40_000, 2)), (PATH, wide(70_000, 1000))]
)
def test_what_is_small_as_sent_and_large_in_a_file_is_no_answer_at_once(client, path, rows):
    answer = client.post(path if path == PATH else f"/api/v1/{path}", **rows)
    assert (answer.status_code, answer.json().get("phase")) == (202, "QUEUED"), answer.text
    assert client.delete(answer.headers["location"]).status_code == 204


def test_a_text_may_not_be_repeated_without_end(client):
    answer = client.post("/api/v1/neighbours/batch?k=1000", **wide(3_000_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "upload.unpacked_too_large"), answer.text
    assert "fewer lines" in answer.json()["detail"]
