"""Chunks of jobs: who works on one, until when, and which file is its result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from index.catalogue.session import utc
from service.records.jobs import Phase, database_time
from service.records.tables import job_chunks, jobs

__all__ = [
    "ChunkRow",
    "Progress",
    "commit_chunk",
    "extend_lease",
    "fail_chunk",
    "find_chunk",
    "forgive",
    "list_chunks",
    "may_be_leased",
    "progress",
    "reopen_chunk",
    "return_chunk",
    "take_chunk",
]

#: Phases whose chunks may be worked on.
_RUNNING: Final = (Phase.QUEUED, Phase.EXECUTING)
# Chunks over whose ends the speed is taken: a pause of the service yesterday says nothing about today.
_RECENT: Final = 20


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk of a job.

    Attributes
    ----------
    number
        Counted from 0; the last one has no rows and stands for writing the answer.
    token
        Of the latest lease; each lease has a larger one, and only its bearer may end the chunk.
    holder
        Who has the lease; None if nobody has.
    leased_until
        When the lease lapses; of a chunk that failed, when it may be tried again.
    lapses, failures
        Leases that ended unheard (a worker died), and with an exception.
    result, digest
        Name and SHA-256 of the file that counts; None before the end.
    """

    job_id: str
    number: int
    owner: str
    n_rows: int
    token: int
    holder: str | None
    leased_until: datetime | None
    lapses: int
    failures: int
    result: str | None
    digest: str | None
    n_bytes: int
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes
    ----------
    rows_done, chunks_done
        Of finished chunks; nothing takes them back.
    rows_per_s
        Over the chunks that ended last; None before there are two.
    """

    rows_done: int
    chunks_done: int
    rows_per_s: float | None


def take_chunk(session: Session, holder: str, seconds: float) -> ChunkRow | None:
    """Lease the next chunk of the job whose turn it is; None if there is nothing to do. The caller commits.

    Parameters
    ----------
    seconds
        Until the lease lapses, by the database's clock.
    """
    now = database_time(session)
    query = (
        select(job_chunks)
        .join(jobs, jobs.c.id == job_chunks.c.job_id)
        .where(*_leasable(now))
        # What a worker died of comes last: were it first, workers that are killed for other reasons would all be
        # counted against one chunk (benchmarks/kill_workers.py ended a healthy job so), and one that does kill them
        # would hold up the rest.
        .order_by(jobs.c.turn_at, jobs.c.id, job_chunks.c.lapses, job_chunks.c.number)
        .limit(1)
        # Of PostgreSQL; SQLite lets one session write at a time.
        .with_for_update(of=job_chunks, skip_locked=True)
    )
    found = session.execute(query).mappings().one_or_none()
    if found is None:
        return None
    row = _chunk(found)
    has_lapsed = row.holder is not None
    changed = {
        "token": row.token + 1,
        "holder": holder,
        "leased_until": now + timedelta(seconds=seconds),
        "lapses": row.lapses + has_lapsed,
    }
    taken = session.execute(_update(row.job_id, row.number).values(**changed).returning(*job_chunks.c))
    started = {"phase": Phase.EXECUTING, "started_at": func.coalesce(jobs.c.started_at, now), "turn_at": now}
    running = update(jobs).where(jobs.c.id == row.job_id, jobs.c.phase.in_(_RUNNING)).values(**started)
    session.execute(running)
    return _chunk(taken.mappings().one())


def may_be_leased(session: Session) -> bool:
    """Whether there is something to do; waits for nobody who writes."""
    now = database_time(session)
    query = select(job_chunks.c.number).join(jobs, jobs.c.id == job_chunks.c.job_id).where(*_leasable(now))
    return session.execute(query.limit(1)).first() is not None


def extend_lease(session: Session, job_id: str, number: int, token: int, seconds: float) -> bool:
    """Let a lease last longer, and say whether it is still one's own; the caller commits."""
    until = database_time(session) + timedelta(seconds=seconds)
    return _changed(session, job_id, number, token, leased_until=until)


def commit_chunk(
    session: Session, job_id: str, number: int, token: int, *, result: str, digest: str, n_bytes: int
) -> bool:
    """Let a file be the result of a chunk, and say whether it is; the caller commits.

    It is not once somebody else has leased the chunk, or when the job does not run any more. A lease that has lapsed
    without a successor still counts: nobody else can have answered the chunk.
    """
    now = database_time(session)
    done = {"result": result, "digest": digest, "n_bytes": n_bytes, "ended_at": now}
    return _changed(session, job_id, number, token, **done, holder=None, leased_until=None)


