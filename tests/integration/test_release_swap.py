"""A running service takes the releases that become active, or keeps those that it has, and says so."""

from __future__ import annotations

import gc
import shutil
import time
import weakref

import pytest
from starlette.requests import Request
from support.more_releases import another_release
from support.serving import client_of, copied, index_survey
from support.tiny_survey import tiny_survey

from index.catalogue.activation import activate, rollback
from index.catalogue.session import default_url, make_engine, writing
from service import live as live_module
from service import opening
from service.dependencies import resources_of

BY_ID = "/api/v1/objects/J00000/neighbours"


@pytest.fixture
def data_dir(served_data, tmp_path):
    return copied(served_data, tmp_path / "data")


@pytest.fixture
def service(data_dir):
    """A client, and what lets the service look at its catalogue."""
    with client_of(data_dir) as client:
        yield client, client.app.state.live


def execute(data_dir, act):
    engine = make_engine(default_url(data_dir))
    with writing(engine)() as session, session.begin():
        act(session)
    engine.dispose()


def released(client) -> str:
    return client.get(BY_ID).json()["release"]["id"]


def test_what_is_unchanged_stays_open_and_what_is_new_answers_next(service, data_dir):
    client, live = service
    before = client.app.state.resources
    assert not live.look()
    assert client.app.state.resources is before
    new = another_release(data_dir)
    assert live.look()
    assert released(client) == new
    after = client.app.state.resources
    assert after.default("rgb") is before.default("rgb")
    assert after.default("tiny").encoder is before.default("tiny").encoder
    assert after.shared is before.shared
    assert client.get("/readyz").json()["release_swap"]["state"] == "current"
    execute(data_dir, lambda session: rollback(session, "tiny", "pca48-tiny"))
    assert live.look()
    assert released(client) == before.default("tiny").release.id


def test_a_request_keeps_the_releases_it_began_with(service, data_dir):
    client, live = service
    request = Request({"type": "http", "app": client.app})
    begun = resources_of(request)
    another_release(data_dir)
    assert live.look()
    assert resources_of(request) is begun
    assert resources_of(Request({"type": "http", "app": client.app})) is not begun


def test_what_was_served_goes_with_its_last_request(service, data_dir):
    client, live = service
    request = Request({"type": "http", "app": client.app})
    old = weakref.ref(resources_of(request).default("tiny"))
    another_release(data_dir)
    assert live.look()
    gc.collect()
    assert old() is not None
    del request
    gc.collect()
    assert old() is None


def test_a_release_that_cannot_be_opened_leaves_the_one_before_and_is_told_of(service, data_dir):
    client, live = service
    old = released(client)
    new = another_release(data_dir)
    vectors = data_dir / "releases" / new / "vectors.f32"
    whole = vectors.read_bytes()
    vectors.write_bytes(whole[:-4] + bytes(4))
    assert not live.look()
    assert released(client) == old
    ready = client.get("/readyz")
    assert ready.status_code == 200
    told = ready.json()["release_swap"]
    assert told["state"] == "failed"
    assert f"Release {new} cannot be opened" in told["message"]
    assert "To mend it: skylike index build tiny" in told["message"]
    assert client.get("/api/v1/releases").json()["release_swap"] == told
    vectors.write_bytes(whole)
    live.wake()
    assert live.look()
    assert released(client) == new


def test_what_failed_is_not_opened_again_before_its_pause_is_over(service, data_dir, monkeypatch):
    client, live = service
    opened = []
    monkeypatch.setattr(live, "_seconds", 60.0)
    monkeypatch.setattr(live_module, "reopen", lambda resources: opened.append(1) or 1 / 0)
    another_release(data_dir)
    assert [live.look(), live.look()] == [False, False]
    assert len(opened) == 1
    assert "the log has the reason" in client.get("/readyz").json()["release_swap"]["message"]
    live.wake()
    live.look()
    assert len(opened) == 2


def test_a_release_without_room_beside_the_one_served_is_not_opened(service, data_dir, monkeypatch):
    client, live = service
    old = released(client)
    monkeypatch.setattr(opening, "available_bytes", lambda: 1000)
    another_release(data_dir)
    assert not live.look()
    assert "0.0 GiB are free" in client.get("/readyz").json()["release_swap"]["message"]
    assert released(client) == old


def test_a_database_that_is_away_changes_nothing(service, monkeypatch):
    client, live = service
    engine = make_engine("sqlite:////nowhere/at/all.db")
    monkeypatch.setattr(opening._Catalogue, "read", lambda _, read=opening._Catalogue.read: read(engine))
    assert not live.look()
    assert released(client)
    monkeypatch.undo()
    assert not live.look()
    assert client.app.state.resources.shared.swapping.to_json()["state"] == "current"


def test_a_survey_imported_anew_answers_again_when_its_release_is_built(service, data_dir):
    client, live = service
    cutout = "/api/v1/objects/J00000/cutout"
    shutil.rmtree(data_dir / "surveys" / "rgb")
    survey = tiny_survey(data_dir / "surveys" / "rgb", n=60, kind="display", seed=7)
    assert client.get(f"{cutout}?survey=rgb").json()["code"] == "survey.replaced"
    assert not live.look()
    assert "survey rgb" in client.get("/readyz").json()["release_swap"]["message"]
    for folder in ("models/pca48-rgb", "embeddings/rgb--pca48-rgb"):
        shutil.rmtree(data_dir / folder)
    new = index_survey(data_dir, survey, kind="display")
    assert live.look()
    assert client.get(f"{cutout}?survey=rgb").status_code == 200
    assert client.get(f"{BY_ID}?survey=rgb").json()["release"]["id"] == new


def test_the_thread_looks_by_itself_and_ends_with_the_service(data_dir):
    with client_of(data_dir, reload_seconds=0.05) as client:
        old = released(client)
        new = another_release(data_dir)
        wait_for(client, new)
        execute(data_dir, lambda session: activate(session, old))
        wait_for(client, old)


def test_a_service_that_does_not_look_by_itself_looks_when_it_is_woken(service, data_dir):
    client, live = service
    assert client.get("/readyz").json()["release_swap"]["state"] == "off"
    new = another_release(data_dir)
    live.wake()
    wait_for(client, new)


def wait_for(client, release):
    for _ in range(1200):
        if released(client) == release:
            return
        time.sleep(0.05)
    raise AssertionError(f"{release} was not swapped in: {client.get('/readyz').json()['release_swap']}")
