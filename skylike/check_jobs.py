"""Compares the jobs of the database with their folders, and removes what is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from index.catalogue.migrate import is_current
from index.catalogue.session import make_engine
from service.jobs.store import JobStore
from service.jobs.tidy import over, tidy
from service.records.jobs import JobRow, Phase, all_jobs, database_time
from service.settings import Settings
from skylike.findings import Finding, complaint, ok
from survey.manifests import file_sha256

__all__ = ["check_jobs", "tidy_jobs"]


def check_jobs(url: str, root: Path) -> Iterator[Finding]:
    """Yield a finding for every job whose files are missing or damaged, and one for all others; nothing without jobs.

    Parameters
    ----------
    root
        The folder of jobs.
    """
    try:
        if not is_current(url):
            return
    except SQLAlchemyError:
        # Others complain of it.
        return
    with _store(url, root) as store:
        with store.reading() as session:
            now = database_time(session)
            rows = [row for row in all_jobs(session) if row.expires_at > now]
        whole = [row for row in rows if _is_whole(store, row)]
    for row in rows:
        if row not in whole:
            found = f"of {row.owner}, {row.phase}, and its files are missing or damaged"
            yield complaint(
                f"job {row.id}", found, f"look at the disk under {root}, or let the owner send it again"
            )
    if whole:
        running = sum(row.phase in {Phase.QUEUED, Phase.EXECUTING} for row in whole)
        yield ok("jobs", f"{len(whole)}, {running} of them queued or running, files are there")


def tidy_jobs(url: str, root: Path, *, dry_run: bool = False) -> list[str]:
    """Remove jobs whose time is over, as every worker does once a minute; returns their ids.

    Parameters
    ----------
    dry_run
        Only tell.
    """
    with _store(url, root) as store:
        return over(store) if dry_run else tidy(store)


def _is_whole(store: JobStore, row: JobRow) -> bool:
    if row.phase is not Phase.COMPLETED:
        return store.folder.has_input(row.id)
    answer = store.chunks(row.id)[-1]
    path = store.folder.path(row.id) / (answer.result or "")
    return path.is_file() and file_sha256(path) == answer.digest


@contextmanager
def _store(url: str, root: Path) -> Iterator[JobStore]:
    engine = make_engine(url)
    try:
        yield JobStore(engine, Settings(jobs_dir=root))
    finally:
        engine.dispose()
