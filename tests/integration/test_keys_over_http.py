"""Who may upload: this machine's user, whoever has a key, strangers only where that is switched on."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from support.owners import key_of, long_ago
from support.serving import client_of, register_all

from index.catalogue.session import writing
from service.keyring import REMEMBERED_SECONDS
from service.records.keys import revoke
from survey.archive import SurveyFolder
from survey.fits.writer import write_fits

PATH = "/api/v1/neighbours/upload"
FITS = {"content-type": "image/fits"}
REMOTE = {"host": "skylike.example.org"}


@pytest.fixture(scope="module")
def good(served_data):
    survey = SurveyFolder(served_data / "surveys" / "tiny")
    return write_fits(survey.read([survey.ids[3]])[0])


@pytest.fixture
def production(served_data, database_url):
    """As behind the proxy of a container: bound to every address."""
    register_all(served_data, database_url)
    with client_of(served_data, database_url=database_url, host="0.0.0.0") as client:
        yield client


def send(client, data, **headers):
    return client.post(PATH, content=data, headers={**FITS, **headers})


def assert_unauthorised(answer, code):
    assert (answer.status_code, answer.json()["code"]) == (401, code), answer.text
    assert answer.headers["www-authenticate"].startswith('Bearer realm="skylike"')
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_opens_and_its_end_closes(production, good, monkeypatch):
    assert_unauthorised(send(production, good), "auth.key_needed")
    row, ada = key_of(production, "ada")
    assert send(production, good, **ada).status_code == 200
    _, expired = key_of(production, "ada", expires_at=long_ago())
    old, revoked = key_of(production, "ada")
    with writing(production.app.state.resources.engine)() as session, session.begin():
        revoke(session, old.id)
    unknown = {"authorization": "Bearer sk_" + "A" * 43}
    broken = {"authorization": "Bearer nonsense"}
    answers = [send(production, good, **one) for one in (expired, revoked, unknown, broken)]
    for answer in answers:
        assert_unauthorised(answer, "auth.key_invalid")
    # Nobody learns which keys there once were.
    assert len({answer.json()["detail"] for answer in answers}) == 1
    # A key in use that is revoked is remembered for seconds.
    with writing(production.app.state.resources.engine)() as session, session.begin():
        revoke(session, row.id)
    assert send(production, good, **ada).status_code == 200
    ring = production.app.state.resources.keyring
    monkeypatch.setattr(ring, "_clock", lambda clock=ring._clock: clock() + REMEMBERED_SECONDS)
    assert_unauthorised(send(production, good, **ada), "auth.key_invalid")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_remembered_key_still_expires(production, good):
    _, soon = key_of(production, "ada", expires_at=datetime.now(UTC) + timedelta(seconds=1.5))
    assert send(production, good, **soon).status_code == 200
    time.sleep(1.6)
    assert_unauthorised(send(production, good, **soon), "auth.key_invalid")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_needs_no_key_asks_no_database_about_one(production, good):
    _, ada = key_of(production, "ada")
    asked = []
    engine = production.app.state.resources.engine
    event.listen(engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    assert production.get("/api/v1/objects/J00000/neighbours", headers=ada).status_code == 200
    assert asked == []
    assert send(production, good, **ada).status_code == 200
    assert send(production, good, **ada).status_code == 200
    assert len([one for one in asked if "records_keys" in one]) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_keys_stand_in_no_log_and_no_answer(production, good, caplog):
    for name in ("service", "uvicorn"):
        logging.getLogger(name).propagate = True
        logging.getLogger(name).setLevel(logging.DEBUG)
    _, ada = key_of(production, "ada")
    wrong = {"authorization": "Bearer sk_" + "B" * 43}
    with caplog.at_level(logging.DEBUG):
        answers = [send(production, good, **one) for one in (ada, wrong)]
    text = caplog.text + "".join(answer.text + str(answer.headers) for answer in answers)
    for one in (ada, wrong):
        assert one["authorization"].split()[1] not in text


def test_this_machines_user_needs_no_key_and_a_proxys_clients_do(client, good):
    assert send(client, good).status_code == 200
    assert_unauthorised(send(client, good, **REMOTE), "auth.key_needed")
    assert_unauthorised(send(client, good, **{"x-forwarded-for": "192.0.2.7"}), "auth.key_needed")
    # Reading stays open to everybody.
    assert client.get("/api/v1/objects/J00000/neighbours", headers=REMOTE).status_code == 200


def test_another_scheme_is_a_proxys_own_affair(client, good):
    assert send(client, good, authorization="Basic YWRhOnNlY3JldA==").status_code == 200


def test_the_switch_overrules_where_the_service_listens(served_data, good):
    with client_of(served_data, upload_anonymous=True, host="0.0.0.0") as open_to_all:
        assert send(open_to_all, good, **REMOTE).status_code == 200
    with client_of(served_data, upload_anonymous=False) as closed:
        assert_unauthorised(send(closed, good), "auth.key_needed")
        page = closed.post("/upload", files=[("files", ("a.fits", good))])
        assert page.status_code == 401
        assert page.headers["content-type"].startswith("text/html")


TABLES = [
    {"content": b"object_id\nJ00000\n", "headers": {"content-type": "text/csv"}},
    {"content": b"<VOTABLE/>", "headers": {"content-type": "application/x-votable+xml"}},
    {"content": b"PAR1", "headers": {"content-type": "application/octet-stream"}},
    {"files": [("file", ("t.csv", b"object_id\nJ00000\n", "text/csv"))]},
]


@pytest.mark.parametrize("table", TABLES, ids=["CSV", "VOTable", "unknown", "form"])
def test_a_table_is_an_upload_and_rows_in_json_are_a_question(client, table):
    batch = "/api/v1/photoz/batch"
    stranger = {**table, "headers": {**table.get("headers", {}), **REMOTE}}
    assert_unauthorised(client.post(batch, **stranger), "auth.key_needed")
    assert client.post(batch, **table).status_code in {200, 415, 422}
    assert client.post(batch, json={"ids": ["J00000"]}, headers=REMOTE).status_code == 200


@pytest.mark.parametrize("word", ["Bearer ", "bearer\t", "BEARER  ", "Bearer \t", "Bearer"])
def test_whatever_stands_between_bearer_and_the_key_it_is_one(client, good, word):
    # Taken for no key, it would be asked in the name of this machine's user instead.
    assert_unauthorised(
        send(client, good, authorization=word if word == "Bearer" else f"{word}sk_x"), "auth.key_invalid"
    )
