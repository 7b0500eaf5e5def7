"""Which uploads are kept, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, select, text
from sqlalchemy.orm import Session

from index.catalogue.session import utc
from service.records.paging import newest_first
from service.records.tables import audit, uploads

__all__ = [
    "Fates",
    "UploadRow",
    "Usage",
    "add_upload",
    "all_uploads",
    "fates_of",
    "find_alike",
    "find_upload",
    "known_uploads",
    "list_uploads",
    "remove_upload",
    "take_turn",
    "usage",
]


@dataclass(frozen=True, slots=True)
class UploadRow:
    """A kept upload.

    Attributes
    ----------
    id
        Opaque, 128 random bits as hex.
    digest
        What makes two uploads of one owner the same: the bytes sent, what was said about them, the pixels stored.
    n_bytes
        On disk.
    release_id
        Which release answered it first.
    about
        What was sent and what was understood, as JSON values.
    """

    id: str
    owner: str
    created_at: datetime
    digest: str
    n_bytes: int
    release_id: str
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """How much an owner keeps: uploads, and their bytes on disk."""

    n: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of uploads, as far as this database knows: ids with a row, and ids whose row it removed.

    An id in neither never came here: another database's, or one that a crash stopped before its row was committed.
    """

    kept: set[str]
    deleted: set[str]


def take_turn(session: Session, owner: str) -> None:
    """Wait until nobody else changes this owner's uploads; lasts until the session commits.

    On SQLite a session that writes has its turn already.
    """
    if session.get_bind().dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:owner, 7253015))")
        session.execute(lock, {"owner": owner})


def add_upload(session: Session, row: UploadRow) -> None:
    """Write a row; flushes, the caller commits.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If the owner keeps the same already.
    """
    values = {name: getattr(row, name) for name in UploadRow.__slots__}
    session.execute(insert(uploads).values(**values))


def find_upload(session: Session, owner: str, upload_id: str) -> UploadRow | None:
    """Return an owner's upload; another owner's is as absent as one that never was."""
    return _one(session, uploads.c.owner == owner, uploads.c.id == upload_id)


def find_alike(session: Session, owner: str, digest: str) -> UploadRow | None:
    """Return the upload of an owner that is the same as a new one."""
    return _one(session, uploads.c.owner == owner, uploads.c.digest == digest)


def list_uploads(
    session: Session, owner: str, *, limit: int, before: tuple[datetime, str] | None = None
) -> list[UploadRow]:
    """Return an owner's uploads, newest first.

    Parameters
    ----------
    before
        Time and id of the last one of the page before.
    """
    query = select(uploads).where(uploads.c.owner == owner)
    query = newest_first(query, uploads.c.created_at, uploads.c.id, limit=limit, before=before)
    return [_upload(row) for row in session.execute(query).mappings()]


def all_uploads(session: Session) -> list[UploadRow]:
    """Return everybody's uploads, oldest first; for checks."""
    query = select(uploads).order_by(uploads.c.created_at, uploads.c.id)
    return [_upload(row) for row in session.execute(query).mappings()]


def known_uploads(session: Session, ids: Iterable[str]) -> set[str]:
    """Return which of some ids have a row."""
    query = select(uploads.c.id).where(uploads.c.id.in_(list(ids)))
    return set(session.execute(query).scalars())


def fates_of(session: Session, ids: Iterable[str]) -> Fates:
    """Return what became of some ids: their rows, and the audit trail's word that a row was removed."""
    asked = list(ids)
    gone = select(audit.c.subject).where(
        audit.c.subject.in_(asked), audit.c.action.in_(("upload.delete", "upload.replace"))
    )
    return Fates(known_uploads(session, asked), set(session.execute(gone).scalars()))


def remove_upload(session: Session, owner: str, upload_id: str) -> bool:
    """Remove a row, and say whether there was one; flushes, the caller commits."""
    gone = delete(uploads).where(uploads.c.owner == owner, uploads.c.id == upload_id)
    return session.execute(gone.returning(uploads.c.id)).first() is not None


def usage(session: Session, owner: str) -> Usage:
    """Return how much an owner keeps."""
    sums = select(func.count(), func.coalesce(func.sum(uploads.c.n_bytes), 0))
    n, n_bytes = session.execute(sums.where(uploads.c.owner == owner)).one()
    return Usage(int(n), int(n_bytes))


def _one(session: Session, *conditions: Any) -> UploadRow | None:
    row = session.execute(select(uploads).where(*conditions)).mappings().one_or_none()
    return None if row is None else _upload(row)


def _upload(row: RowMapping) -> UploadRow:
    return UploadRow(**{**row, "created_at": utc(row["created_at"])})
