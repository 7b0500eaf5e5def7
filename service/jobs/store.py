"""The jobs of a service: made durably, found for their owner, ended, removed."""

from __future__ import annotations

import errno
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from index.catalogue.session import sessions, writing
from service.jobs.folder import Input, JobFolder
from service.jobs.quota import check_quota
from service.jobs.view import JobView, viewed
from service.operations.refusals import JobNotFound, JobsOff, JobWithoutResult
from service.records.audit import record
from service.records.job_chunks import ChunkRow, Progress, forgive, list_chunks
from service.records.jobs import (
    ACTIVE,
    NOBODY,
    JobRow,
    Phase,
    add_job,
    change_phase,
    count_running,
    database_time,
    find_job,
    list_jobs,
    remove_job,
    set_expiry,
)
from service.records.uploads import take_turn

if TYPE_CHECKING:
    from service.settings import Settings

__all__ = ["JobStore"]

logger = logging.getLogger(__name__)

_READ_ONLY: Final = (errno.EROFS, errno.EACCES, errno.EPERM)
_STARTABLE: Final = (Phase.PENDING, Phase.ERROR, Phase.ABORTED)


class JobStore:
    """Jobs in the database, with their files in the folder that the settings name; safe between threads.

    Every method blocks: call it in a thread.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.folder = JobFolder(settings.job_dir)
        self._settings = settings
        self.reading, self.writing = sessions(engine), writing(engine)

    def create(
        self,
        kind: str,
        parameters: dict[str, Any],
        tables: Iterator[pa.Table],
        *,
        owner: str,
        fmt: str,
        chunk_rows: int = 2000,
        run: bool = True,
    ) -> JobView:
        """Make a job; when this returns, neither a crash nor a power cut takes it back.

        Parameters
        ----------
        kind
            Of the handler that will answer it.
        parameters
            JSON values for the handler. ``release``: the id of the index release that shall answer.
        tables
            Its rows, all tables of one schema; at least one table, if without rows.
        owner
            Of the key that was sent, or ``NOBODY``: then its id opens it.
        fmt
            Format of the answer, as ``service.formats`` calls it.
        run
            Without it the job is PENDING until :meth:`start`.

        Raises
        ------
        JobQuota
            If the owner has as many jobs as one may.
        BatchTooLarge
            If there are more rows than a job may have.
        JobsOff
            If the folder is read-only.
        OSError
            If the disk is full; nothing is left then.
        """
        with self.reading() as session:
            check_quota(self._settings, session, owner)
        job_id = secrets.token_hex(16)
        with _writable():
            written = self.folder.write_input(
                job_id, tables, chunk_rows=chunk_rows, most_rows=self._settings.job_rows
            )
        made = partial(
            JobRow,
            id=job_id,
            owner=owner,
            kind=kind,
            phase=Phase.QUEUED if run else Phase.PENDING,
            parameters=parameters,
            format=fmt,
            n_rows=sum(written.rows_of_chunks),
            chunk_rows=chunk_rows,
            n_chunks=len(written.rows_of_chunks),
            n_bytes=written.n_bytes,
            error=None,
            started_at=None,
            ended_at=None,
        )
        try:
            row = self._register(owner, written, made)
        except SQLAlchemyError as error:
            # A commit whose connection broke may have come through: then its job has its input, and else
            # the folder goes when it is older than any job can be.
            if not (isinstance(error, DBAPIError) and error.connection_invalidated):
                self.folder.discard(job_id)
            raise
        except BaseException:
            self.folder.discard(job_id)
            raise
        logger.info("job made", extra={"job": job_id, "kind": kind, "n": row.n_rows})
        return JobView(row, Progress(0, 0, None))

    def view(self, job_id: str, owner: str) -> JobView:
        """Return a job for its owner.

        Raises
        ------
        JobNotFound
            If there is none, it has expired, or it is another owner's: nobody is told which.
        """
        with self.reading() as session:
            return self._view(session, job_id, owner)

    def chunks(self, job_id: str) -> list[ChunkRow]:
        """Return the chunks of a job in their order; the last one stands for writing the answer."""
        with self.reading() as session:
            return list_chunks(session, job_id)

    def of_owner(
        self,
        owner: str,
        *,
        limit: int,
        phase: Phase | None = None,
        before: tuple[datetime, str] | None = None,
    ) -> list[JobView]:
        """Return an owner's jobs, newest first; see :func:`service.records.jobs.list_jobs`."""
        with self.reading() as session:
            now = database_time(session)
            rows = list_jobs(session, owner, now=now, limit=limit, phase=phase, before=before)
            return [viewed(session, row) for row in rows]

    def n_running(self) -> int:
        """Return how many jobs, anybody's, have chunks left to answer."""
        with self.reading() as session:
            return count_running(session, now=database_time(session))

    def start(self, job_id: str, owner: str) -> JobView:
        """Let a job run that was made PENDING, or again one that ended without a result: finished chunks stay.

        Raises
        ------
        JobNotFound
            If the owner has no such job.
        JobQuota
            If the owner has as many jobs as one may.
        JobWithoutResult
            If it runs already, or is completed.
        """
        with self.writing() as session, session.begin():
            view = self._view(session, job_id, owner)
            if view.row.phase not in _STARTABLE:
                raise JobWithoutResult(
                    f"The job is {view.row.phase}; only one that is {', '.join(_STARTABLE)} can be started.",
                    phase=view.row.phase,
                )
            if not view.row.is_active:
                take_turn(session, view.row.owner)
                check_quota(self._settings, session, view.row.owner, again=job_id)
            forgive(session, job_id)
            expires = database_time(session) + self.life
            cleared = {"error": None, "ended_at": None, "expires_at": expires}
            change_phase(session, job_id, Phase.QUEUED, among=_STARTABLE, **cleared)
            return self._view(session, job_id, owner)

    def abort(self, job_id: str, owner: str) -> JobView:
        """End a job that has not ended; what its workers still write is ignored. Its finished chunks stay until it goes.

        Raises
        ------
        JobNotFound
            If the owner has no such job.
        """
        with self.writing() as session, session.begin():
            view = self._view(session, job_id, owner)
            now = database_time(session)
            ended = {"ended_at": now, "expires_at": now + self.life}
            if change_phase(session, job_id, Phase.ABORTED, among=ACTIVE, **ended):
                record(session, owner=view.row.owner, action="job.abort", subject=job_id)
            return self._view(session, job_id, owner)

    def remove(self, job_id: str, owner: str) -> None:
        """End a job if need be, and remove it with all that it wrote.

        From the first commit on nobody finds it; if a crash comes after that, the next worker's tidying up removes it.

        Raises
        ------
        JobNotFound
            If the owner has no such job.
        JobsOff
            If the folder is read-only.
        """
        with self.writing() as session, session.begin():
            view = self._view(session, job_id, owner)
            now = database_time(session)
            change_phase(session, job_id, Phase.ABORTED, among=ACTIVE, ended_at=now)
            set_expiry(session, job_id, now)
            record(session, owner=view.row.owner, action="job.delete", subject=job_id)
        self.purge(job_id)

    def purge(self, job_id: str) -> None:
        """Remove the files and the rows of a job whose time is over."""
        with _writable():
            self.folder.discard(job_id)
        with self.writing() as session, session.begin():
            remove_job(session, job_id)

    @property
    def life(self) -> timedelta:
        """How long a job stays after its end, and one that does not end after its beginning."""
        return timedelta(days=self._settings.job_days)

    def _view(self, session: Session, job_id: str, owner: str) -> JobView:
        row = find_job(session, job_id, now=database_time(session))
        if row is None or row.owner not in {owner, NOBODY}:
            raise JobNotFound(f"You have no job {job_id!r}. GET /api/v1/jobs lists those of your key.")
        return viewed(session, row)

    def _register(self, owner: str, written: Input, made: Callable[..., JobRow]) -> JobRow:
        with self.writing() as session, session.begin():
            take_turn(session, owner)
            check_quota(self._settings, session, owner, written.n_bytes)
            now = database_time(session)
            row = made(created_at=now, turn_at=now, expires_at=now + self.life)
            add_job(session, row, written.rows_of_chunks)
            detail = {"kind": row.kind, "n_rows": row.n_rows}
            record(session, owner=owner, action="job.create", subject=row.id, detail=detail)
        return row


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _READ_ONLY:
            raise JobsOff(
                "This service has no place for jobs: its folder is read-only. Send batches that are answered at once."
            ) from error
        raise
