"""The pages of interest sessions: their owner's only, begun and deleted from our own pages only."""

from __future__ import annotations

import pytest
from support.interest import SESSIONS, begun
from support.owners import key_of
from support.serving import client_of, register_all

HOSTILE = '"><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def service(served_data, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('pages') / 'records.db'}"
    register_all(served_data, url)
    with client_of(served_data, database_url=url) as client:
        yield client


def send(client, headers=None, **fields):
    files = [(name, (None, value)) for name, value in {"survey": "tiny", **fields}.items()]
    return client.post("/sessions", files=files, headers=headers, follow_redirects=False)


def test_a_form_begins_a_session_and_leads_to_it(service):
    answer = send(
        service, name="rings", learner="linear", positives="J00001\r\n J00002 \n\n", negatives="J00003"
    )
    assert answer.status_code == 303, answer.text
    identifier = answer.headers["location"].removeprefix("/sessions/")
    told = service.get(f"{SESSIONS}/{identifier}").json()
    assert (told["name"], told["learner"], told["n_labels"], told["n_interesting"]) == (
        "rings",
        "linear",
        3,
        2,
    )
    page = service.get(answer.headers["location"])
    assert f'data-session="{SESSIONS}/{identifier}"' in page.text
    assert "3 labelled, 2 interesting, 0 set aside" in page.text
    assert page.headers["cache-control"] == "private, no-store"


def test_what_begins_no_session_is_refused_on_a_page(service):
    for fields, status in (({}, 422), ({"name": "a", "positives": "nope"}, 404), ({"name": "n" * 300}, 422)):
        answer = send(service, **fields)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")


def test_names_are_text_wherever_they_stand(service):
    session = begun(service, name=HOSTILE)
    for path in ("/sessions", f"/sessions/{session['session_id']}"):
        text = service.get(path).text
        assert HOSTILE not in text
        assert "&lt;img src=x" in text


def test_a_session_is_deleted_by_a_form_of_ours_and_by_none_of_another_site(service):
    path = f"/sessions/{begun(service)['session_id']}"
    elsewhere = {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"}
    assert service.post(f"{path}/delete", headers=elsewhere).status_code == 403
    assert send(service, elsewhere, name="a").status_code == 403
    assert service.get(path).status_code == 200
    assert service.post(f"{path}/delete", follow_redirects=False).headers["location"] == "/sessions"
    assert service.get(path).status_code == 404


def test_the_pages_of_others_are_not_there(served_data, tmp_path):
    url = f"sqlite:///{tmp_path / 'records.db'}"
    register_all(served_data, url)
    with client_of(served_data, database_url=url, host="0.0.0.0") as client:
        _, ada = key_of(client, "ada")
        _, eve = key_of(client, "eve")
        path = f"/sessions/{begun(client, ada)['session_id']}"
        assert client.get(path, headers=ada).status_code == 200
        assert client.get(path, headers=eve).status_code == 404
        assert client.get(path).status_code == 401
        assert path not in client.get("/sessions", headers=eve).text
