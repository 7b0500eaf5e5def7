"""Labels over HTTP: kept once, never overwritten, seen by their owner alone."""

from __future__ import annotations

import io

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse_single_table
from astropy.table import Table
from support.interest import LABELS, asked, begun, label
from support.owners import assert_problem, key_of
from support.serving import client_of, register_all


@pytest.fixture
def on_database(served_data, database_url):
    register_all(served_data, database_url)
    with client_of(served_data, database_url=database_url, host="0.0.0.0") as client:
        yield client


@pytest.fixture(scope="module")
def local(served_data, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('labels') / 'records.db'}"
    register_all(served_data, url)
    with client_of(served_data, database_url=url, labels_per_session=20) as client:
        yield client


def give(client, body, query="survey=tiny", **headers):
    return client.post(f"{LABELS}?{query}", json=body, headers=headers)


def test_a_label_comes_back_with_owner_time_and_release(local):
    answer = give(local, {"object_id": "J00001", "value": 4, "note": "a ring\nperhaps"})
    assert answer.status_code == 200, answer.text
    kept = answer.json()["labels"][0]
    release = local.app.state.resources.default("tiny").release.id
    assert {name: kept[name] for name in ("object_id", "kind", "value", "note", "release", "session_id")} == {
        "object_id": "J00001",
        "kind": "score",
        "value": 4.0,
        "note": "a ring\nperhaps",
        "release": release,
        "session_id": None,
    }
    assert local.get(f"{LABELS}/{kept['label_id']}").json() == kept
    assert local.get(f"{LABELS}?object_id=J00001").json()["labels"] == [kept]


def test_the_same_label_sent_twice_is_one(on_database):
    _, ada = key_of(on_database, "ada")
    first = give(on_database, {"object_id": "J00002", "value": 3}, **ada).json()
    again = give(on_database, {"object_id": "J00002", "value": 3}, **ada).json()
    assert (first["n_new"], again["n_new"]) == (1, 0)
    assert first["labels"] == again["labels"]
    assert on_database.get(f"{LABELS}?history=true", headers=ada).json()["n_total"] == 1


def test_a_late_retry_with_a_key_does_not_undo_what_came_after(on_database):
    _, ada = key_of(on_database, "ada")
    early = {"object_id": "J00002", "value": 3, "client_key": "one"}
    first = give(on_database, early, **ada).json()["labels"][0]
    last = give(on_database, {"object_id": "J00002", "value": 5, "client_key": "two"}, **ada).json()
    late = give(on_database, early, **ada).json()
    assert late["n_new"] == 0
    assert late["labels"][0]["ended_by"] == last["labels"][0]["label_id"]
    held = on_database.get(LABELS, headers=ada).json()["labels"]
    assert [one["value"] for one in held] == [5.0]
    other = give(on_database, {**early, "value": 1}, **ada)
    assert_problem(other, 409, "label.key_reused")
    assert other.json()["label_id"] == first["label_id"]


def test_a_later_label_supersedes_and_the_history_stays(local):
    session = begun(local)
    label(local, session, ("J00003", 1), ("J00004", 2), ("J00003", 5))
    query = f"session={session['session_id']}"
    assert [one["value"] for one in local.get(f"{LABELS}?{query}").json()["labels"]] == [2.0, 5.0]
    history = local.get(f"{LABELS}?{query}&history=true").json()["labels"]
    assert [(one["value"], one["revision"]) for one in history] == [(1.0, 1), (2.0, 2), (5.0, 3)]
    assert history[0]["ended_by"] == history[2]["label_id"]


def test_a_withdrawn_label_holds_no_longer_and_stays_in_the_history(local):
    session = begun(local)
    kept = label(local, session, ("J00003", 1))["labels"][0]
    assert local.delete(f"{LABELS}/{kept['label_id']}").status_code == 204
    # Again, as a client does that heard no answer.
    assert local.delete(f"{LABELS}?id={kept['label_id']}").status_code == 204
    assert local.get(f"{LABELS}?session={session['session_id']}").json()["labels"] == []
    gone = local.get(f"{LABELS}/{kept['label_id']}").json()
    assert gone["ended_at"] is not None
    assert gone["ended_by"] is None
    assert asked(local, session, "")["revision"] == 2


