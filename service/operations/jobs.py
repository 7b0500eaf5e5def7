"""Jobs as their owners see them: told, listed, waited for, their answers found."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anyio import sleep, to_thread

from service.formats.writing import FORMATS
from service.operations.refusals import JobLost, JobUnfinished, JobWithoutResult
from service.operations.time_cursors import decode_cursor, encode_cursor
from service.records.jobs import NOBODY, Phase

if TYPE_CHECKING:
    from service.jobs.store import JobStore
    from service.jobs.view import JobView

__all__ = ["LONGEST_WAIT", "href_of", "listed", "progress_text", "result_file", "told", "waited"]

#: Seconds: clients and proxies give up a connection that is silent for much longer.
LONGEST_WAIT: Final = 8.0
_LOOK_SECONDS: Final = 0.4


def href_of(job_id: str) -> str:
    """Return a job's address."""
    return f"/api/v1/jobs/{job_id}"


def told(view: JobView) -> dict[str, Any]:
    """Return what is said of a job."""
    row = view.row
    return {
        "job_id": row.id,
        "kind": row.kind,
        "phase": row.phase,
        "owner": None if row.owner == NOBODY else row.owner,
        "format": row.format,
        "parameters": row.parameters,
        "progress": _progress(view),
        **{
            name: at and at.isoformat(timespec="milliseconds")
            for name, at in (
                ("created_at", row.created_at),
                ("started_at", row.started_at),
                ("ended_at", row.ended_at),
                ("expires_at", row.expires_at),
            )
        },
        "error": row.error,
        "href": href_of(row.id),
        "results": _results(view),
    }


def listed(
    jobs: JobStore, owner: str, *, limit: int, cursor: str | None, phase: Phase | None
) -> dict[str, Any]:
    """Return one page of an owner's jobs, newest first, with the cursor of the next.

    Raises
    ------
    CursorInvalid
        If the cursor is none of ours.
    """
    before = None if cursor is None else decode_cursor(cursor)
    views = jobs.of_owner(owner, limit=limit + 1, phase=phase, before=before)
    page = views[:limit]
    more = encode_cursor(page[-1].row.created_at, page[-1].row.id) if len(views) > limit else None
    return {"owner": owner, "next_cursor": more, "jobs": [told(view) for view in page]}


async def waited(jobs: JobStore, job_id: str, owner: str, seconds: float) -> JobView:
    """Return a job when its phase changes, or after some seconds; at once if it has ended.

    Parameters
    ----------
    seconds
        At most :data:`LONGEST_WAIT` count, and so many for a negative number, as UWS clients send for "as long as
        you like".

    Raises
    ------
    JobNotFound
        If the owner has no such job.
    """
    until = time.monotonic() + (LONGEST_WAIT if seconds < 0 else min(seconds, LONGEST_WAIT))
    first = view = await to_thread.run_sync(jobs.view, job_id, owner)
    while view.row.is_active and view.row.phase is first.row.phase:
        left = until - time.monotonic()
        if left <= 0:
            break
        await sleep(min(left, _LOOK_SECONDS))
        view = await to_thread.run_sync(jobs.view, job_id, owner)
    return view


def result_file(jobs: JobStore, view: JobView) -> tuple[Path, os.stat_result]:
    """Return the file of a job's answer, with its status; its chunk in the view has name, hash and size.

    Raises
    ------
    JobUnfinished
        If it is not there yet.
    JobWithoutResult
        If it never will be, unless the job is started again.
    JobLost
        If it should be there and is not.
    """
    row = view.row
    if row.is_active:
        raise JobUnfinished(
            f"The job is {row.phase}: {progress_text(view)}. Ask again: {href_of(row.id)}?wait=8",
            phase=row.phase,
            progress=_progress(view),
        )
    if row.phase is not Phase.COMPLETED:
        why = row.error or "It was cancelled."
        raise JobWithoutResult(f"The job ended in {row.phase} and has no result. {why}", phase=row.phase)
    name = None if view.answer is None else view.answer.result
    path = jobs.folder.path(row.id) / (name or "missing")
    try:
        # Once: its owner may remove the job at this moment.
        return path, path.stat()
    except FileNotFoundError as error:
        raise JobLost(
            f"The answer of job {row.id} is missing. Delete the job and send its rows again."
        ) from error


def progress_text(view: JobView) -> str:
    """Say how far a job is: rows, and the time left where it is known."""
    text = f"{view.progress.rows_done:,} of {view.row.n_rows:,} rows done"
    return text if view.eta_s is None else f"{text}, about {view.eta_s:,.0f} s left"


def _progress(view: JobView) -> dict[str, Any]:
    row, done = view.row, view.progress
    return {
        "rows_done": done.rows_done,
        "rows_total": row.n_rows,
        "chunks_done": min(done.chunks_done, row.n_chunks),
        "chunks_total": row.n_chunks,
        "rows_per_s": done.rows_per_s,
        "eta_s": view.eta_s,
    }


def _results(view: JobView) -> list[dict[str, Any]]:
    if view.answer is None or view.answer.result is None:
        return []
    return [
        {
            "id": "result",
            "href": f"{href_of(view.row.id)}/results/result",
            "media_type": FORMATS[view.row.format].media_type,
            "n_bytes": view.answer.n_bytes,
            "sha256": view.answer.digest,
        }
    ]
