"""A worker: leases a chunk, answers it, commits it, and takes the next."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from service.jobs.assemble import ChunkDamaged, assemble
from service.jobs.folder import Written
from service.jobs.handlers import Handler, Spec, UnknownKind
from service.jobs.heart import Heart
from service.jobs.lease import Lease, Leases
from service.jobs.store import JobStore
from service.jobs.tidy import tidy
from service.kept_folder import DISK_FULL
from service.operations.refusals import Busy, JobsOff, Refusal, StorageUnavailable, TooManyAtOnce

__all__ = ["Worker"]

logger = logging.getLogger(__name__)

# An idle worker looks so often, and one whose database is away.
_IDLE_SECONDS: Final = 0.5
_AWAY_SECONDS: Final = 2.0
# A signal does not end a sleep.
_NAP_SECONDS: Final = 0.1
_TIDY_SECONDS: Final = 60.0
#: Refusals that say "not now".
_PASSING: Final = (Busy, TooManyAtOnce, StorageUnavailable)


class Worker:
    """Works until it is told to stop; any number of them may share a database and a folder.

    Parameters
    ----------
    handler_of
        Gives the handler of a job.
    told
        Called with the job's specification and the chunk's number after each commit.
    give_up
        See :class:`Heart`.
    """

    def __init__(
        self,
        store: JobStore,
        handler_of: Callable[[Spec], Handler],
        *,
        lease_seconds: float,
        retry_seconds: float = 1.0,
        told: Callable[[Spec, int], None] | None = None,
        give_up: Callable[[], None] | None = None,
    ) -> None:
        self._store, self._handler_of = store, handler_of
        holder = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self._leases = Leases(store, holder=holder, seconds=lease_seconds, retry_seconds=retry_seconds)
        self._told, self._give_up = told, give_up
        self._is_stopping = False

    def stop(self) -> None:
        """Ask it to end after the chunk at hand; safe in a signal handler."""
        # A plain word, no lock: the handler may interrupt whoever holds it.
        self._is_stopping = True

    def run(self, *, once: bool = False) -> None:
        """Work until :meth:`stop`.

        Parameters
        ----------
        once
            Return when there is nothing left to do.
        """
        tidied = -_TIDY_SECONDS
        while not self._is_stopping:
            try:
                if time.monotonic() - tidied >= _TIDY_SECONDS:
                    self._tidy()
                    tidied = time.monotonic()
                if self.step():
                    continue
            except SQLAlchemyError as error:
                logger.warning("database away", extra={"reason": type(error).__name__})
                if not once:
                    self._rest(_AWAY_SECONDS)
                    continue
                raise
            if once and not self._has_open_chunks():
                return
            self._rest(_IDLE_SECONDS)

    def step(self) -> bool:
        """Answer one chunk; False if there was none to answer."""
        lease = self._leases.take()
        if lease is None:
            return False
        try:
            with Heart(self._leases, lease, give_up=self._give_up) as heart:
                written = self._write(lease)
        except (KeyboardInterrupt, SystemExit):
            self._leases.give_back(lease)
            raise
        except SQLAlchemyError:
            # Not the chunk's fault: it is tried again when the lease has lapsed and the database is back.
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the worker goes on
            self._fail(lease, error)
            return True
        if heart.is_lost or not self._leases.commit(lease, written):
            # Another's file counts, or none will: ours has a name of its own and nobody reads it.
            self._store.folder.forget_file(lease.spec.job_id, written.name)
            logger.warning("lease lost", extra=_where(lease))
            return True
        logger.debug("chunk done", extra=_where(lease))
        if lease.is_last:
            self._store.folder.keep_only(lease.spec.job_id, {written.name})
            logger.info("job done", extra={"job": lease.spec.job_id, "n": lease.spec.n_rows})
        if self._told is not None:
            self._told(lease.spec, lease.number)
        return True

    def _write(self, lease: Lease) -> Written:
        spec, folder = lease.spec, self._store.folder
        handler = self._handler_of(spec)
        if lease.is_last:
            chunks = self._store.chunks(spec.job_id)[:-1]
            return assemble(folder, spec, chunks, token=lease.token, meta=handler.meta(spec))
        table = handler.run(spec, lease.number, folder.read_chunk(spec.job_id, lease.number))
        return folder.write_chunk(spec.job_id, lease.number, lease.token, table)

    def _fail(self, lease: Lease, error: Exception) -> None:
        if isinstance(error, ChunkDamaged):
            self._leases.reopen(lease, error.chunk)
        is_final = isinstance(error, (Refusal, UnknownKind)) and not isinstance(error, _PASSING)
        if not self._leases.fail(lease, _reason(lease, error), at_once=is_final):
            logger.warning("lease lost", extra=_where(lease))
        elif not is_final:
            logger.error("chunk failed", exc_info=error, extra=_where(lease))

    def _has_open_chunks(self) -> bool:
        """Whether a job that runs has chunks left, also ones that another worker holds or that wait after a failure."""
        return self._store.n_running() > 0

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._is_stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _NAP_SECONDS))

    def _tidy(self) -> None:
        try:
            tidy(self._store)
        except (JobsOff, OSError) as error:
            logger.warning("jobs not tidied", extra={"reason": type(error).__name__})


def _reason(lease: Lease, error: Exception) -> str:
    """Say to the owner why the job ended: no path, no stack."""
    if isinstance(error, UnknownKind):
        return f"This service knows no jobs of kind {lease.spec.kind!r}. Start the job again when it does."
    if isinstance(error, Refusal):
        return str(error)
    kept = (
        "Finished chunks are kept: start the job again when whoever runs this service has found the reason in its "
        f"log, under job {lease.spec.job_id}."
    )
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return f"The service's disk is full. {kept}"
    if lease.is_last:
        return (
            f"Writing the answer as {lease.spec.format} failed three times ({type(error).__name__}). {kept}"
        )
    first = lease.number * lease.spec.chunk_rows
    last = min(first + lease.spec.chunk_rows, lease.spec.n_rows)
    return f"Rows {first + 1} to {last} failed three times ({type(error).__name__}). {kept}"


def _where(lease: Lease) -> dict[str, object]:
    return {"job": lease.spec.job_id, "chunk": lease.number, "token": lease.token}