def test_a_label_changed_since_it_was_seen_is_not_overwritten(local):
    session = begun(local)
    path = session["links"]["labels"]
    seen = label(local, session, ("J00003", 1))["labels"][0]["label_id"]
    now = label(local, session, ("J00003", 2))["labels"][0]["label_id"]
    for replaces in (seen, None):
        late = local.post(path, json={"object_id": "J00003", "value": 5, "replaces": replaces})
        assert_problem(late, 409, "label.changed")
        assert late.json()["current"] == now
    assert_problem(local.delete(f"{LABELS}/{seen}"), 409, "label.changed")
    good = local.post(path, json={"object_id": "J00003", "value": 5, "replaces": now})
    assert good.json()["n_new"] == 1


def test_one_unknown_object_keeps_the_whole_list_out_and_is_named(local):
    before = local.get(LABELS).json()["n_total"]
    body = {"labels": [{"object_id": name, "value": 1} for name in ("J00001", "nope", "neither")]}
    answer = give(local, body)
    assert_problem(answer, 404, "object.not_found")
    assert answer.json()["unknown"] == ["nope", "neither"]
    assert local.get(LABELS).json()["n_total"] == before


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"object_id": "J00001", "value": 5.1}, 422, "request.invalid"),
        ({"object_id": "J00001", "value": -1}, 422, "request.invalid"),
        ({"object_id": "J00001"}, 422, "request.invalid"),
        ({"object_id": "J00001", "kind": "artefact", "value": 1}, 422, "request.invalid"),
        ({"object_id": "J00001", "value": True, "kind": "nothing"}, 422, "request.invalid"),
        ({"object_id": "J00001", "value": 1, "note": "a\x00b"}, 422, "request.invalid"),
        ({"object_id": "J00001", "value": 1, "note": "a\uffffb"}, 422, "request.invalid"),
        ({"object_id": "J00001", "value": 1, "note": "n" * 2001}, 422, "request.invalid"),
        ({"object_id": "J\x00", "value": 1}, 422, "request.invalid"),
        ({"object_id": "J" * 129, "value": 1}, 422, "request.invalid"),
        ({"object_id": "J00001", "value": 1, "client_key": "a b"}, 422, "request.invalid"),
        ({"labels": []}, 422, "request.invalid"),
        ({"labels": {}}, 422, "request.invalid"),
        ([1], 422, "request.invalid"),
        ({"labels": [{"object_id": "J00001", "value": 1}] * 1001}, 413, "batch.too_large"),
    ],
)
def test_what_is_no_label_is_refused(local, body, status, code):
    assert_problem(give(local, body), status, code)


@pytest.mark.parametrize(
    "query",
    [
        "value_min=6",
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "session=x",
        "kind=nothing",
        "cursor=WzBd",
    ],
)
def test_what_is_no_filter_of_labels_is_refused(local, query):
    assert local.get(f"{LABELS}?{query}").status_code == 422


def test_nobody_sees_or_touches_anothers_labels(on_database):
    _, ada = key_of(on_database, "ada")
    _, eve = key_of(on_database, "eve")
    hers = give(on_database, {"object_id": "J00001", "value": 2}, **ada).json()["labels"][0]["label_id"]
    for method in ("GET", "DELETE"):
        seen = on_database.request(method, f"{LABELS}/{hers}", headers=eve).json()
        never = on_database.request(method, f"{LABELS}/{'0' * 32}", headers=eve).json()
        assert seen["detail"].replace(hers, "") == never["detail"].replace("0" * 32, "")
        assert seen["code"] == never["code"] == "label.not_found"
        assert_problem(on_database.request(method, f"{LABELS}/{hers}"), 401, "auth.key_needed")
    assert on_database.get(LABELS, headers=eve).json()["labels"] == []
    assert on_database.get(f"{LABELS}/{hers}", headers=ada).json()["ended_at"] is None


def test_labels_are_for_no_other_sites_scripts(local):
    answer = local.get(LABELS, headers={"origin": "http://127.0.0.1:8000"})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cache-control"] == "private, no-store"


def test_pages_of_labels_hold_each_once(local):
    session = begun(local)
    label(local, session, *((f"J{n:05d}", n % 6) for n in range(7)))
    found, query = [], f"session={session['session_id']}&limit=3"
    cursor = ""
    while cursor is not None:
        answer = local.get(f"{LABELS}?{query}{cursor and '&cursor=' + cursor}").json()
        found += [one["object_id"] for one in answer["labels"]]
        cursor = answer["next_cursor"]
    assert found == [f"J{n:05d}" for n in range(7)]


def _rows(answer, fmt):
    data = io.BytesIO(answer.content)
    if fmt == "csv":
        return Table.read(data, format="ascii.csv", comment="#")
    if fmt == "fits":
        return Table.read(data, format="fits")
    if fmt == "votable":
        return parse_single_table(data).to_table()
    return Table.from_pandas(pq.read_table(data).to_pandas())


