"""What is over goes: expired jobs, what completed ones no longer need, what crashes left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from service.records.jobs import Phase, all_jobs, database_time, expired_jobs

if TYPE_CHECKING:
    from service.jobs.store import JobStore

__all__ = ["over", "tidy"]

# No input takes as long to write; no job's folder outlives its row by a day.
_ARRIVING_SECONDS: Final = 6 * 3600.0
_DAY_SECONDS: Final = 86_400.0


def over(store: JobStore) -> list[str]:
    """Return the ids of the jobs that :func:`tidy` would remove."""
    with store.reading() as session:
        expired = expired_jobs(session, database_time(session))
        known = {row.id for row in all_jobs(session)}
    return sorted({*expired, *_unknown(store, known)})


def tidy(store: JobStore) -> list[str]:
    """Remove jobs whose time is over, with their files; returns their ids.

    A folder that this database does not know goes when it is older than any job can be, so that a worker pointed at
    another database by mistake removes no job that runs.

    Raises
    ------
    JobsOff
        If the folder is read-only.
    """
    gone = over(store)
    for job_id in gone:
        store.purge(job_id)
    with store.reading() as session:
        completed = [row for row in all_jobs(session) if row.phase is Phase.COMPLETED]
    for row in completed:
        # A worker that died after its last commit left inputs and chunks.
        if store.folder.has_input(row.id):
            answer = store.chunks(row.id)[-1:]
            store.folder.keep_only(row.id, {chunk.result for chunk in answer if chunk.result})
    store.folder.sweep(older_than=_ARRIVING_SECONDS, now=time.time())
    return gone


def _unknown(store: JobStore, known: set[str]) -> list[str]:
    oldest = time.time() - store.life.total_seconds() - _DAY_SECONDS
    return [i for i in store.folder.ids() if i not in known and store.folder.touched(i) < oldest]