def fail_chunk(session: Session, job_id: str, number: int, token: int, *, wait_seconds: float) -> int | None:
    """Count an attempt that ended with an exception; the caller commits.

    Returns
    -------
    int
        Attempts that failed, this one included; None if the lease is no longer one's own.
    """
    until = database_time(session) + timedelta(seconds=wait_seconds)
    failures = job_chunks.c.failures + 1
    if not _changed(session, job_id, number, token, holder=None, leased_until=until, failures=failures):
        return None
    query = select(job_chunks.c.failures).where(job_chunks.c.job_id == job_id, job_chunks.c.number == number)
    return int(session.execute(query).scalar_one())


def return_chunk(session: Session, job_id: str, number: int, token: int) -> bool:
    """Give a lease back before its time, as a worker does that is asked to end; the caller commits."""
    return _changed(session, job_id, number, token, holder=None, leased_until=None)


def reopen_chunk(session: Session, chunk: ChunkRow) -> None:
    """Let a finished chunk be unfinished again, if its result is still the one known; the caller commits."""
    known = _update(chunk.job_id, chunk.number).where(job_chunks.c.result == chunk.result)
    session.execute(known.values(result=None, digest=None, n_bytes=0, ended_at=None))


def forgive(session: Session, job_id: str) -> None:
    """Let the unfinished chunks of a job begin anew: nothing failed, nobody holds one. The caller commits."""
    unfinished = update(job_chunks).where(job_chunks.c.job_id == job_id, job_chunks.c.result.is_(None))
    # The token stays: whoever holds a lease of before has lost it with the next one.
    session.execute(unfinished.values(lapses=0, failures=0, holder=None, leased_until=None))


def find_chunk(session: Session, job_id: str, number: int) -> ChunkRow | None:
    """Return a chunk of a job."""
    query = select(job_chunks).where(job_chunks.c.job_id == job_id, job_chunks.c.number == number)
    row = session.execute(query).mappings().one_or_none()
    return None if row is None else _chunk(row)


def list_chunks(session: Session, job_id: str) -> list[ChunkRow]:
    """Return the chunks of a job in their order."""
    query = select(job_chunks).where(job_chunks.c.job_id == job_id).order_by(job_chunks.c.number)
    return [_chunk(row) for row in session.execute(query).mappings()]


def progress(session: Session, job_id: str) -> Progress:
    """Return how far a job is."""
    done = and_(job_chunks.c.job_id == job_id, job_chunks.c.result.is_not(None))
    sums = select(func.count(), func.coalesce(func.sum(job_chunks.c.n_rows), 0)).where(done)
    chunks_done, rows_done = session.execute(sums).one()
    ends = select(job_chunks.c.ended_at, job_chunks.c.n_rows).where(done, job_chunks.c.n_rows > 0)
    recent = session.execute(ends.order_by(job_chunks.c.ended_at.desc()).limit(_RECENT)).all()
    return Progress(int(rows_done), int(chunks_done), _speed([(utc(at), n) for at, n in recent]))


def _speed(recent: list[tuple[datetime, int]]) -> float | None:
    """Rows after the first end, over the time from the first end to the last."""
    if len(recent) < 2:
        return None
    seconds = (recent[0][0] - recent[-1][0]).total_seconds()
    return sum(n for _, n in recent[:-1]) / seconds if seconds > 0 else None


def _leasable(now: datetime) -> tuple[Any, ...]:
    other = job_chunks.alias("other")
    unfinished = exists().where(
        other.c.job_id == job_chunks.c.job_id, other.c.number < jobs.c.n_chunks, other.c.result.is_(None)
    )
    return (
        jobs.c.phase.in_(_RUNNING),
        jobs.c.expires_at > now,
        job_chunks.c.result.is_(None),
        or_(job_chunks.c.leased_until.is_(None), job_chunks.c.leased_until <= now),
        # The answer is written when nothing is missing.
        or_(job_chunks.c.number < jobs.c.n_chunks, ~unfinished),
    )


def _update(job_id: str, number: int) -> Any:
    return update(job_chunks).where(job_chunks.c.job_id == job_id, job_chunks.c.number == number)


def _changed(session: Session, job_id: str, number: int, token: int, **values: Any) -> bool:
    """Change an unfinished chunk of a running job in the name of a lease, and say whether the lease still counts."""
    runs = exists().where(jobs.c.id == job_id, jobs.c.phase.in_(_RUNNING))
    mine = _update(job_id, number).where(job_chunks.c.token == token, job_chunks.c.result.is_(None), runs)
    return session.execute(mine.values(**values).returning(job_chunks.c.number)).first() is not None


def _chunk(row: RowMapping) -> ChunkRow:
    found = {name: row[name] and utc(row[name]) for name in ("leased_until", "ended_at")}
    return ChunkRow(**{**row, **found})
