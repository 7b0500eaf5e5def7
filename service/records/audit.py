"""The audit trail: who changed what is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from index.catalogue.session import utc
from service.records.tables import audit

__all__ = ["AuditEntry", "list_audit", "record"]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done.

    Attributes
    ----------
    owner
        Who did it: an account, or ``cli:<login>`` for the command line.
    action
        A verb, for example ``release.activate``.
    subject
        What it was done to.
    """

    id: int
    owner: str
    at: datetime
    action: str
    subject: str
    detail: dict[str, Any]


def record(
    session: Session,
    *,
    owner: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> None:
    """Write an entry; flushes, the caller commits together with what the entry is about.

    Raises
    ------
    ValueError
        If the owner is empty.
    """
    if not owner.strip():
        raise ValueError("an audit entry needs an owner")
    values = {"owner": owner, "at": now or datetime.now(UTC), "action": action, "subject": subject}
    session.execute(insert(audit).values(**values, detail=dict(detail or {})))


def list_audit(session: Session, *, limit: int = 100) -> list[AuditEntry]:
    """Return the latest entries, newest first."""
    rows = session.execute(select(audit).order_by(audit.c.id.desc()).limit(limit)).mappings()
    return [AuditEntry(**{**row, "at": utc(row["at"])}) for row in rows]
