"""What people said of objects: never overwritten, only superseded or withdrawn."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, Select, func, insert, select, update
from sqlalchemy.orm import Session

from index.catalogue.session import utc
from service.records.tables import labels

__all__ = [
    "ARTEFACT",
    "MOST_SCORE",
    "SCORE",
    "LabelRow",
    "Which",
    "add_labels",
    "count_labels",
    "current_labels",
    "end_label",
    "find_label",
    "labels_by_key",
    "list_labels",
]

#: Kinds: how interesting an object is, or that it is none but a fault of the picture.
SCORE: Final = "score"
ARTEFACT: Final = "artefact"
#: The scores are 0 to this (Lochner & Bassett 2021, A&C 36, 100481, sect. 3.3).
MOST_SCORE: Final = 5.0

# SQLite takes 32,766 values in a statement, PostgreSQL 65,535.
_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What one person said of one object at one time.

    Attributes
    ----------
    id
        Opaque, 128 random bits as hex.
    session_id
        None for a label outside all sessions.
    kind, value
        :data:`SCORE` with 0 to 5, or :data:`ARTEFACT` with None.
    origin
        ``start`` for a session's first examples, ``import`` for what a table brought, else ``client``.
    release_id, model_id
        Of the release that its maker saw.
    revision
        Of the session once it was made; 0 outside sessions.
    client_key
        By which its sender knows it again when sent twice.
    ended_at, ended_by
        When it ceased to hold, and the id of the label that took its place: none where it was withdrawn.
    """

    id: str
    owner: str
    session_id: str | None
    survey: str
    object_id: str
    kind: str
    value: float | None
    note: str | None
    origin: str
    at: datetime
    release_id: str
    model_id: str
    revision: int
    client_key: str | None
    ended_at: datetime | None = None
    ended_by: str | None = None
    number: int = 0

    @property
    def holds(self) -> bool:
        """Whether it is neither superseded nor withdrawn."""
        return self.ended_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which labels of an owner are asked for; None leaves a thing open.

    Attributes
    ----------
    survey, session_id, object_id, kind
        As they are.
    value_min, value_max
        Bounds, ends included: artefacts have no value and are in no such range.
    since, until
        Times, the first included.
    history
        Whether those that hold no longer are wanted too.
    """

    survey: str | None = None
    session_id: str | None = None
    object_id: str | None = None
    kind: str | None = None
    value_min: float | None = None
    value_max: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    history: bool = False


def add_labels(session: Session, rows: Sequence[LabelRow]) -> None:
    """Write rows in their order; flushes, the caller commits.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If the owner used one of the keys before.
    """
    names = [field.name for field in fields(LabelRow) if field.name != "number"]
    if rows:
        session.execute(insert(labels), [{name: getattr(row, name) for name in names} for row in rows])


def find_label(session: Session, owner: str, label_id: str) -> LabelRow | None:
    """Return an owner's label; another owner's is as absent as one that never was."""
    query = select(labels).where(labels.c.owner == owner, labels.c.id == label_id)
    row = session.execute(query).mappings().one_or_none()
    return None if row is None else _label(row)


def labels_by_key(session: Session, owner: str, keys: Collection[str]) -> dict[str, LabelRow]:
    """Return an owner's labels that were sent with some keys, by key."""
    found: dict[str, LabelRow] = {}
    for part in _parts(sorted(keys)):
        query = select(labels).where(labels.c.owner == owner, labels.c.client_key.in_(part))
        found |= {row["client_key"]: _label(row) for row in session.execute(query).mappings()}
    return found


def current_labels(
    session: Session, owner: str, *, survey: str, session_id: str | None, ids: Collection[str]
) -> dict[str, LabelRow]:
    """Return the labels that hold of some objects, by object id: those of one session, or outside all."""
    found: dict[str, LabelRow] = {}
    for part in _parts(sorted(ids)):
        query = select(labels).where(
            labels.c.owner == owner,
            labels.c.survey == survey,
            labels.c.session_id.is_(None) if session_id is None else labels.c.session_id == session_id,
            labels.c.object_id.in_(part),
            labels.c.ended_at.is_(None),
        )
        found |= {row["object_id"]: _label(row) for row in session.execute(query).mappings()}
    return found


def end_label(session: Session, label_id: str, *, at: datetime, by: str | None) -> bool:
    """Let a label hold no longer, and say whether it did; flushes, the caller commits.

    Parameters
    ----------
    by
        Id of the label that takes its place; None withdraws it.
    """
    change = update(labels).where(labels.c.id == label_id, labels.c.ended_at.is_(None))
    ended = change.values(ended_at=at, ended_by=by).returning(labels.c.id)
    return session.execute(ended).first() is not None


def list_labels(
    session: Session, owner: str, which: Which, *, limit: int | None = None, after: int = 0
) -> list[LabelRow]:
    """Return an owner's labels in the order in which they were made.

    Parameters
    ----------
    after
        Number of the last one of the page before.
    """
    query = _asked(select(labels), owner, which).where(labels.c.number > after).order_by(labels.c.number)
    query = query if limit is None else query.limit(limit)
    return [_label(row) for row in session.execute(query).mappings()]


def count_labels(session: Session, owner: str, which: Which) -> int:
    """Return how many labels of an owner there are."""
    return int(session.execute(_asked(select(func.count(labels.c.number)), owner, which)).scalar_one())


def _asked(query: Select[Any], owner: str, which: Which) -> Select[Any]:
    asked = (
        (which.survey, labels.c.survey.__eq__),
        (which.session_id, labels.c.session_id.__eq__),
        (which.object_id, labels.c.object_id.__eq__),
        (which.kind, labels.c.kind.__eq__),
        (which.value_min, labels.c.value.__ge__),
        (which.value_max, labels.c.value.__le__),
        (which.since, labels.c.at.__ge__),
        (which.until, labels.c.at.__lt__),
    )
    conditions = [holds(value) for value, holds in asked if value is not None]
    if not which.history:
        conditions.append(labels.c.ended_at.is_(None))
    return query.where(labels.c.owner == owner, *conditions)


def _parts(items: list[str]) -> Iterable[list[str]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _label(row: RowMapping) -> LabelRow:
    return LabelRow(**{**row, "at": utc(row["at"]), "ended_at": row["ended_at"] and utc(row["ended_at"])})
