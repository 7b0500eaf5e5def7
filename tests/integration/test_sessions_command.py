"""`skylike sessions` and `skylike labels` show, write and take up what people made."""

from __future__ import annotations

import orjson
import pyarrow.parquet as pq
import pytest
from support.interest import asked, begun, ids, label
from support.serving import client_of, copied
from typer.testing import CliRunner

from skylike.cli.main import app


@pytest.fixture(scope="module")
def data(served_data, tmp_path_factory):
    return copied(served_data, tmp_path_factory.mktemp("command") / "data")


@pytest.fixture(scope="module")
def session(data):
    with client_of(data) as client:
        session = begun(client, positives=["J00001"], seed=3)
        label(client, session, ("J00002", 0), ("J00003", 2), ("J00002", 1))
        session["proposed"] = ids(asked(client, session, "next"))
    return session


def run(data, *arguments):
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(data), "--json"])


def test_every_session_is_listed(data, session):
    listed = orjson.loads(run(data, "sessions", "list").stdout)["sessions"]
    found = [one for one in listed if one["session_id"] == session["session_id"]]
    assert [(one["owner"], one["n_labels"], one["name"]) for one in found] == [("local", 3, "rings")]
    assert orjson.loads(run(data, "sessions", "list", "--owner", "ada").stdout)["sessions"] == []


def test_an_exported_session_is_taken_up_in_another_name_and_proposes_the_same(data, session, tmp_path):
    file = tmp_path / "rings.json"
    done = run(data, "sessions", "export", session["session_id"], "--out", str(file))
    assert done.exit_code == 0, done.output
    assert orjson.loads(done.stdout)["n_labels"] == 4
    taken = run(data, "sessions", "import", str(file))
    assert taken.exit_code == 0, taken.output
    row = orjson.loads(taken.stdout)
    assert row["session_id"] != session["session_id"]
    with client_of(data) as client:
        again = {"session_id": row["session_id"]}
        assert ids(asked(client, again, "next")) == session["proposed"]


def test_labels_are_written_as_a_table(data, session, tmp_path):
    file = tmp_path / "labels.parquet"
    done = run(data, "labels", "export", "--format", "parquet", "--history", "--out", str(file))
    assert done.exit_code == 0, done.output
    table = pq.read_table(file).to_pylist()
    own = [one["value"] for one in table if one["session_id"] == session["session_id"]]
    assert own == [5.0, 0.0, 2.0, 1.0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("sessions", "export", "nothing"),
        ("sessions", "import", "{file}"),
        ("labels", "export", "--format", "csv"),
        ("labels", "export", "--format", "tape"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(data, tmp_path, arguments):
    file = tmp_path / "none.json"
    file.write_text('{"format": "other"}')
    done = run(data, *(word.format(file=file) for word in arguments))
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
