"""What the database is asked about kept uploads holds when many ask at once and when times are equal."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError
from support import keepers

from index.catalogue.migrate import upgrade
from index.catalogue.session import writing
from service.operations import keeping
from service.operations.refusals import QuotaReached
from service.records.uploads import (
    UploadRow,
    Usage,
    add_upload,
    list_uploads,
    remove_upload,
    usage,
)

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture
def service(database_url, tmp_path):
    upgrade(database_url)
    made = keepers.keeper(database_url, tmp_path / "uploads", kept_per_owner=2)
    yield made
    made.engine.dispose()


def row(n, owner="ada"):
    return UploadRow(f"{n:032x}", owner, NOW, f"digest{n}", 10**n, "tiny--x", {"n": n})


def test_many_at_once_keep_no_more_than_one_owner_may(service, monkeypatch):
    ready, write = threading.Barrier(4), service.kept.write

    def together(*arguments):
        # All have been told by now that there is room.
        ready.wait(30)
        return write(*arguments)

    monkeypatch.setattr(service.kept, "write", together)

    def keep(seed):
        try:
            return keepers.keep(service, seed)
        except QuotaReached:
            return None

    with ThreadPoolExecutor(4) as pool:
        kept = [one for one in pool.map(keep, range(4)) if one]
    assert len(kept) == 2
    assert sorted(service.kept.settled()) == sorted(kept)
    assert service.kept.pending() == []
    with service.sessions() as session:
        assert usage(session, keepers.OWNER).n == 2


def test_uploads_of_one_moment_are_each_listed_once(service):
    with writing(service.engine)() as session, session.begin():
        for n in (3, 1, 4, 2, 0):
            add_upload(session, row(n))
        add_upload(session, row(9, "eve"))
    found, before = [], None
    with service.sessions() as session:
        while page := list_uploads(session, "ada", limit=2, before=before):
            found += page
            before = page[-1].created_at, page[-1].id
    assert found == [row(n) for n in (4, 3, 2, 1, 0)]


def test_of_an_owners_uploads_only_the_one_named_goes(service):
    with writing(service.engine)() as session, session.begin():
        for n in range(3):
            add_upload(session, row(n))
        assert not remove_upload(session, "eve", row(1).id)
        assert remove_upload(session, "ada", row(1).id)
        assert usage(session, "ada") == Usage(2, 101)
        assert usage(session, "eve") == Usage(0, 0)


def test_the_same_digest_twice_is_refused_by_the_database_itself(service):
    first, second = (UploadRow(row(n).id, "ada", NOW, "same", 1, "tiny--x", {}) for n in (1, 2))
    with writing(service.engine)() as session:
        add_upload(session, first)
        with pytest.raises(IntegrityError):
            add_upload(session, second)


def test_what_is_kept_and_deleted_stands_in_the_audit_trail(service):
    from service.records.audit import list_audit

    upload_id = keepers.keep(service)
    keeping.forget(service, owner=keepers.OWNER, upload_id=upload_id)
    with service.sessions() as session:
        deleted, kept = list_audit(session)
    assert (deleted.action, kept.action) == ("upload.delete", "upload.keep")
    assert {deleted.subject, kept.subject} == {upload_id}
    assert len(kept.detail["sha256"][0]) == 64
