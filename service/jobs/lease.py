"""Leases on chunks: taken, kept alive, and ended by whoever still holds them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy.exc import SQLAlchemyError

from service.jobs.folder import Written
from service.jobs.handlers import Spec
from service.jobs.store import spec_of
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
from service.records.jobs import ACTIVE, Phase, change_phase, database_time, find_job

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.jobs.store import JobStore

__all__ = ["MOST_FAILURES", "Heart", "Lease", "Leases"]

logger = logging.getLogger(__name__)

#: Attempts of a chunk that may end with an exception; the last one ends the job.
MOST_FAILURES: Final = 3
#: Workers that may die of a chunk: one that takes its process with it must not do so for ever.
MOST_LAPSES: Final = 10
# A heart beats three times in a lease, and for so many leases.
_BEATS: Final = 3
_PATIENCE: Final = 60


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
            job = find_job(session, chunk.job_id, now=database_time(session))
            if job is None:
                return None
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
        result = {"result": written.name, "digest": written.digest, "n_bytes": written.n_bytes}
        with self._store.writing() as session, session.begin():
            if not commit_chunk(session, *_who(lease), **result):
                return False
            if lease.is_last:
                now = database_time(session)
                ended = {"ended_at": now, "expires_at": now + self._store.life, "n_bytes": written.n_bytes}
                change_phase(session, lease.spec.job_id, Phase.COMPLETED, among=ACTIVE, **ended)
        return True

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


class Heart:
    """Keeps a lease alive while the block runs, from a thread of its own.

    Parameters
    ----------
    give_up
        Called when the block runs beyond all patience (sixty leases): it hangs, and so must its process end.

    Attributes
    ----------
    is_lost
        Whether somebody else has the chunk now, or the job was ended: what is computed is for nothing.
    """

    def __init__(self, leases: Leases, lease: Lease, *, give_up: Callable[[], None] | None = None) -> None:
        self._leases, self._lease, self._give_up = leases, lease, give_up
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)
        self.is_lost = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _beat(self) -> None:
        for _ in range(_BEATS * _PATIENCE):
            if self._is_over.wait(self._leases.seconds / _BEATS):
                return
            try:
                if not self._leases.extend(self._lease):
                    self.is_lost = True
                    return
            except SQLAlchemyError:
                # If the database is away for longer than the lease, the token decides.
                logger.warning("lease not extended", extra={"job": self._lease.spec.job_id})
        self.is_lost = True
        logger.error("chunk hangs", extra={"job": self._lease.spec.job_id, "chunk": self._lease.number})
        if self._give_up is not None:
            self._give_up()


def _who(lease: Lease) -> tuple[str, int, int]:
    return lease.spec.job_id, lease.number, lease.token


def _died(chunk: ChunkRow, n_chunks: int) -> str:
    what = "Writing the answer" if chunk.number == n_chunks else f"Chunk {chunk.number + 1} of {n_chunks}"
    return (
        f"{what} ended its worker {chunk.lapses} times without a word, as a lack of memory does. Finished chunks are "
        "kept: start the job again when whoever runs this service has found the reason, or send fewer rows."
    )
