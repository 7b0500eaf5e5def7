"""Which jobs there are, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import RowMapping, and_, delete, func, insert, literal_column, select, text, update
from sqlalchemy.orm import Session

from index.catalogue.session import utc
from service.records.paging import newest_first
from service.records.tables import job_chunks, jobs

__all__ = [
    "ACTIVE",
    "NOBODY",
    "JobRow",
    "JobUsage",
    "Phase",
    "add_job",
    "all_jobs",
    "change_phase",
    "count_running",
    "database_time",
    "expired_jobs",
    "find_job",
    "job_usage",
    "list_jobs",
    "remove_job",
    "set_expiry",
]

#: Owner of what a client without a key asked for: its id opens it, and no list shows it. No key can have this name.
NOBODY: Final = "-"


class Phase(StrEnum):
    """Where a job stands (IVOA UWS 1.1, §2.1.3; HELD, SUSPENDED and UNKNOWN are never used)."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    ABORTED = "ABORTED"


#: Phases of jobs that have not ended.
ACTIVE: Final = (Phase.PENDING, Phase.QUEUED, Phase.EXECUTING)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job.

    Attributes
    ----------
    id
        Opaque, 128 random bits as hex.
    owner
        Of the key that it was made with, or :data:`NOBODY`.
    n_bytes
        On disk: of the input, after the end of the result.
    error
        Why it ended in ERROR, for its owner.
    turn_at
        When a worker last took a chunk of it; jobs take turns.
    """

    id: str
    owner: str
    kind: str
    phase: Phase
    parameters: dict[str, Any]
    format: str
    n_rows: int
    chunk_rows: int
    n_chunks: int
    n_bytes: int
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime
    turn_at: datetime

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.phase in ACTIVE


@dataclass(frozen=True, slots=True)
class JobUsage:
    """How much an owner has: jobs that have not ended, and bytes on disk of all, results of chunks included."""

    n_active: int
    n_bytes: int


def database_time(session: Session) -> datetime:
    """Return the time of the database's clock, the only one that all workers share."""
    if session.get_bind().dialect.name == "sqlite":
        written = session.execute(text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")).scalar_one()
        return datetime.fromisoformat(written).replace(tzinfo=UTC)
    # Not now(), which is the time at which the transaction began.
    moment: datetime = session.execute(select(literal_column("clock_timestamp()"))).scalar_one()
    return moment.astimezone(UTC)


def add_job(session: Session, row: JobRow, rows_of_chunks: Sequence[int]) -> None:
    """Write a job with its chunks; flushes, the caller commits.

    Parameters
    ----------
    rows_of_chunks
        Rows of each chunk. One more chunk of no rows follows: writing the answer from the others' results.
    """
    session.execute(insert(jobs).values(**{field.name: getattr(row, field.name) for field in fields(row)}))
    blank = {"job_id": row.id, "owner": row.owner, "token": 0, "lapses": 0, "failures": 0, "n_bytes": 0}
    numbered = enumerate([*rows_of_chunks, 0])
    session.execute(insert(job_chunks), [{**blank, "number": number, "n_rows": n} for number, n in numbered])


def find_job(session: Session, job_id: str, *, now: datetime) -> JobRow | None:
    """Return a job unless it has expired."""
    query = select(jobs).where(jobs.c.id == job_id, jobs.c.expires_at > now)
    row = session.execute(query).mappings().one_or_none()
    return None if row is None else _job(row)


def list_jobs(
    session: Session,
    owner: str,
    *,
    now: datetime,
    limit: int,
    phase: Phase | None = None,
    before: tuple[datetime, str] | None = None,
) -> list[JobRow]:
    """Return an owner's jobs, newest first.

    Parameters
    ----------
    before
        Time and id of the last one of the page before.
    """
    query = select(jobs).where(jobs.c.owner == owner, jobs.c.expires_at > now)
    if phase is not None:
        query = query.where(jobs.c.phase == phase)
    query = newest_first(query, jobs.c.created_at, jobs.c.id, limit=limit, before=before)
    return [_job(row) for row in session.execute(query).mappings()]


def all_jobs(session: Session) -> list[JobRow]:
    """Return everybody's jobs, expired ones too, oldest first; for checks and for tidying up."""
    query = select(jobs).order_by(jobs.c.created_at, jobs.c.id)
    return [_job(row) for row in session.execute(query).mappings()]


def job_usage(session: Session, owner: str, *, but: str = "") -> JobUsage:
    """Return how much an owner has, expired jobs that nobody removed yet included.

    Parameters
    ----------
    but
        Id of a job that does not count.
    """
    counts = and_(jobs.c.owner == owner, jobs.c.id != but)
    active = func.count().filter(jobs.c.phase.in_(ACTIVE))
    n_active, n_bytes = session.execute(
        select(active, func.coalesce(func.sum(jobs.c.n_bytes), 0)).where(counts)
    ).one()
    # Until the answer takes their place, results of chunks lie beside the input: of an aborted job to its end.
    results = select(func.coalesce(func.sum(job_chunks.c.n_bytes), 0)).join(
        jobs, jobs.c.id == job_chunks.c.job_id
    )
    n_more = session.execute(results.where(counts, jobs.c.phase != Phase.COMPLETED)).scalar_one()
    return JobUsage(int(n_active), int(n_bytes) + int(n_more))


def count_running(session: Session, *, now: datetime) -> int:
    """Return how many jobs, anybody's, are queued or worked on."""
    runs = jobs.c.phase.in_((Phase.QUEUED, Phase.EXECUTING))
    return int(session.execute(select(func.count()).where(runs, jobs.c.expires_at > now)).scalar_one())


def change_phase(
    session: Session, job_id: str, phase: Phase, *, among: Sequence[Phase], **values: object
) -> bool:
    """Bring a job into a phase if it is in one of some others, and say whether it was; flushes.

    Parameters
    ----------
    values
        Of other columns, changed with it.
    """
    change = update(jobs).where(jobs.c.id == job_id, jobs.c.phase.in_(among)).values(phase=phase, **values)
    return session.execute(change.returning(jobs.c.id)).first() is not None


def set_expiry(session: Session, job_id: str, moment: datetime) -> None:
    """Say when a job goes; flushes."""
    session.execute(update(jobs).where(jobs.c.id == job_id).values(expires_at=moment))


def expired_jobs(session: Session, now: datetime) -> list[str]:
    """Return the ids of jobs whose time is over."""
    return list(session.execute(select(jobs.c.id).where(jobs.c.expires_at <= now)).scalars())


def remove_job(session: Session, job_id: str) -> None:
    """Remove a job with its chunks; flushes, the caller commits."""
    # Chunks first, as workers lock them: the other way round two transactions could wait for each other.
    session.execute(delete(job_chunks).where(job_chunks.c.job_id == job_id))
    session.execute(delete(jobs).where(jobs.c.id == job_id))


def _job(row: RowMapping) -> JobRow:
    moments = ("created_at", "started_at", "ended_at", "expires_at", "turn_at")
    found = {name: row[name] and utc(row[name]) for name in moments}
    return JobRow(**{**row, **found, "phase": Phase(row["phase"])})
