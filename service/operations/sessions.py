"""Interest sessions as their owner sees them: begun, told, listed, changed, deleted."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from service.operations.labelling import Said, give
from service.operations.refusals import ReleaseGone, SessionNotFound, SessionQuota
from service.operations.time_cursors import decode_cursor, encode_cursor
from service.records.audit import record
from service.records.labels import SCORE
from service.records.sessions import (
    SessionRow,
    Tally,
    add_session,
    change_session,
    count_sessions,
    find_session,
    list_sessions,
    remove_session,
    tallies,
)
from service.records.uploads import take_turn
from service.selection_json import parse_filters

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.resources import Resources
    from service.schemas.sessions import SessionChangeRequest, SessionRequest
    from service.served import Served
    from service.settings import Settings

__all__ = [
    "begin",
    "change",
    "check_room",
    "find",
    "forget",
    "href_of",
    "listed",
    "release_of",
    "row_of_body",
    "told",
]

_LIKED: Final = 5.0
_DISLIKED: Final = 0.0


def href_of(session_id: str) -> str:
    """Return a session's address."""
    return f"/api/v1/sessions/{session_id}"


def row_of_body(served: Served, owner: str, body: SessionRequest) -> SessionRow:
    """Return the row of a session to be begun.

    Raises
    ------
    InvalidFilter, BadSelection
        If its filters cannot be applied to the release.
    """
    selection = parse_filters(body.filters)
    # What the release cannot apply is said now, and not when the next batch is asked for.
    selection.mask(served.release)
    return SessionRow(
        id=secrets.token_hex(16),
        owner=owner,
        name=body.name,
        survey=served.survey,
        release_id=served.release.id,
        model_id=served.model.card.id,
        learner=body.learner,
        threshold=body.threshold,
        filters=selection.to_json(),
        seed=body.seed,
        revision=0,
        created_at=datetime.now(UTC),
        closed_at=None,
    )


def begin(
    session: Session,
    settings: Settings,
    served: Served,
    row: SessionRow,
    *,
    positives: Sequence[str],
    negatives: Sequence[str],
) -> None:
    """Write a session with its first examples; flushes, the caller commits.

    Raises
    ------
    SessionQuota, LabelQuota
        If the owner would have too many.
    ObjectNotFound
        If the survey has not one of the examples.
    """
    take_turn(session, row.owner)
    check_room(session, settings, row.owner)
    add_session(session, row)
    said = [
        Said(object_id, SCORE, value)
        for ids, value in ((positives, _LIKED), (negatives, _DISLIKED))
        for object_id in ids
    ]
    if said:
        give(session, settings, served, row.owner, said, of=row, origin="start")
    record(session, owner=row.owner, action="session.begin", subject=row.id, detail={"survey": row.survey})


def check_room(session: Session, settings: Settings, owner: str) -> None:
    """Ask whether an owner may have one more session.

    Raises
    ------
    SessionQuota
        If not.
    """
    n = count_sessions(session, owner)
    if n >= settings.sessions_per_owner:
        raise SessionQuota(
            f"You have {n} sessions; the limit is {settings.sessions_per_owner}. Export and delete some "
            "(DELETE /api/v1/sessions/ID).",
            limit=settings.sessions_per_owner,
            got=n,
        )


def find(session: Session, owner: str, session_id: str) -> SessionRow:
    """Return an owner's session.

    Raises
    ------
    SessionNotFound
        If there is none, or it is another owner's: nobody is told which.
    """
    row = find_session(session, owner, session_id)
    if row is None:
        raise SessionNotFound(f"You have no session {session_id!r}. GET /api/v1/sessions lists yours.")
    return row


def change(session: Session, owner: str, session_id: str, body: SessionChangeRequest) -> SessionRow:
    """Change what a body names, and return the row; flushes, the caller commits.

    Raises
    ------
    SessionNotFound
        If the owner has no such session.
    """
    take_turn(session, owner)
    row = find(session, owner, session_id)
    values: dict[str, Any] = {
        name: value for name in ("name", "learner", "threshold") if (value := getattr(body, name)) is not None
    }
    if body.closed is not None and body.closed != (row.closed_at is not None):
        values["closed_at"] = datetime.now(UTC) if body.closed else None
    if values:
        change_session(session, owner, session_id, **values)
    return find(session, owner, session_id)


def forget(session: Session, owner: str, session_id: str) -> None:
    """Delete a session with all its labels; flushes, the caller commits.

    Raises
    ------
    SessionNotFound
        If the owner has no such session.
    """
    take_turn(session, owner)
    row = find(session, owner, session_id)
    remove_session(session, owner, session_id)
    detail = {"survey": row.survey, "revision": row.revision}
    record(session, owner=owner, action="session.delete", subject=session_id, detail=detail)


def release_of(resources: Resources, row: SessionRow) -> Served:
    """Return the release that a session goes on with: its own while that is served, else its model's of today.

    Raises
    ------
    ReleaseGone
        If there is none.
    """
    served = _release_now(resources, row)
    if served is None:
        raise ReleaseGone(
            f"Session {row.id} is of release {row.release_id}, and neither that nor another of survey {row.survey} by model "
            f"{row.model_id} is served. Its labels can be exported: {href_of(row.id)}/export",
            release=row.release_id,
        )
    return served


def told(resources: Resources, row: SessionRow, tally: Tally) -> dict[str, Any]:
    """Return what is said of a session."""
    now, href = _release_now(resources, row), href_of(row.id)
    return {
        "session_id": row.id,
        "name": row.name,
        "survey": row.survey,
        "release": row.release_id,
        "release_now": None if now is None else now.release.id,
        "release_changed": now is not None and now.release.id != row.release_id,
        "model": row.model_id,
        "learner": row.learner,
        "threshold": row.threshold,
        "filters": row.filters,
        "seed": row.seed,
        "revision": row.revision,
        "n_labels": tally.n_labels,
        "n_interesting": tally.n_interesting,
        "n_artefacts": tally.n_artefacts,
        "created_at": row.created_at.isoformat(timespec="microseconds"),
        "closed_at": row.closed_at and row.closed_at.isoformat(timespec="microseconds"),
        "links": {
            "self": href,
            **{name: f"{href}/{name}" for name in ("labels", "next", "ranking", "forecast", "export")},
        },
    }


def listed(
    session: Session, resources: Resources, owner: str, *, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Return one page of an owner's sessions, newest first, with the cursor of the next.

    Raises
    ------
    CursorInvalid
        If the cursor is none of ours.
    """
    rows = list_sessions(
        session, owner, limit=limit + 1, before=None if cursor is None else decode_cursor(cursor)
    )
    page = rows[:limit]
    counted = tallies(session, owner, [row.id for row in page])
    return {
        "owner": owner,
        "n_total": count_sessions(session, owner),
        "most": resources.settings.sessions_per_owner,
        "next_cursor": encode_cursor(page[-1].created_at, page[-1].id) if len(rows) > limit else None,
        "sessions": [told(resources, row, counted[row.id]) for row in page],
    }


def _release_now(resources: Resources, row: SessionRow) -> Served | None:
    served = resources.releases.get(row.release_id)
    if served is not None:
        return served
    return next(
        (
            one
            for one in resources.releases.values()
            if one.survey == row.survey and one.model.card.id == row.model_id
        ),
        None,
    )
