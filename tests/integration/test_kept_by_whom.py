"""Each owner sees, asks and deletes what is kept in the own name, and nothing else."""

from __future__ import annotations

import re

import pytest
from support.owners import KEPT, assert_problem, fits_of, kept, key_of, send
from support.serving import client_of, register_all

from survey.archive import SurveyFolder


@pytest.fixture(scope="module")
def tiny(served_data):
    return SurveyFolder(served_data / "surveys" / "tiny")


@pytest.fixture(scope="module")
def good(tiny):
    return fits_of(tiny, 3)


@pytest.fixture
def where(served_data, tmp_path):
    url = f"sqlite:///{tmp_path / 'records.db'}"
    register_all(served_data, url)
    return {"database_url": url, "uploads_dir": tmp_path / "uploads"}


@pytest.fixture
def on_database(served_data, database_url, tmp_path):
    register_all(served_data, database_url)
    with client_of(
        served_data, database_url=database_url, uploads_dir=tmp_path / "uploads", host="0.0.0.0"
    ) as client:
        yield client


def test_nobody_sees_or_touches_what_is_anothers(on_database, good):
    _, ada = key_of(on_database, "ada")
    _, eve = key_of(on_database, "eve")
    hers = kept(on_database, good, **ada)
    absent = "0" * 32
    for method, path in (
        ("GET", ""),
        ("GET", "/neighbours"),
        ("GET", "/cutout"),
        ("GET", "/cutout?format=fits"),
        ("DELETE", ""),
    ):
        seen = on_database.request(method, f"{KEPT}/{hers}{path}", headers=eve)
        never = on_database.request(method, f"{KEPT}/{absent}{path}", headers=eve)
        assert_problem(seen, 404, "upload.not_found")
        a, b = seen.json(), never.json()
        assert a.pop("detail").replace(hers, "") == b.pop("detail").replace(absent, "")
        assert a.pop("request_id") != b.pop("request_id")
        assert a == b
        # Without a key nobody is anybody here.
        stranger = on_database.request(method, f"{KEPT}/{hers}{path}")
        assert_problem(stranger, 401, "auth.key_needed")
    assert on_database.get(KEPT, headers=eve).json()["uploads"] == []
    assert_problem(on_database.get(KEPT), 401, "auth.key_needed")
    # The same galaxy is another upload in another's hands.
    assert kept(on_database, good, **eve) != hers
    assert on_database.get(f"{KEPT}/{hers}", headers=ada).status_code == 200


def test_nobody_sees_or_touches_what_is_anothers_on_the_pages(on_database, good):
    _, ada = key_of(on_database, "ada")
    _, eve = key_of(on_database, "eve")
    hers, absent = kept(on_database, good, **ada), "0" * 32
    for method, path in (("GET", ""), ("POST", "/delete")):
        seen = on_database.request(method, f"/uploads/{hers}{path}", headers=eve)
        never = on_database.request(method, f"/uploads/{absent}{path}", headers=eve)
        assert (seen.status_code, never.status_code) == (404, 404)
        texts = [re.sub(f"{hers}|{absent}|[0-9a-f]{{16}}", "", answer.text) for answer in (seen, never)]
        assert texts[0] == texts[1]
        # Without a key nobody is anybody here.
        assert on_database.request(method, f"/uploads/{hers}{path}").status_code == 401
    assert hers not in on_database.get("/uploads", headers=eve).text
    assert hers in on_database.get("/uploads", headers=ada).text
    assert on_database.get(f"/uploads/{hers}", headers=ada).status_code == 200


def test_an_owner_has_room_for_so_many(served_data, where, tiny, good):
    with client_of(served_data, kept_per_owner=2, **where) as client:
        first = kept(client, good)
        kept(client, fits_of(tiny, 4))
        third = send(client, fits_of(tiny, 5))
        assert_problem(third, 409, "upload.quota")
        assert (third.json()["limit"], third.json()["got"]) == (2, 2)
        # What is kept already needs no room, and others' room is their own.
        assert kept(client, good) == first
        _, ada = key_of(client, "ada")
        assert kept(client, good, **ada)
        assert client.delete(f"{KEPT}/{first}").status_code == 204
        assert kept(client, fits_of(tiny, 5))
        assert client.app.state.resources.kept.pending() == []
    with client_of(served_data, kept_bytes_per_owner=1000, **where) as client:
        refused = send(client, fits_of(tiny, 6))
        assert_problem(refused, 409, "upload.quota")
        assert client.app.state.resources.kept.pending() == []


def test_a_stranger_keeps_nothing(served_data, where, good):
    with client_of(served_data, upload_anonymous=True, host="0.0.0.0", **where) as client:
        assert send(client, good, "").status_code == 200
        refused = send(client, good)
        assert_problem(refused, 401, "auth.key_needed")
        assert "owner" in refused.json()["detail"]
        assert not where["uploads_dir"].exists()
        _, ada = key_of(client, "ada")
        assert kept(client, good, **ada)
