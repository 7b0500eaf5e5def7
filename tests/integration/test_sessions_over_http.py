"""Interest sessions over HTTP: begun, changed, asked, exported, each owner's own."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.interest import LABELS, SESSIONS, asked, begun, ids, label
from support.owners import assert_problem, key_of
from support.serving import client_of, register_all

from index.interest.learners import LEARNERS
from service.schemas.sessions import LearnerName


@pytest.fixture
def on_database(served_data, database_url):
    register_all(served_data, database_url)
    with client_of(served_data, database_url=database_url, host="0.0.0.0") as client:
        yield client


@pytest.fixture(scope="module")
def local(served_data, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('sessions') / 'records.db'}"
    register_all(served_data, url)
    with client_of(served_data, database_url=url) as client:
        yield client


@pytest.fixture(scope="module")
def truth(local):
    """Which objects of the tiny survey are spirals: what a person might look for."""
    columns = local.app.state.resources.default("tiny").release.columns
    return dict(zip(columns.ids, columns.take(range(columns.n), ["label"])["label"], strict=True))


def scored(truth, names):
    return [(name, 5 if truth[name] == "spiral" else 0) for name in names]


def test_the_learners_of_the_api_are_those_there_are():
    assert get_args(LearnerName) == tuple(LEARNERS)


def test_a_session_is_told_as_it_was_begun(local):
    body = {"filters": {"z_spec": [0.05, None]}, "threshold": 4, "learner": "linear", "seed": 3}
    session = begun(local, positives=["J00001"], negatives=["J00002", "J00003"], **body)
    assert {name: session[name] for name in body} == body
    assert (session["n_labels"], session["n_interesting"], session["revision"]) == (3, 1, 3)
    assert (session["release_now"], session["release_changed"]) == (session["release"], False)
    assert asked(local, session, "") == session
    assert session in local.get(SESSIONS).json()["sessions"]
    starts = local.get(f"{LABELS}?session={session['session_id']}").json()["labels"]
    assert [(one["object_id"], one["value"], one["origin"]) for one in starts] == [
        ("J00001", 5.0, "start"),
        ("J00002", 0.0, "start"),
        ("J00003", 0.0, "start"),
    ]


def test_the_next_batch_is_the_same_until_something_is_labelled(local, truth):
    session = begun(local)
    first = asked(local, session, "next?n=6")
    assert len(set(ids(first))) == 6
    assert asked(local, session, "next?n=6") == first
    label(local, session, *scored(truth, ids(first)))
    second = asked(local, session, "next?n=6")
    assert not set(ids(first)) & set(ids(second))
    assert second["revision"] == 6


def test_two_sessions_of_the_same_seed_and_labels_propose_the_same(local, truth):
    several = [begun(local, seed=5) for _ in range(2)]
    for session in several:
        label(local, session, *scored(truth, [f"J{n:05d}" for n in range(0, 60, 4)]))
    first, second = (asked(local, session, "next")["objects"] for session in several)
    assert first == second


@pytest.mark.parametrize("learner", get_args(LearnerName))
def test_every_learner_proposes_what_is_allowed_and_not_labelled(local, truth, learner):
    session = begun(local, learner=learner, filters={"label": ["spiral"]})
    known = [f"J{n:05d}" for n in range(12)]
    label(local, session, *scored(truth, known))
    answer = asked(local, session, "next?n=100")
    allowed = {name for name, kind in truth.items() if kind == "spiral"} - set(known)
    # The last object of the survey has no pixels and is not in the release.
    assert set(ids(answer)) == allowed & set(truth)
    assert answer["n_candidates"] == len(ids(answer))


def test_an_artefact_is_set_aside_and_no_negative(local, truth):
    session = begun(local)
    label(local, session, *scored(truth, [f"J{n:05d}" for n in range(16)]))
    before = asked(local, session, "next")
    odd = ids(before)[0]
    answer = local.post(session["links"]["labels"], json={"object_id": odd, "kind": "artefact"})
    assert answer.status_code == 200
    after = asked(local, session, "next?n=100")
    assert odd not in ids(after)
    kept = asked(local, session, "")
    assert (kept["n_artefacts"], kept["n_labels"]) == (1, 17)
    # Nothing was learned from it: all others stand in the order in which they stood.
    was = ids(asked(local, session, "ranking?limit=200"))
    local.delete(f"{LABELS}/{answer.json()['labels'][0]['label_id']}")
    now = ids(asked(local, session, "ranking?limit=200"))
    assert [name for name in was if name != odd] == [name for name in now if name != odd]
    assert ids(asked(local, session, "next")) == ids(before)


def test_the_ranking_finds_what_was_looked_for(local, truth):
    session = begun(local)
    label(local, session, *scored(truth, [f"J{n:05d}" for n in range(0, 118, 3)]))
    ranked = asked(local, session, "ranking?limit=200")
    unseen = [name for name in ids(ranked) if int(name[1:]) % 3]
    share = np.mean([kind == "spiral" for kind in truth.values()])
    top = np.mean([truth[name] == "spiral" for name in unseen[:20]])
    assert top > share + 0.2
    probability = [one["probability"] for one in ranked["objects"]]
    assert probability == sorted(probability, reverse=True)


def test_the_ranking_is_filtered_paged_and_written_as_searches_are(local, truth):
    session = begun(local, filters={"z_spec": [0.1, None]})
    label(local, session, *scored(truth, [f"J{n:05d}" for n in range(16)]))
    path = f"{SESSIONS}/{session['session_id']}/ranking"
    whole = local.get(f"{path}?limit=200&label=spiral").json()
    assert {truth[name] for name in ids(whole)} == {"spiral"}
    assert min(one["z_spec"] for one in whole["objects"]) >= 0.1
    pages, cursor = [], ""
    while cursor is not None:
        page = local.get(f"{path}?limit=7&label=spiral{cursor and '&cursor=' + cursor}").json()
        pages += ids(page)
        cursor = page["next_cursor"]
    assert pages == ids(whole)
    table = pq.read_table(io.BytesIO(local.get(f"{path}?format=parquet&label=spiral").content))
    assert table.column("object_id").to_pylist() == pages
    assert table.column("probability").to_pylist() == [one["probability"] for one in whole["objects"]]


def test_a_cursor_into_a_ranking_ends_when_a_label_is_given(local, truth):
    session = begun(local)
    label(local, session, *scored(truth, [f"J{n:05d}" for n in range(16)]))
    cursor = asked(local, session, "ranking?limit=5")["next_cursor"]
    label(local, session, *scored(truth, ["J00100"]))
    again = local.get(f"{SESSIONS}/{session['session_id']}/ranking?limit=5&cursor={cursor}")
    assert_problem(again, 400, "cursor.mismatch")


def test_the_forecast_says_when_it_is_too_early_and_then_how_many_more(local, truth):
    session = begun(local)
    early = asked(local, session, "forecast")
    assert early["to_reach"] == {"target": 0.8, "n": None, "low": None, "high": None}
    assert "Too early" in early["summary"]
    label(local, session, *scored(truth, [f"J{n:05d}" for n in range(0, 118, 2)]))
    made = asked(local, session, "forecast?target=0.9")
    reach, curve = made["to_reach"], made["curve"]
    assert 0 <= reach["low"] <= reach["n"] <= reach["high"] <= made["n_candidates"]
    assert curve["inspected"][0] == 0
    assert curve["inspected"][-1] == made["n_candidates"]
    assert curve["recall"][-1] == 1.0
    for low, recall, high in zip(curve["low"], curve["recall"], curve["high"], strict=True):
        assert low <= recall <= high
    label(local, session, *scored(truth, truth))
    assert asked(local, session, "forecast")["summary"] == "Everything that the filters allow is inspected."


def test_a_closed_session_takes_no_labels_and_proposes_none_until_it_is_opened(local):
    session = begun(local, positives=["J00001"])
    path = f"{SESSIONS}/{session['session_id']}"
    held = local.get(f"{LABELS}?session={session['session_id']}").json()["labels"][0]["label_id"]
    closed = local.patch(path, json={"closed": True, "name": "done"}).json()
    assert (closed["name"], closed["closed_at"] is None) == ("done", False)
    refused = local.post(f"{path}/labels", json={"object_id": "J00002", "value": 1})
    assert_problem(refused, 409, "session.closed")
    assert_problem(local.get(f"{path}/next"), 409, "session.closed")
    assert_problem(local.delete(f"{LABELS}/{held}"), 409, "session.closed")
    assert local.get(f"{LABELS}/{held}").json()["ended_at"] is None
    for what in ("ranking", "forecast", "export"):
        asked(local, session, what)
    assert local.patch(path, json={"closed": False}).json()["closed_at"] is None
    label(local, session, ("J00002", 1))


def test_another_learner_goes_on_with_the_same_labels(local, truth):
    session = begun(local, learner="random")
    label(local, session, *scored(truth, [f"J{n:05d}" for n in range(16)]))
    by_chance = asked(local, session, "next")
    changed = local.patch(f"{SESSIONS}/{session['session_id']}", json={"learner": "linear"}).json()
    assert (changed["learner"], changed["n_labels"]) == ("linear", 16)
    assert ids(asked(local, session, "next")) != ids(by_chance)


def test_a_deleted_session_goes_with_its_labels(local):
    session = begun(local, positives=["J00001"])
    path = f"{SESSIONS}/{session['session_id']}"
    assert local.delete(path).status_code == 204
    for what in ("", "/next", "/ranking", "/forecast", "/export"):
        assert_problem(local.get(path + what), 404, "session.not_found")
    assert local.get(f"{LABELS}?session={session['session_id']}&history=true").json()["labels"] == []


def test_an_export_taken_up_by_another_proposes_the_same(on_database, truth):
    _, ada = key_of(on_database, "ada")
    _, eve = key_of(on_database, "eve")
    session = begun(on_database, ada, seed=4)
    label(on_database, session, *scored(truth, [f"J{n:05d}" for n in range(20)]), headers=ada)
    label(on_database, session, ("J00001", 3), headers=ada)
    file = asked(on_database, session, "export", ada)
    answer = on_database.post(f"{SESSIONS}/import", json=file, headers=eve)
    assert answer.status_code == 201, answer.text
    taken = answer.json()
    assert taken["session_id"] != session["session_id"]
    assert (
        asked(on_database, taken, "next", eve)["objects"]
        == asked(on_database, session, "next", ada)["objects"]
    )
    again = asked(on_database, taken, "export", eve)
    kept = {"object_id", "kind", "value", "note", "at", "release", "revision", "origin"}
    labels = [[{name: one[name] for name in kept} for one in each["labels"]] for each in (file, again)]
    assert labels[0] == labels[1]
    assert [one["ended_at"] is None for one in again["labels"]] == [
        one["ended_at"] is None for one in file["labels"]
    ]
    assert again["labels"][1]["ended_by"] == again["labels"][20]["label_id"]


@pytest.mark.parametrize("fmt", ["csv", "votable", "fits", "parquet"])
def test_an_export_as_a_table_says_what_session_it_is_of(local, fmt):
    session = begun(local, positives=["J00001"], negatives=["J00002"])
    answer = local.get(f"{SESSIONS}/{session['session_id']}/export?format={fmt}")
    assert answer.status_code == 200
    assert session["session_id"].encode() in answer.content


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"format": "other"}, 422, "request.invalid"),
        ({"labels": [{}]}, 422, "request.invalid"),
        ({"labels": "none"}, 422, "request.invalid"),
        ({"session": {"survey": "nowhere"}}, 404, "survey.not_found"),
        ({"session": {"filters": {"nothing": [1, 2]}}}, 422, "filter.invalid"),
        ({"session": {"seed": -1}}, 422, "request.invalid"),
    ],
)
def test_what_is_no_export_is_refused(local, change, status, code):
    file = asked(local, begun(local, positives=["J00001"]), "export")
    for name, value in change.items():
        file[name] = {**file[name], **value} if isinstance(value, dict) else value
    n = local.get(SESSIONS).json()["n_total"]
    assert_problem(local.post(f"{SESSIONS}/import", json=file), status, code)
    assert local.get(SESSIONS).json()["n_total"] == n


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "request.invalid"),
        ({"name": "  "}, 422, "request.invalid"),
        ({"name": "a\x00"}, 422, "request.invalid"),
        ({"name": "n" * 201}, 422, "request.invalid"),
        ({"name": "a", "learner": "oracle"}, 422, "request.invalid"),
        ({"name": "a", "threshold": 0}, 422, "request.invalid"),
        ({"name": "a", "survey": "nowhere"}, 404, "survey.not_found"),
        ({"name": "a", "release": "nothing"}, 404, "release.not_found"),
        ({"name": "a", "survey": "tiny", "positives": ["J00001", "nope"]}, 404, "object.not_found"),
        ({"name": "a", "survey": "tiny", "filters": {"nothing": [0, 1]}}, 422, "filter.invalid"),
        ({"name": "a", "survey": "tiny", "positives": ["J00001"] * 1001}, 422, "request.invalid"),
        ({"name": "a", "limit": 3}, 422, "request.invalid"),
    ],
)
def test_what_begins_no_session_is_refused(local, body, status, code):
    n = local.get(SESSIONS).json()["n_total"]
    assert_problem(local.post(SESSIONS, json=body), status, code)
    assert local.get(SESSIONS).json()["n_total"] == n


def test_an_object_may_not_be_both_kinds_of_example_without_its_last_word_holding(local):
    session = begun(local, positives=["J00001"], negatives=["J00001"])
    assert (session["n_labels"], session["n_interesting"]) == (1, 0)


def test_a_form_of_another_site_begins_nothing(local):
    answer = local.post(SESSIONS, content=b'{"name": "a"}', headers={"content-type": "text/plain"})
    assert_problem(answer, 415, "request.media_type")


def test_sessions_beyond_the_limit_are_refused(served_data, tmp_path):
    url = f"sqlite:///{tmp_path / 'records.db'}"
    register_all(served_data, url)
    with client_of(served_data, database_url=url, sessions_per_owner=1) as client:
        first = begun(client)
        assert_problem(client.post(SESSIONS, json={"name": "b", "survey": "tiny"}), 409, "session.quota")
        client.delete(f"{SESSIONS}/{first['session_id']}")
        begun(client)


def test_nobody_sees_or_touches_anothers_session(on_database):
    _, ada = key_of(on_database, "ada")
    _, eve = key_of(on_database, "eve")
    hers = begun(on_database, ada, positives=["J00001"])["session_id"]
    absent = "0" * 32
    calls = [("GET", what, None) for what in ("", "/next", "/ranking", "/forecast", "/export")]
    calls += [("PATCH", "", {"name": "mine"}), ("DELETE", "", None)]
    calls += [("POST", "/labels", {"object_id": "J00002", "value": 1})]
    for method, what, body in calls:
        seen = on_database.request(method, f"{SESSIONS}/{hers}{what}", json=body, headers=eve)
        never = on_database.request(method, f"{SESSIONS}/{absent}{what}", json=body, headers=eve)
        assert_problem(seen, 404, "session.not_found")
        assert seen.json()["detail"].replace(hers, "") == never.json()["detail"].replace(absent, "")
        stranger = on_database.request(method, f"{SESSIONS}/{hers}{what}", json=body)
        assert_problem(stranger, 401, "auth.key_needed")
    assert on_database.get(SESSIONS, headers=eve).json()["sessions"] == []
    assert on_database.get(f"{SESSIONS}/{hers}", headers=ada).json()["name"] == "rings"


def test_two_people_at_once_each_find_what_they_look_for(on_database, truth):
    """One likes spirals, the other dislikes them; they label in turns that nobody orders."""

    def look(owner):
        _, key = key_of(on_database, owner)
        session, liked = begun(on_database, key), "spiral" if owner == "ada" else "elliptical"
        for _ in range(6):
            names = ids(asked(on_database, session, "next?n=8", key))
            given = [(name, 5 if truth[name] == liked else 0) for name in names]
            label(on_database, session, *given, headers=key)
        held = on_database.get(f"{LABELS}?session={session['session_id']}", headers=key).json()
        wrong = [one for one in held["labels"] if (one["value"] == 5) != (truth[one["object_id"]] == liked)]
        top = ids(asked(on_database, session, "ranking?limit=20", key))
        return held["n_total"], wrong, np.mean([truth[name] == liked for name in top])

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(look, ["ada", "eve"]))
    share = np.mean([kind == "spiral" for kind in truth.values()])
    assert [each[:2] for each in found] == [(48, []), (48, [])]
    assert found[0][2] > share
    assert found[1][2] > 1 - share
