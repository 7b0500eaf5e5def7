"""Uploads that are kept: stored before they are acknowledged, found again, deleted."""

from __future__ import annotations

import errno
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from index.catalogue.session import writing
from service.operations.refusals import KeepsNothing, QuotaReached, UploadLost, UploadNotFound
from service.records.audit import record
from service.records.uploads import (
    UploadRow,
    add_upload,
    find_alike,
    find_upload,
    known_uploads,
    remove_upload,
    take_turn,
    usage,
)
from service.stored_pixels import decode
from survey.manifests import CorruptFolder

if TYPE_CHECKING:
    from service.resources import Resources
    from service.stored_pixels import Sent, Stored
    from survey.ingest import Understood

__all__ = ["find", "forget", "keep", "pixels", "stored_files", "sweep"]

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
    OSError
        If the disk is full; nothing is left then.
    """
    digest = sent.digest(stored)
    with resources.sessions() as session:
        older = _whole(resources, find_alike(session, owner, digest))
        if older is not None:
            return older
        _check_quota(resources, session, owner, sum(len(data) for data in stored.files.values()))
    now, upload_id, folder = datetime.now(UTC), secrets.token_hex(16), resources.kept
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
        except SQLAlchemyError:
            _settle_if_known(resources, upload_id)
            raise
        except BaseException:
            folder.discard(upload_id)
            raise
        if kept == upload_id:
            folder.settle(upload_id)
        else:
            folder.discard(upload_id)
    return kept


def find(session: Session, owner: str, upload_id: str) -> UploadRow:
    """Return an owner's upload.

    Raises
    ------
    UploadNotFound
        If there is none, or it is another owner's: nobody is told which.
    """
    row = find_upload(session, owner, upload_id)
    if row is None:
        raise UploadNotFound(f"You have kept no upload {upload_id!r}. GET /api/v1/uploads lists yours.")
    return row


def stored_files(resources: Resources, row: UploadRow) -> dict[str, bytes]:
    """Return the files of an upload.

    Raises
    ------
    UploadLost
        If they are missing or damaged.
    UploadNotFound
        If it was deleted meanwhile.
    """
    try:
        return resources.kept.read(row.id)[1]
    except CorruptFolder as error:
        raise _lost(resources, row) from error


def pixels(resources: Resources, row: UploadRow) -> Understood:
    """Return the cutout of an upload with the report of how it was read.

    Raises
    ------
    UploadLost
        If its files are missing or damaged.
    UploadNotFound
        If it was deleted meanwhile.
    """
    files = stored_files(resources, row)
    try:
        return decode(row.about, files)
    except CorruptFolder as error:
        raise _lost(resources, row) from error


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
        except SQLAlchemyError:
            _settle_if_known(resources, upload_id)
            raise
        folder.discard(upload_id)


def sweep(resources: Resources, *, wait: bool = False) -> list[str]:
    """Finish what a crash left halfway; returns the ids whose files were removed."""

    def known(ids: list[str]) -> set[str]:
        with resources.sessions() as session:
            return known_uploads(session, ids)

    try:
        removed = resources.kept.sweep(known, wait=wait)
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
        _check_quota(resources, session, row.owner, row.n_bytes)
        add_upload(session, row)
        detail = {"n_bytes": row.n_bytes, "sha256": [file["sha256"] for file in row.about["sent"]]}
        record(session, owner=row.owner, action="upload.keep", subject=row.id, detail=detail)
    return row.id


def _whole(resources: Resources, row: UploadRow | None) -> str | None:
    """Return a row's id if its files are there."""
    try:
        return None if row is None else resources.kept.read(row.id) and row.id
    except CorruptFolder:
        return None


def _check_quota(resources: Resources, session: Session, owner: str, n_bytes: int) -> None:
    settings, kept = resources.settings, usage(session, owner)
    if kept.n >= settings.kept_per_owner:
        raise QuotaReached(
            f"You keep {kept.n} uploads; the limit is {settings.kept_per_owner}. Delete some (DELETE /api/v1/uploads/ID).",
            limit=settings.kept_per_owner,
            got=kept.n,
        )
    if kept.n_bytes + n_bytes > settings.kept_bytes_per_owner:
        raise QuotaReached(
            f"Your uploads take {kept.n_bytes} bytes and this one {n_bytes}; the limit is "
            f"{settings.kept_bytes_per_owner}. Delete some (DELETE /api/v1/uploads/ID).",
            limit=settings.kept_bytes_per_owner,
            got=kept.n_bytes + n_bytes,
        )


def _settle_if_known(resources: Resources, upload_id: str) -> None:
    """Let the database say what became of a commit that failed; if it cannot, the next start will ask it again."""
    try:
        with resources.sessions() as session:
            is_known = bool(known_uploads(session, [upload_id]))
    except SQLAlchemyError:
        return
    if is_known:
        resources.kept.settle(upload_id)
    else:
        resources.kept.discard(upload_id)


def _lost(resources: Resources, row: UploadRow) -> UploadLost:
    with resources.sessions() as session:
        find(session, row.owner, row.id)
    logger.error("kept upload is lost", extra={"upload": row.id})
    return UploadLost(
        f"The stored pixels of upload {row.id} are missing or damaged. Delete it and send the file again."
    )


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _READ_ONLY:
            raise KeepsNothing(
                "This service has no place to keep uploads in: its folder is read-only. Send it without `keep`."
            ) from error
        raise
