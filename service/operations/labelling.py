"""Labels given and withdrawn: each counts once however often it is sent, and none is overwritten."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from service.operations.known_objects import check_known
from service.operations.refusals import (
    LabelChanged,
    LabelKeyReused,
    LabelNotFound,
    LabelQuota,
    SessionClosed,
    SessionNotFound,
)
from service.records.labels import (
    LabelRow,
    Which,
    add_labels,
    count_labels,
    current_labels,
    end_label,
    find_label,
    labels_by_key,
)
from service.records.sessions import SessionRow, change_session, find_session
from service.records.uploads import take_turn

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.served import Served
    from service.settings import Settings

__all__ = ["ANY", "Given", "Said", "give", "withdraw"]

#: Of :class:`Said`: whatever label holds is to be replaced.
ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of one object.

    Attributes
    ----------
    replaces
        Id of the label that its sender saw, None for none, :data:`ANY` for whichever holds.
    """

    object_id: str
    kind: str
    value: float | None
    note: str | None = None
    client_key: str | None = None
    replaces: str | None = ANY

    def is_said_by(self, row: LabelRow) -> bool:
        """Whether a label says the same of the same object."""
        return all(
            getattr(self, name) == getattr(row, name) for name in ("object_id", "kind", "value", "note")
        )


@dataclass(frozen=True, slots=True)
class Given:
    """What became of labels that were sent.

    Attributes
    ----------
    labels
        In the order in which they were sent; those that were there already as they stand.
    n_new
        How many were not.
    revision
        Of the session afterwards; 0 outside sessions.
    """

    labels: tuple[LabelRow, ...]
    n_new: int
    revision: int


def give(
    session: Session,
    settings: Settings,
    served: Served,
    owner: str,
    said: Sequence[Said],
    *,
    of: SessionRow | None = None,
    origin: str = "client",
) -> Given:
    """Write labels, all or none; flushes, the caller commits.

    Of one object the last label holds; the one before stays, and says what took its place. A label is there already if its
    sender gave it a key before, or if the one that holds says the same.

    Parameters
    ----------
    served
        Release that their maker saw.
    of
        Their session; None for labels outside all sessions.

    Raises
    ------
    ObjectNotFound
        If the survey has not one of the objects.
    SessionNotFound, SessionClosed
        If the session was deleted meanwhile, or takes no labels any more.
    LabelKeyReused
        If a key was given to another label before.
    LabelChanged
        If another label holds than the one that the sender saw.
    LabelQuota
        If there would be too many.
    """
    check_known(served, [one.object_id for one in said])
    take_turn(session, owner)
    if of is not None:
        # Others may have labelled, closed or deleted it while this request waited for its turn.
        held = find_session(session, owner, of.id)
        if held is None:
            raise SessionNotFound(f"Session {of.id} was deleted meanwhile. GET /api/v1/sessions lists yours.")
        if held.closed_at is not None:
            raise _closed(of)
        of = held
    ledger = _Ledger(session, served, owner, said, of=of, origin=origin)
    answered = [ledger.take(one) for one in said]
    _check_room(session, settings, owner, of, len(ledger.new))
    for row in ledger.ended:
        end_label(session, row.id, at=ledger.now, by=row.ended_by)
    add_labels(session, list(ledger.new.values()))
    if of is not None and ledger.new:
        change_session(session, owner, of.id, revision=ledger.revision)
    return Given(tuple(ledger.new.get(row.id, row) for row in answered), len(ledger.new), ledger.revision)


def withdraw(session: Session, owner: str, label_ids: Sequence[str]) -> None:
    """Let labels hold no longer, all or none; flushes, the caller commits. Those withdrawn already stay so.

    Raises
    ------
    LabelNotFound
        If the owner has not one of them.
    LabelChanged
        If another label took the place of one: that one would still hold.
    SessionClosed
        If one's session takes no labels any more.
    """
    take_turn(session, owner)
    now, changes = datetime.now(UTC), dict[str, int]()
    for label_id in label_ids:
        row = find_label(session, owner, label_id)
        if row is None:
            raise LabelNotFound(f"You have no label {label_id!r}. GET /api/v1/labels lists yours.")
        if row.ended_by is not None:
            raise LabelChanged(
                f"Label {label_id} of {row.object_id} was replaced by {row.ended_by}. Withdraw that one.",
                current=row.ended_by,
            )
        if not end_label(session, label_id, at=now, by=None) or row.session_id is None:
            continue
        changes[row.session_id] = changes.get(row.session_id, 0) + 1
    for session_id, n in changes.items():
        of = find_session(session, owner, session_id)
        assert of is not None
        if of.closed_at is not None:
            raise _closed(of)
        change_session(session, owner, session_id, revision=of.revision + n)