@pytest.mark.parametrize("fmt", ["csv", "votable", "fits", "parquet"])
def test_labels_are_given_in_every_format(local, fmt):
    session = begun(local)
    label(local, session, ("J00001", 1), ("J00002", 4.5))
    answer = local.get(f"{LABELS}?session={session['session_id']}&format={fmt}")
    rows = _rows(answer, fmt)
    assert [str(one) for one in rows["object_id"]] == ["J00001", "J00002"]
    assert np.asarray(rows["value"], float).tolist() == [1.0, 4.5]


def test_a_table_of_labels_is_taken(local):
    session = begun(local)
    text = "object_id,value,kind,note\nJ00001,4,,a ring\nJ00002,,artefact,\nJ00003,0.5,score,\n"
    answer = local.post(session["links"]["labels"], content=text, headers={"content-type": "text/csv"})
    assert answer.status_code == 200, answer.text
    said = [(one["kind"], one["value"], one["note"], one["origin"]) for one in answer.json()["labels"]]
    assert said == [
        ("score", 4.0, "a ring", "import"),
        ("artefact", None, None, "import"),
        ("score", 0.5, None, "import"),
    ]


def test_a_file_of_labels_can_be_sent_back(local):
    first, second = begun(local), begun(local)
    label(local, first, ("J00001", 1), ("J00002", 4.5))
    sink = io.BytesIO()
    pq.write_table(pa.table({"object_id": ["J00009"], "value": [2]}), sink)
    kinds = {"parquet": "application/vnd.apache.parquet", "votable": "application/x-votable+xml"}
    for fmt, kind in kinds.items():
        data = local.get(f"{LABELS}?session={first['session_id']}&format={fmt}").content
        answer = local.post(second["links"]["labels"], content=data, headers={"content-type": kind})
        assert answer.status_code == 200, answer.text
        assert [one["value"] for one in answer.json()["labels"]] == [1.0, 4.5]
    alone = local.post(
        second["links"]["labels"], content=sink.getvalue(), headers={"content-type": kinds["parquet"]}
    )
    assert alone.json()["n_new"] == 1


#: Blanks that do not break, of Japanese; letters that do not join, and an emoji of three that do; an Excel's line end.
_NOTE = "un\u00a0anneau\u3000\u0646\u0645\u06cc\u200c \U0001f469\u200d\U0001f680\r\nthen a tail"


@pytest.mark.parametrize("fmt", ["csv", "votable", "parquet", "json"])
def test_a_note_is_kept_in_every_script_and_comes_back_from_files(local, fmt):
    first, second = begun(local), begun(local)
    sent = {"object_id": "J00001", "value": 3, "note": _NOTE}
    answer = local.post(first["links"]["labels"], json=sent)
    assert answer.status_code == 200, answer.text
    kept = answer.json()["labels"][0]
    assert kept["note"] == _NOTE.replace("\r\n", "\n")
    file = local.get(f"{LABELS}?session={first['session_id']}&format={fmt}")
    content, kind = file.content, file.headers["content-type"]
    if fmt == "json":
        content, kind = orjson.dumps({"labels": [sent]}), "application/json"
    again = local.post(second["links"]["labels"], content=content, headers={"content-type": kind})
    assert again.status_code == 200, again.text
    assert again.json()["labels"][0]["note"] == kept["note"]


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("object_id,score\nJ00001,1\n", 422, "table.columns"),
        ("object_id,value\nJ00001,seven\n", 422, "table.columns"),
        ("object_id,value\nJ00001,7\n", 422, "request.invalid"),
        ("object_id,kind\nJ00001,odd\n", 422, "request.invalid"),
        ("object_id,value\nnope,1\n", 404, "object.not_found"),
        ("", 422, "upload.empty"),
    ],
)
def test_what_is_no_table_of_labels_is_refused(local, text, status, code):
    answer = local.post(f"{LABELS}?survey=tiny", content=text, headers={"content-type": "text/csv"})
    assert_problem(answer, status, code)


def test_more_labels_than_a_session_may_have_are_refused_and_none_is_kept(local):
    session = begun(local)
    label(local, session, *((f"J{n:05d}", 1) for n in range(15)))
    body = {"labels": [{"object_id": f"J{n:05d}", "value": 2} for n in range(6)]}
    answer = local.post(session["links"]["labels"], json=body)
    assert_problem(answer, 409, "label.quota")
    assert (answer.json()["limit"], answer.json()["got"]) == (20, 21)
    assert asked(local, session, "")["revision"] == 15
