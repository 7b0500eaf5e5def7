"""Where it is not certain what became of an upload, nothing that was acknowledged is given up."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from support import keepers
from support.keepers import killed
from support.owners import KEPT, assert_problem, fits_of, kept, key_of, send
from support.serving import client_of, register_all

from index.catalogue.migrate import upgrade
from service.kept_folder import KeptFolder
from service.operations import keeping, kept_files
from service.operations.refusals import StorageUnavailable
from service.records.uploads import list_uploads
from skylike.check_uploads import check_uploads, sweep_uploads
from survey.archive import SurveyFolder


@pytest.fixture
def store(database_url, tmp_path):
    upgrade(database_url)
    made = keepers.keeper(database_url, tmp_path / "uploads")
    yield made
    made.engine.dispose()


def rows(store):
    with store.sessions() as session:
        return list_uploads(session, keepers.OWNER, limit=100)


@contextmanager
def stranger(store, tmp_path):
    """The same folder, with another database."""
    url = f"sqlite:///{tmp_path / 'other.db'}"
    upgrade(url)
    made = keepers.keeper(url, store.kept.root)
    yield made
    made.engine.dispose()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_what_cannot_be_read_just_now_is_not_lost(store, monkeypatch, number):
    upload_id = keepers.keep(store)

    def refuse(_path):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        with pytest.raises(StorageUnavailable):
            kept_files.pixels(store, rows(store)[0])
        with pytest.raises(StorageUnavailable):
            keepers.keep(store)
        url = store.engine.url.render_as_string(hide_password=False)
        (found,) = check_uploads(url, store.kept.root)
        assert (found.state, "cannot be read" in found.found) == ("complaint", True)
    assert [row.id for row in rows(store)] == [upload_id]
    assert store.kept.pending() == []
    assert keepers.keep(store) == upload_id


def test_a_disk_that_fails_while_it_is_written_is_a_503_that_keeps_nothing(store, monkeypatch):
    def refuse(*_arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(StorageUnavailable):
            keepers.keep(store)
    assert rows(store) == []


def test_a_crash_while_deleting_loses_nothing_to_the_sweep_of_another_database(store, tmp_path, repository):
    upload_id = keepers.keep(store)
    killed(store, repository, "the row is about to be deleted", upload_id)
    assert store.kept.pending() == [upload_id]
    with stranger(store, tmp_path) as other:
        assert keeping.sweep(other) == []
        url = other.engine.url.render_as_string()
        assert sweep_uploads(url, store.kept.root, dry_run=True) == []
        assert sweep_uploads(url, store.kept.root) == []
    assert kept_files.pixels(store, rows(store)[0])
    assert keeping.sweep(store) == []
    assert (store.kept.settled(), store.kept.pending()) == ([upload_id], [])


def test_what_its_own_database_deleted_goes_with_the_next_sweep(store, repository):
    upload_id = keepers.keep(store)
    killed(store, repository, "the row is deleted", upload_id)
    assert store.kept.pending() == [upload_id]
    assert keeping.sweep(store) == [upload_id]
    assert store.kept.pending() == []


def test_what_a_crash_left_committed_is_in_place_before_anybody_is_told(store, tmp_path, repository):
    killed(store, repository, "the row is committed")
    (row,) = rows(store)
    assert store.kept.pending() == [row.id]
    assert keepers.keep(store) == row.id
    assert (store.kept.settled(), store.kept.pending()) == ([row.id], [])
    with stranger(store, tmp_path) as other:
        assert keeping.sweep(other) == []
    assert kept_files.pixels(store, row)


@contextmanager
def broken_commits(engine):
    """Let every commit find its connection gone, as when the server is restarted."""

    def end(connection):
        number = connection.connection.dbapi_connection.info.backend_pid
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            other.execute(text("SELECT pg_terminate_backend(:number, 5000)"), {"number": number})

    event.listen(engine, "commit", end)
    try:
        yield
    finally:
        event.remove(engine, "commit", end)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_commit_that_breaks_with_its_connection_is_judged_by_the_next_sweep(store):
    # That no row is seen at once says nothing: the server may be about to finish the commit.
    with broken_commits(store.engine), pytest.raises(OperationalError):
        keepers.keep(store)
    (left,) = store.kept.pending()
    assert kept_left(store, left)
    assert keeping.sweep(store) == [left]
    upload_id = keepers.keep(store)
    with broken_commits(store.engine), pytest.raises(OperationalError):
        keeping.forget(store, owner=keepers.OWNER, upload_id=upload_id)
    assert store.kept.pending() == [upload_id]
    assert kept_files.pixels(store, rows(store)[0])
    assert keeping.sweep(store) == []
    assert store.kept.settled() == [upload_id]


def kept_left(store, upload_id):
    return (store.kept.root / ".arriving" / upload_id / "cutout.fits").is_file()


def test_every_folder_that_is_made_is_durable_in_the_one_above(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr("survey.manifests.fsync", flushed.append)
    root = tmp_path / "a" / "b" / "uploads"
    with KeptFolder(root).changing():
        pass
    assert {tmp_path, tmp_path / "a", tmp_path / "a" / "b", root} <= set(flushed)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_became_read_only_is_a_503(served_data, database_url, tmp_path):
    register_all(served_data, database_url)
    tiny = SurveyFolder(served_data / "surveys" / "tiny")
    where = {"database_url": database_url, "uploads_dir": tmp_path / "uploads", "host": "0.0.0.0"}
    with client_of(served_data, **where) as client:
        _, ada = key_of(client, "ada")
        upload_id = kept(client, fits_of(tiny, 3), **ada)
        engine = client.app.state.resources.engine
        name = engine.url.database
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        engine.dispose()
        assert_problem(send(client, fits_of(tiny, 4), **ada), 503, "database.unavailable")
        assert_problem(client.delete(f"{KEPT}/{upload_id}", headers=ada), 503, "database.unavailable")
        assert client.get(f"{KEPT}/{upload_id}", headers=ada).status_code == 200
        kept_folder = client.app.state.resources.kept
        assert (kept_folder.settled(), kept_folder.pending()) == ([upload_id], [])