class _Ledger:
    """The labels of one request beside those that are there.

    Attributes
    ----------
    new
        To be written, in their order, by id.
    ended
        That new ones take the place of.
    revision
        Of the session once they are written.
    """

    def __init__(
        self,
        session: Session,
        served: Served,
        owner: str,
        said: Sequence[Said],
        *,
        of: SessionRow | None,
        origin: str,
    ) -> None:
        self.now = datetime.now(UTC)
        self.new: dict[str, LabelRow] = {}
        self.ended: list[LabelRow] = []
        self.revision = 0 if of is None else of.revision
        self._served, self._owner, self._origin = served, owner, origin
        self._session_id = None if of is None else of.id
        self._keyed = labels_by_key(session, owner, {one.client_key for one in said if one.client_key})
        self._current = current_labels(
            session,
            owner,
            survey=served.survey,
            session_id=self._session_id,
            ids={one.object_id for one in said},
        )

    def take(self, one: Said) -> LabelRow:
        """Return the label that says this: one that is there already, or a new one."""
        if one.client_key in self._keyed:
            known = self._keyed[one.client_key]
            _check_same(one, known, self._session_id)
            return known
        holding = self._current.get(one.object_id)
        if holding is not None and one.is_said_by(holding) and not one.client_key:
            return holding
        _check_seen(one, holding)
        row = self._row(one)
        if holding is not None:
            over = replace(holding, ended_at=self.now, ended_by=row.id)
            if holding.id in self.new:
                self.new[holding.id] = over
            else:
                self.ended.append(over)
        self.new[row.id] = self._current[one.object_id] = row
        if one.client_key:
            self._keyed[one.client_key] = row
        return row

    def _row(self, one: Said) -> LabelRow:
        if self._session_id is not None:
            self.revision += 1
        return LabelRow(
            id=secrets.token_hex(16),
            owner=self._owner,
            session_id=self._session_id,
            survey=self._served.survey,
            object_id=one.object_id,
            kind=one.kind,
            value=one.value,
            note=one.note,
            origin=self._origin,
            at=self.now,
            release_id=self._served.release.id,
            model_id=self._served.model.card.id,
            revision=self.revision,
            client_key=one.client_key,
        )


def _check_same(one: Said, before: LabelRow, session_id: str | None) -> None:
    if before.session_id != session_id or not one.is_said_by(before):
        raise LabelKeyReused(
            f"The key {one.client_key!r} is that of label {before.id}, which says something else. Give every label a key of "
            "its own.",
            label_id=before.id,
        )


def _check_seen(one: Said, holding: LabelRow | None) -> None:
    seen = None if holding is None else holding.id
    if one.replaces not in (ANY, seen):
        now: dict[str, Any] = {} if holding is None else {"kind": holding.kind, "value": holding.value}
        raise LabelChanged(
            f"The label of {one.object_id} was changed since you saw it: "
            f"{'there is none now' if holding is None else f'now {seen} holds'}. Look at it, and send yours again with "
            f"`replaces` {'null' if seen is None else repr(seen)}.",
            current=seen,
            **now,
        )


def _check_room(session: Session, settings: Settings, owner: str, of: SessionRow | None, n_new: int) -> None:
    limits = [(Which(history=True), settings.labels_per_owner, "You have", "Delete sessions that are done.")]
    if of is not None:
        which = Which(session_id=of.id, history=True)
        limits.insert(0, (which, settings.labels_per_session, "The session has", "Go on in another session."))
    for which, most, whose, remedy in limits if n_new else ():
        n = count_labels(session, owner, which)
        if n + n_new > most:
            raise LabelQuota(
                f"{whose} {n} labels, those that hold no longer included; {n_new} more would pass the limit of {most}. {remedy}",
                limit=most,
                got=n + n_new,
            )


def _closed(of: SessionRow) -> SessionClosed:
    return SessionClosed(
        f"Session {of.id} is closed and takes no labels. Open it: PATCH /api/v1/sessions/{of.id} with "
        '{"closed": false}.'
    )
