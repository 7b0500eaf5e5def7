"""Sessions as files: with all labels they ever had, so that another person or service can go on with them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from service.operations.known_objects import check_known
from service.operations.labels import told
from service.operations.refusals import LabelQuota, ObjectNotFound
from service.operations.sessions import check_room
from service.records.audit import record
from service.records.labels import LabelRow, Which, add_labels, count_labels, list_labels
from service.records.sessions import SessionRow, add_session
from service.records.uploads import take_turn
from service.schemas.session_files import EXPORT_VERSION

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.schemas.session_files import SessionExport
    from service.served import Served
    from service.settings import Settings

__all__ = ["Onto", "check_objects", "described", "exported", "imported"]

_LEFT_OUT: Final = ("client_key", "session_id", "survey")


@dataclass(frozen=True, slots=True)
class Onto:
    """The release that an imported session goes on with."""

    survey: str
    release_id: str
    model_id: str


def described(row: SessionRow) -> dict[str, Any]:
    """Return what a file says of a session."""
    return {
        "session_id": row.id,
        "owner": row.owner,
        "name": row.name,
        "survey": row.survey,
        "release": row.release_id,
        "model": row.model_id,
        "learner": row.learner,
        "threshold": row.threshold,
        "filters": row.filters,
        "seed": row.seed,
        "revision": row.revision,
        "created_at": row.created_at.isoformat(timespec="microseconds"),
        "closed_at": row.closed_at and row.closed_at.isoformat(timespec="microseconds"),
    }


def exported(session: Session, row: SessionRow) -> dict[str, Any]:
    """Return a session as :class:`service.schemas.session_files.SessionExport` reads it."""
    labels = list_labels(session, row.owner, Which(session_id=row.id, history=True))
    return {
        "format": "skylike-session",
        "version": EXPORT_VERSION,
        "exported_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "session": described(row),
        "labels": [
            {name: value for name, value in told(label).items() if name not in _LEFT_OUT} for label in labels
        ],
    }


def imported(session: Session, settings: Settings, onto: Onto, owner: str, body: SessionExport) -> SessionRow:
    """Write a session of an export as a new one of an owner; flushes, the caller commits.

    It has the labels, their times and releases as the export tells them, under new ids.

    Parameters
    ----------
    onto
        A release of its survey: the one it goes on with where it is by the session's model, else from which it begins anew.

    Raises
    ------
    SessionQuota, LabelQuota
        If the owner would have too many.
    """
    take_turn(session, owner)
    check_room(session, settings, owner)
    _check_labels(session, settings, owner, len(body.labels))
    told_of = body.session
    row = SessionRow(
        id=secrets.token_hex(16),
        owner=owner,
        name=told_of.name,
        survey=onto.survey,
        release_id=told_of.release if told_of.model == onto.model_id else onto.release_id,
        model_id=onto.model_id,
        learner=told_of.learner,
        threshold=told_of.threshold,
        filters=told_of.filters,
        seed=told_of.seed,
        revision=max([told_of.revision, *(one.revision for one in body.labels)]),
        created_at=told_of.created_at,
        closed_at=told_of.closed_at,
    )
    add_session(session, row)
    ids = {one.label_id: secrets.token_hex(16) for one in body.labels}
    labels = [
        LabelRow(
            id=ids[one.label_id],
            owner=owner,
            session_id=row.id,
            survey=onto.survey,
            object_id=one.object_id,
            kind=one.kind,
            value=one.value,
            note=one.note,
            origin=one.origin,
            at=one.at,
            release_id=one.release,
            model_id=one.model,
            revision=one.revision,
            client_key=None,
            ended_at=one.ended_at,
            ended_by=ids.get(one.ended_by or ""),
        )
        for one in body.labels
    ]
    add_labels(session, labels)
    detail = {"of": told_of.session_id, "by": told_of.owner, "n_labels": len(labels)}
    record(session, owner=owner, action="session.import", subject=row.id, detail=detail)
    return row


def _check_labels(session: Session, settings: Settings, owner: str, n: int) -> None:
    had = count_labels(session, owner, Which(history=True))
    for most, got, what in (
        (settings.labels_per_session, n, "one session"),
        (settings.labels_per_owner, had + n, "one owner"),
    ):
        if got > most:
            raise LabelQuota(
                f"With this session's {n} labels there would be {got}; the limit of {what} is {most}. "
                "Leave out the history, or delete sessions that are done.",
                limit=most,
                got=got,
            )


def check_objects(served: Served, body: SessionExport) -> None:
    """Refuse a session of another survey of this name; that a later version of it lacks some objects is told in answers.

    Raises
    ------
    ObjectNotFound
        If the survey has none of its objects.
    """
    ids = list({one.object_id for one in body.labels})
    try:
        check_known(served, ids)
    except ObjectNotFound as error:
        if error.facts["n_unknown"] == len(ids):
            raise
