"""Labels as their owner sees them: told, listed, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson
import pyarrow as pa

from service.formats.fields import field
from service.operations.cursors import UNCHANGED, read_values, urlsafe_text
from service.operations.refusals import CursorInvalid, LabelNotFound
from service.records.labels import LabelRow, Which, count_labels, find_label, list_labels

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["LABEL_SCHEMA", "find", "listed", "tables", "told"]

#: The columns of labels in files.
LABEL_SCHEMA: Final = pa.schema(
    [
        field("object_id", pa.string(), ucd="meta.id;meta.main", description="the object"),
        field("kind", pa.string(), ucd="meta.code", description="score, or artefact"),
        field("value", pa.float64(), description="how interesting, 0 to 5; null for an artefact"),
        field("note", pa.string(), ucd="meta.note", description="for people"),
        field("survey", pa.string(), ucd="meta.dataset", description="whose object it is"),
        field("session_id", pa.string(), ucd="meta.id", description="null outside sessions"),
        field("label_id", pa.string(), ucd="meta.id", description="of the label"),
        field("origin", pa.string(), ucd="meta.code", description="client, start or import"),
        field("at", pa.string(), ucd="time.creation", description="when it was made, UTC"),
        field("release", pa.string(), ucd="meta.version", description="index release that its maker saw"),
        field("model", pa.string(), ucd="meta.id", description="of that release"),
        field("revision", pa.int64(), ucd="meta.number", description="of the session once it was made"),
        field("client_key", pa.string(), ucd="meta.id", description="given by its sender"),
        field(
            "ended_at", pa.string(), ucd="time.end", description="when it ceased to hold; null while it holds"
        ),
        field("ended_by", pa.string(), ucd="meta.id", description="label that took its place"),
    ]
)
_BLOCK: Final = 10_000
_MOST_NUMBER: Final = 1 << 62


def told(row: LabelRow) -> dict[str, Any]:
    """Return what is said of a label."""
    return {
        "label_id": row.id,
        "session_id": row.session_id,
        "survey": row.survey,
        "object_id": row.object_id,
        "kind": row.kind,
        "value": row.value,
        "note": row.note,
        "origin": row.origin,
        "at": row.at.isoformat(timespec="microseconds"),
        "release": row.release_id,
        "model": row.model_id,
        "revision": row.revision,
        "client_key": row.client_key,
        "ended_at": row.ended_at and row.ended_at.isoformat(timespec="microseconds"),
        "ended_by": row.ended_by,
    }


def find(session: Session, owner: str, label_id: str) -> LabelRow:
    """Return an owner's label.

    Raises
    ------
    LabelNotFound
        If there is none, or it is another owner's: nobody is told which.
    """
    row = find_label(session, owner, label_id)
    if row is None:
        raise LabelNotFound(f"You have no label {label_id!r}. GET /api/v1/labels lists yours.")
    return row


def listed(session: Session, owner: str, which: Which, *, limit: int, cursor: str | None) -> dict[str, Any]:
    """Return one page of an owner's labels, in the order in which they were made, with the cursor of the next.

    Raises
    ------
    CursorInvalid
        If the cursor is none of ours.
    """
    after = 0 if cursor is None else _decoded(cursor)
    rows = list_labels(session, owner, which, limit=limit + 1, after=after)
    page = rows[:limit]
    return {
        "owner": owner,
        "n_total": count_labels(session, owner, which),
        "next_cursor": urlsafe_text(orjson.dumps([page[-1].number])) if len(rows) > limit else None,
        "labels": [told(row) for row in page],
    }


def tables(session: Session, owner: str, which: Which) -> Iterator[pa.Table]:
    """Give all labels that are asked for, block by block, at least one."""
    after, rows = 0, list_labels(session, owner, which, limit=_BLOCK)
    while True:
        yield table_of(rows)
        if len(rows) < _BLOCK:
            return
        after = rows[-1].number
        rows = list_labels(session, owner, which, limit=_BLOCK, after=after)


def table_of(rows: Sequence[LabelRow]) -> pa.Table:
    """Return labels as a table of :data:`LABEL_SCHEMA`."""
    said = [told(row) for row in rows]
    columns = [pa.array([one[column.name] for one in said], column.type) for column in LABEL_SCHEMA]
    return pa.table(columns, schema=LABEL_SCHEMA)


def _decoded(cursor: str) -> int:
    (number,) = read_values(cursor, int)
    if not 0 < number < _MOST_NUMBER:
        raise CursorInvalid(UNCHANGED)
    return int(number)
