"""Whatever dies in the middle of keeping an upload: what was acknowledged is there, and nothing is there by halves."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from support import keepers
from support.keepers import killed
from support.serving import client_of, register_all

from index.catalogue.migrate import upgrade
from service.operations import keeping, kept_files
from service.operations.refusals import KeepsNothing, UploadNotFound
from survey.archive import SurveyFolder
from survey.fits.writer import write_fits


@pytest.fixture
def service(database_url, tmp_path):
    upgrade(database_url)
    made = keepers.keeper(database_url, tmp_path / "uploads")
    yield made
    made.engine.dispose()


def pixels(service, upload_id):
    with service.sessions() as session:
        row = kept_files.find(session, keepers.OWNER, upload_id)
    return kept_files.pixels(service, row)


def ids(service):
    from service.records.uploads import list_uploads

    with service.sessions() as session:
        return [row.id for row in list_uploads(session, keepers.OWNER, limit=100)]


@pytest.mark.parametrize(
    ("point", "survives"),
    [
        ("the files are half written", False),
        ("the files are written", False),
        ("the row is about to be committed", False),
        ("the row is committed", True),
    ],
)
def test_killed_while_keeping(service, repository, point, survives):
    before = keepers.keep(service, seed=1)
    killed(service, repository, point)
    assert len(service.kept.pending()) == 1
    rows = ids(service)
    assert len(rows) == 1 + survives
    # Also before anybody sweeps, every row has its pixels.
    for upload_id in rows:
        assert pixels(service, upload_id)
    removed = keeping.sweep(service)
    assert (service.kept.pending(), len(removed)) == ([], 1 - survives)
    assert sorted(service.kept.settled()) == sorted(rows)
    assert pixels(service, before)
    # The client, who has heard nothing, sends it again.
    again = keepers.keep(service)
    assert (again in rows) is survives
    np.testing.assert_array_equal(pixels(service, again).cutout.flux, keepers.understood().cutout.flux)


@pytest.mark.parametrize(
    ("point", "survives"), [("the row is about to be deleted", True), ("the row is deleted", False)]
)
def test_killed_while_deleting(service, repository, point, survives):
    upload_id = keepers.keep(service)
    killed(service, repository, point, upload_id)
    if survives:
        assert pixels(service, upload_id)
    else:
        with pytest.raises(UploadNotFound):
            pixels(service, upload_id)
    keeping.sweep(service)
    assert service.kept.pending() == []
    assert service.kept.settled() == ids(service) == [upload_id] * survives


def test_a_sweep_leaves_alone_what_is_being_kept(service):
    keepers.keep(service, seed=1)
    with service.kept.changing():
        service.kept.write("0" * 32, {"a": b"b"}, {})
        assert keeping.sweep(service) == []
        assert service.kept.pending() == ["0" * 32]
    assert keeping.sweep(service) == ["0" * 32]


def test_a_folder_that_another_database_knows_is_not_swept(service, tmp_path):
    upload_id = keepers.keep(service)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    upgrade(other)
    stranger = keepers.keeper(other, service.kept.root)
    assert keeping.sweep(stranger) == []
    stranger.engine.dispose()
    assert pixels(service, upload_id)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write_bytes", "fsync"])
def test_a_full_disk_leaves_nothing(service, monkeypatch, number, call):
    keepers.keep(service, seed=1)
    target = {"write_bytes": (Path, "write_bytes"), "fsync": (os, "fsync")}[call]
    calls = []

    def full(*arguments):
        calls.append(arguments)
        if call == "write_bytes" and len(calls) < 2:
            return original(*arguments)
        raise OSError(number, os.strerror(number))

    original = getattr(*target)
    with monkeypatch.context() as patched:
        patched.setattr(*target, full)
        with pytest.raises(OSError, match=os.strerror(number)):
            keepers.keep(service)
    assert calls
    assert service.kept.pending() == []
    assert len(ids(service)) == len(service.kept.settled()) == 1
    assert keepers.keep(service) in ids(service)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_read_only_folder_keeps_nothing_and_says_so(service, monkeypatch, number):
    def refuse(*_arguments, **_named):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(KeepsNothing, match="Send it without"):
        keepers.keep(service)
    assert ids(service) == []


def test_a_commit_that_fails_leaves_nothing(service):
    def refuse(_connection):
        raise OperationalError("COMMIT", {}, Exception("disk is full"))

    keepers.keep(service, seed=1)
    event.listen(service.engine, "commit", refuse)
    try:
        with pytest.raises(OperationalError):
            keepers.keep(service)
    finally:
        event.remove(service.engine, "commit", refuse)
    assert service.kept.pending() == []
    assert len(ids(service)) == len(service.kept.settled()) == 1


def test_a_service_starts_with_all_that_it_acknowledged(served_data, database_url, tmp_path, repository):
    register_all(served_data, database_url)
    survey = SurveyFolder(served_data / "surveys" / "tiny")
    where = {"database_url": database_url, "uploads_dir": tmp_path / "uploads"}
    path, answers = "/api/v1/neighbours/upload?keep=true", {}
    with client_of(served_data, **where) as client:
        for row in range(3):
            data = write_fits(survey.read([survey.ids[row]])[0])
            body = client.post(path, content=data, headers={"content-type": "image/fits"}).json()
            answers[body["query"]["upload_id"]] = body
    made = keepers.keeper(database_url, tmp_path / "uploads")
    killed(made, repository, "the files are written")
    assert len(made.kept.pending()) == 1
    with client_of(served_data, **where) as client:
        assert made.kept.pending() == []
        assert {one["upload_id"] for one in client.get("/api/v1/uploads").json()["uploads"]} == set(answers)
        for upload_id, body in answers.items():
            assert client.get(f"/api/v1/uploads/{upload_id}/neighbours").json() == body
    made.engine.dispose()


def test_a_full_disk_is_a_507_that_stores_nothing(served_data, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'records.db'}"
    register_all(served_data, url)
    survey = SurveyFolder(served_data / "surveys" / "tiny")
    data = write_fits(survey.read([survey.ids[3]])[0])

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    with client_of(served_data, database_url=url, uploads_dir=tmp_path / "uploads") as client:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "write_bytes", full)
            refused = client.post(
                "/api/v1/neighbours/upload?keep=true", content=data, headers={"content-type": "image/fits"}
            )
        assert (refused.status_code, refused.json()["code"]) == (507, "storage.full")
        assert str(tmp_path) not in refused.text
        assert client.get("/api/v1/uploads").json()["n_total"] == 0
        assert client.app.state.resources.kept.pending() == []
