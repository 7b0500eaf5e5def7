"""Which interest sessions there are, and whose they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, select, update
from sqlalchemy.orm import Session

from index.catalogue.session import utc
from service.records.labels import ARTEFACT
from service.records.paging import newest_first
from service.records.tables import labels, sessions

__all__ = [
    "SessionRow",
    "Tally",
    "add_session",
    "all_sessions",
    "change_session",
    "count_sessions",
    "find_session",
    "list_sessions",
    "remove_session",
    "tallies",
]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in which one person looks for what they find interesting.

    Attributes
    ----------
    id
        Opaque, 128 random bits as hex.
    release_id, model_id
        Of the release that it began with; a later one of the same survey and model goes on with it.
    learner
        Name of what learns from its labels.
    threshold
        Score from which on an object counts as interesting, over 0 to 5.
    filters
        What may be proposed, as searches have it.
    seed
        Of all that is drawn at random for it.
    revision
        Counts the changes of its labels: what was learnt at one revision holds while it stands.
    closed_at
        From when on it takes no labels; None while it is open.
    """

    id: str
    owner: str
    name: str
    survey: str
    release_id: str
    model_id: str
    learner: str
    threshold: float
    filters: dict[str, Any]
    seed: int
    revision: int
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many labels of a session hold: in all, of an interesting score, artefacts."""

    n_labels: int = 0
    n_interesting: int = 0
    n_artefacts: int = 0


def add_session(session: Session, row: SessionRow) -> None:
    """Write a row; flushes, the caller commits."""
    session.execute(insert(sessions).values({field.name: getattr(row, field.name) for field in fields(row)}))


def find_session(session: Session, owner: str, session_id: str) -> SessionRow | None:
    """Return an owner's session; another owner's is as absent as one that never was."""
    query = select(sessions).where(sessions.c.owner == owner, sessions.c.id == session_id)
    row = session.execute(query).mappings().one_or_none()
    return None if row is None else _session(row)


def list_sessions(
    session: Session, owner: str, *, limit: int, before: tuple[datetime, str] | None = None
) -> list[SessionRow]:
    """Return an owner's sessions, newest first.

    Parameters
    ----------
    before
        Time and id of the last one of the page before.
    """
    query = select(sessions).where(sessions.c.owner == owner)
    query = newest_first(query, sessions.c.created_at, sessions.c.id, limit=limit, before=before)
    return [_session(row) for row in session.execute(query).mappings()]


def all_sessions(session: Session) -> list[SessionRow]:
    """Return everybody's sessions, oldest first; for whoever runs the service."""
    query = select(sessions).order_by(sessions.c.created_at, sessions.c.id)
    return [_session(row) for row in session.execute(query).mappings()]


def count_sessions(session: Session, owner: str) -> int:
    """Return how many sessions an owner has."""
    query = select(func.count()).where(sessions.c.owner == owner)
    return int(session.execute(query).scalar_one())


def tallies(session: Session, owner: str, ids: Collection[str]) -> dict[str, Tally]:
    """Return how many labels some sessions of an owner have, by id."""
    liked = func.count().filter(labels.c.value >= sessions.c.threshold)
    query = (
        select(sessions.c.id, func.count(), liked, func.count().filter(labels.c.kind == ARTEFACT))
        .join(labels, labels.c.session_id == sessions.c.id)
        .where(sessions.c.owner == owner, sessions.c.id.in_(list(ids)), labels.c.ended_at.is_(None))
        .group_by(sessions.c.id)
    )
    return dict.fromkeys(ids, Tally()) | {row[0]: Tally(*row[1:]) for row in session.execute(query)}


def change_session(session: Session, owner: str, session_id: str, **values: object) -> bool:
    """Change columns of a session, and say whether there is such a session; flushes, the caller commits."""
    change = update(sessions).where(sessions.c.owner == owner, sessions.c.id == session_id).values(**values)
    return session.execute(change.returning(sessions.c.id)).first() is not None


def remove_session(session: Session, owner: str, session_id: str) -> bool:
    """Remove a session with its labels, and say whether there was one; flushes, the caller commits."""
    gone = delete(sessions).where(sessions.c.owner == owner, sessions.c.id == session_id)
    return session.execute(gone.returning(sessions.c.id)).first() is not None


def _session(row: RowMapping) -> SessionRow:
    moments = {name: row[name] and utc(row[name]) for name in ("created_at", "closed_at")}
    return SessionRow(**{**row, **moments})
