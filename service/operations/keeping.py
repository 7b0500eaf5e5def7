"""Uploads that are kept: stored before they are acknowledged, deleted when asked."""

from __future__ import annotations

import errno
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from index.catalogue.session import writing
from service.kept_folder import DISK_FULL
from service.operations.kept_files import find, readable
from service.operations.quotas import check_quota
from service.operations.refusals import KeepsNothing, Refusal, StorageUnavailable
from service.records.audit import record
from service.records.uploads import (
    Fates,
    UploadRow,
    add_upload,
    fates_of,
    find_alike,
    known_uploads,
    remove_upload,
    take_turn,
)
from survey.manifests import CorruptFolder

if TYPE_CHECKING:
    from service.resources import Resources
    from service.stored_pixels import Sent, Stored

__all__ = ["forget", "keep", "sweep"]

logger = logging.getLogger(__name__)

_READ_ONLY: Final = (errno.EROFS, errno.EACCES, errno.EPERM)


def keep(resources: Resources, *, owner: str, sent: Sent, stored: Stored, release_id: str) -> str:
    """Store an upload durably and return its id: an older one's, if the owner keeps the same already.

    The folder is flushed to the disk before the row is committed, so that a crash leaves at worst a folder
    without a row, which the next start removes.

    Raises
    ------
    QuotaReached
        If the owner keeps as much as one may.
    KeepsNothing
        If the folder is read-only.
    StorageUnavailable
        If the disk does not answer.
    OSError
        If the disk is full; nothing is left then.
    """
    digest = sent.digest(stored)
    with resources.sessions() as session:
        older = _whole(resources, find_alike(session, owner, digest))
        if older is None:
            check_quota(resources.settings, session, owner, sum(len(data) for data in stored.files.values()))
    folder = resources.kept
    if older is not None:
        if older in folder.pending():
            # Its row was committed, and nobody was told. Now somebody is.
            with _writable(), folder.changing():
                folder.settle(older)
        return older
    now, upload_id = datetime.now(UTC), secrets.token_hex(16)
    manifest = {
        "format": 1,
        "upload_id": upload_id,
        "owner": owner,
        "created_at": now.isoformat(),
        "release": release_id,
        "sent": sent.files,
        "overrides": sent.overrides,
        **stored.about,
    }
    with _writable(), folder.changing():
        n_bytes = folder.write(upload_id, stored.files, manifest)
        about = {"sent": sent.files, "overrides": sent.overrides, **stored.about}
        row = UploadRow(upload_id, owner, now, digest, n_bytes, release_id, about)
        try:
            kept = _register(resources, row)
        except SQLAlchemyError as error:
            is_kept = _is_kept(resources, upload_id, error)
            if is_kept:
                folder.settle(upload_id)
            elif is_kept is False:
                folder.discard(upload_id)
            raise
        except Refusal:
            folder.discard(upload_id)
            raise
        if kept == upload_id:
            folder.settle(upload_id)
        else:
            folder.discard(upload_id)
    return kept


def forget(resources: Resources, *, owner: str, upload_id: str) -> None:
    """Delete an upload: after the row is gone nobody finds it, after that its files go.

    Raises
    ------
    UploadNotFound
        If the owner keeps no such upload.
    KeepsNothing
        If the folder is read-only.
    """
    with resources.sessions() as session:
        find(session, owner, upload_id)
    folder = resources.kept
    with _writable(), folder.changing():
        folder.unsettle(upload_id)
        try:
            with writing(resources.engine)() as session, session.begin():
                if not remove_upload(session, owner, upload_id):
                    # Somebody else was faster.
                    find(session, owner, upload_id)
                record(session, owner=owner, action="upload.delete", subject=upload_id)
        except SQLAlchemyError as error:
            is_kept = _is_kept(resources, upload_id, error)
            if is_kept:
                folder.restore(upload_id)
            elif is_kept is False:
                folder.discard(upload_id)
            raise
        folder.discard(upload_id)


def sweep(resources: Resources, *, wait: bool = False) -> list[str]:
    """Finish what a crash left halfway; returns the ids whose files were removed."""

    def fates(ids: list[str]) -> Fates:
        with resources.sessions() as session:
            return fates_of(session, ids)

    try:
        removed = resources.kept.sweep(fates, wait=wait)
    except OSError as error:
        logger.warning("uploads not swept", extra={"reason": error.strerror})
        return []
    if removed:
        logger.info("uploads swept", extra={"n": len(removed)})
    return removed


def _register(resources: Resources, row: UploadRow) -> str:
    """Commit the row of a written upload; returns the id of an older one that is the same."""
    with writing(resources.engine)() as session, session.begin():
        take_turn(session, row.owner)
        alike = find_alike(session, row.owner, row.digest)
        older = _whole(resources, alike)
        if older is not None:
            return older
        if alike is not None:
            # Its pixels are lost: an id whose pixels are there takes its place.
            remove_upload(session, row.owner, alike.id)
            record(session, owner=row.owner, action="upload.replace", subject=alike.id, detail={"by": row.id})
        check_quota(resources.settings, session, row.owner, row.n_bytes)
        add_upload(session, row)
        detail = {"n_bytes": row.n_bytes, "sha256": [file["sha256"] for file in row.about["sent"]]}
        record(session, owner=row.owner, action="upload.keep", subject=row.id, detail=detail)
    return row.id


def _whole(resources: Resources, row: UploadRow | None) -> str | None:
    """Return a row's id if its files are there."""
    if row is None:
        return None
    try:
        with readable(row):
            resources.kept.read(row.id)
    except CorruptFolder:
        return None
    return row.id


def _is_kept(resources: Resources, upload_id: str, error: SQLAlchemyError) -> bool | None:
    """Ask the database what became of a commit that failed; None if it cannot say, and the next sweep will ask.

    A commit whose connection broke may still be under way: that it is not seen yet says nothing.
    """
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return None
    try:
        with resources.sessions() as session:
            return bool(known_uploads(session, [upload_id]))
    except SQLAlchemyError:
        return None


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _READ_ONLY:
            raise KeepsNothing(
                "This service has no place to keep uploads in: its folder is read-only. Send it without `keep`."
            ) from error
        if error.errno in DISK_FULL:
            raise
        logger.warning("uploads not writable", extra={"reason": error.strerror})
        raise StorageUnavailable(
            "The folder of kept uploads cannot be written to at the moment. Try again later."
        ) from error
