"""Leases on chunks: taken, kept alive, and ended by whoever still holds them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from service.jobs.folder import Written
from service.jobs.handlers import Spec
from service.jobs.view import spec_of
from service.records.job_chunks import (
    ChunkRow,
    commit_chunk,
    extend_lease,
    fail_chunk,
    may_be_leased,
    reopen_chunk,
    return_chunk,
    take_chunk,
)
from service.records.jobs import ACTIVE, Phase, change_phase, database_time, find_job, set_expiry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.jobs.store import JobStore

__all__ = ["MOST_FAILURES", "Lease", "Leases"]

logger = logging.getLogger(__name__)

#: Attempts of a chunk that may end with an exception; the last one ends the job.
MOST_FAILURES: Final = 3
#: Workers that may die of a chunk: one that takes its process with it must not do so for ever.
MOST_LAPSES: Final = 10


@dataclass(frozen=True, slots=True)
class Lease:
    """A chunk that this worker may end.

    Attributes
    ----------
    number
        Of the chunk.
    token
        Larger than that of any lease of this chunk before.
    """

    spec: Spec
    number: int
    token: int

    @property
    def is_last(self) -> bool:
        """Whether it is for writing the answer."""
        return self.number == self.spec.n_chunks


class Leases:
    """The leases of one worker; each change is one transaction, by the database's clock.

    Parameters
    ----------
    holder
        Who works, for people who look.
    seconds
        After which a lease lapses that is not extended.
    retry_seconds
        Before a chunk that failed is tried again.
    """

    def __init__(self, store: JobStore, *, holder: str, seconds: float, retry_seconds: float = 1.0) -> None:
        self._store = store
        self._holder = holder[:64]
        self.seconds = seconds
        self._retry_seconds = retry_seconds

    def take(self) -> Lease | None:
        """Lease the next chunk; None if there is nothing to do."""
        with self._store.reading() as session:
            # Who only looks does not wait for SQLite's one writer.
            if not may_be_leased(session):
                return None
        with self._store.writing() as session, session.begin():
            chunk = take_chunk(session, self._holder, self.seconds)
            if chunk is None:
                return None
            now = database_time(session)
            job = find_job(session, chunk.job_id, now=now)
            if job is None:
                return None
            # A job that is worked on does not run out of time.
            set_expiry(session, job.id, now + self._store.life)
            if chunk.lapses > MOST_LAPSES:
                self._end(session, chunk.job_id, _died(chunk, job.n_chunks))
                return None
        return Lease(spec_of(job), chunk.number, chunk.token)

    def extend(self, lease: Lease) -> bool:
        """Let a lease last longer; False if it is lost."""
        with self._store.writing() as session, session.begin():
            return extend_lease(session, *_who(lease), self.seconds)

    def commit(self, lease: Lease, written: Written) -> bool:
        """Let a file be the chunk's result, and with the last one the job's; False if the lease is lost."""
        with self._store.writing() as session:
            is_mine = commit_chunk(
                session, *_who(lease), result=written.name, digest=written.digest, n_bytes=written.n_bytes
            )
            # An answer counts together with its job's end, or not at all: the job may be ended at this moment.
            if is_mine and lease.is_last:
                now = database_time(session)
                ended = {"ended_at": now, "expires_at": now + self._store.life, "n_bytes": written.n_bytes}
                is_mine = change_phase(session, lease.spec.job_id, Phase.COMPLETED, among=ACTIVE, **ended)
            if is_mine:
                session.commit()
            else:
                session.rollback()
        return is_mine

    def fail(self, lease: Lease, reason: str, *, at_once: bool = False) -> bool:
        """Count a failed attempt; after the third, or at once, the job ends in ERROR with a reason for its owner.

        Finished chunks stay, and count when the job is started again. Returns False if the lease is lost, and with it
        whatever failed.
        """
        with self._store.writing() as session, session.begin():
            failures = fail_chunk(session, *_who(lease), wait_seconds=self._retry_seconds)
            if failures is not None and (at_once or failures >= MOST_FAILURES):
                self._end(session, lease.spec.job_id, reason)
        return failures is not None

    def give_back(self, lease: Lease) -> None:
        """Let another worker have the chunk at once."""
        with self._store.writing() as session, session.begin():
            return_chunk(session, *_who(lease))

    def reopen(self, lease: Lease, chunk: ChunkRow) -> None:
        """Have a finished chunk answered again whose file is damaged, in the name of the lease for the answer."""
        with self._store.writing() as session, session.begin():
            if extend_lease(session, *_who(lease), self.seconds):
                reopen_chunk(session, chunk)

    def _end(self, session: Session, job_id: str, reason: str) -> None:
        now = database_time(session)
        ended = {"ended_at": now, "expires_at": now + self._store.life, "error": reason[:1000]}
        if change_phase(session, job_id, Phase.ERROR, among=ACTIVE, **ended):
            logger.error("job failed", extra={"job": job_id, "reason": reason})


def _who(lease: Lease) -> tuple[str, int, int]:
    return lease.spec.job_id, lease.number, lease.token


def _died(chunk: ChunkRow, n_chunks: int) -> str:
    what = "Writing the answer" if chunk.number == n_chunks else f"Chunk {chunk.number + 1} of {n_chunks}"
    return (
        f"{what} ended its worker {chunk.lapses} times without a word, as a lack of memory does. Finished chunks are "
        "kept: start the job again when whoever runs this service has found the reason, or send fewer rows."
    )
