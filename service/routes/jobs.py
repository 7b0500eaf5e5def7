"""Jobs: watched, cancelled, started again, removed, their answers fetched."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from service.answers import PRIVATE, JSONAnswer
from service.auth import owner_needed, owner_or_nobody
from service.dependencies import StrictRoute, resources_of
from service.formats.writing import FORMATS
from service.jobs.view import JobView
from service.middleware import WAITED
from service.operations import jobs
from service.parameters import Cursor
from service.records.jobs import Phase
from service.routes.replies import COMMON, SECURITY, problems
from service.schemas.jobs import JobAnswer, JobError, JobRows, Jobs

__all__ = ["ACCEPTED", "JobId", "accepted", "router"]

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], route_class=StrictRoute)

_OWN = ("auth.key_invalid", "database.unavailable")
_ONE = (*_OWN, "job.not_found")
_BINARY = {"schema": {"type": "string", "format": "binary"}}

#: For the ``responses`` of paths that make jobs.
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "model": JobAnswer,
        "description": "Too large for one answer: a job, whose address is in `Location`.",
    }
}

JobId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="`job_id` as the answer 202 has it.",
        examples=["5f0c3a9d7be2441c8a6f1e0d2b3c4d5e"],
    ),
]
Wait = Annotated[
    float,
    Query(
        alias="wait",
        ge=-1,
        le=3600,
        allow_inf_nan=False,
        description="Answer when the phase changes, or after so many seconds; 8 at most, also for -1.",
    ),
]
# How far each of them is takes questions of its own.
Listed = Annotated[int, Query(alias="limit", ge=1, le=200, description="Jobs in the answer, 1 to 200.")]
PhaseFilter = Annotated[Phase | None, Query(alias="phase", description="Only jobs in this phase.")]


def accepted(view: JobView) -> Response:
    """Answer 202 with a job that was just made."""
    return JSONAnswer(
        jobs.told(view), status_code=202, headers={**PRIVATE, "Location": jobs.href_of(view.row.id)}
    )


@router.get(
    "",
    summary="Your jobs",
    description="Those of the key with which you ask, newest first; jobs made without a key are in no list.",
    response_model=Jobs,
    responses=problems(*COMMON, *_OWN, "auth.key_needed", "cursor.invalid"),
    openapi_extra=SECURITY,
)
async def all_jobs(
    request: Request, limit: Listed = 50, cursor: Cursor = None, phase: PhaseFilter = None
) -> Response:
    owner = await owner_needed(request)
    store = resources_of(request).jobs
    work = partial(jobs.listed, store, owner.name, limit=limit, cursor=cursor, phase=phase)
    return _private(await to_thread.run_sync(work))


@router.get(
    "/{job_id}",
    summary="A job",
    description=(
        "Its phase as in IVOA UWS 1.1, how far it is, and where its answer lies. A job belongs to the key that it was made "
        "with; one made without a key is opened by its id."
    ),
    response_model=JobAnswer,
    responses=problems(*COMMON, *_ONE),
    openapi_extra=SECURITY,
)
async def job(request: Request, job_id: JobId, wait: Wait = 0.0) -> Response:
    owner, begun = await owner_or_nobody(request), time.perf_counter()
    view = await jobs.waited(resources_of(request).jobs, job_id, owner, wait)
    if wait:
        request.scope[WAITED] = time.perf_counter() - begun
    return _private(jobs.told(view))


@router.delete(
    "/{job_id}",
    summary="Cancel and remove a job",
    description="It ends at once if it has not ended, and goes with its rows and its answer.",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is gone."}, **problems(*COMMON, *_ONE, "job.off")},
    openapi_extra=SECURITY,
)
async def remove_job(request: Request, job_id: JobId) -> Response:
    owner = await owner_or_nobody(request)
    await to_thread.run_sync(resources_of(request).jobs.remove, job_id, owner)
    return Response(status_code=204, headers=PRIVATE)


@router.post(
    "/{job_id}/abort",
    summary="Cancel a job",
    description="It ends in ABORTED, its finished chunks stay until it expires; one that has ended stays as it is.",
    response_model=JobAnswer,
    responses=problems(*COMMON, *_ONE),
    openapi_extra=SECURITY,
)
async def abort_job(request: Request, job_id: JobId) -> Response:
    owner = await owner_or_nobody(request)
    return _private(jobs.told(await to_thread.run_sync(resources_of(request).jobs.abort, job_id, owner)))


@router.post(
    "/{job_id}/start",
    summary="Start a job again",
    description="One that ended in ERROR or ABORTED goes on from its finished chunks; one that is PENDING begins.",
    response_model=JobAnswer,
    responses=problems(*COMMON, *_ONE, "job.phase", "job.quota"),
    openapi_extra=SECURITY,
)
async def start_job(request: Request, job_id: JobId) -> Response:
    owner = await owner_or_nobody(request)
    return _private(jobs.told(await to_thread.run_sync(resources_of(request).jobs.start, job_id, owner)))


@router.get(
    "/{job_id}/error",
    summary="Why a job failed",
    description="In words, with what to do; null unless the job ended in ERROR.",
    response_model=JobError,
    responses=problems(*COMMON, *_ONE),
    openapi_extra=SECURITY,
)
async def job_error(request: Request, job_id: JobId) -> Response:
    owner = await owner_or_nobody(request)
    row = (await to_thread.run_sync(resources_of(request).jobs.view, job_id, owner)).row
    return _private({"job_id": row.id, "phase": row.phase, "error": row.error})


@router.get(
    "/{job_id}/results/result",
    summary="The answer of a job",
    description=(
        "One row for each row sent, in the same order, in the format that the job was made with. `Range` fetches parts, "
        "`If-None-Match` with the `ETag` asks whether it is still the same."
    ),
    response_class=Response,
    responses={
        200: {
            "model": JobRows,
            "description": "The answer.",
            "content": {
                one.media_type.partition(";")[0]: _BINARY for one in FORMATS.values() if one.name != "json"
            },
        },
        206: {"description": "The part that `Range` names."},
        304: {"description": "It is still the same."},
        **problems(*COMMON, *_ONE, "job.unfinished", "job.phase", "job.lost"),
    },
    openapi_extra=SECURITY,
)
async def job_result(request: Request, job_id: JobId) -> Response:
    owner, store = await owner_or_nobody(request), resources_of(request).jobs

    def find() -> tuple[JobView, Any, Any]:
        view = store.view(job_id, owner)
        return view, *jobs.result_file(store, view)

    view, path, stat = await to_thread.run_sync(find)
    assert view.answer is not None
    # The hash of the bytes: another run of the same job may write another file.
    tag = f'"{view.answer.digest}"'
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization", "ETag": tag}
    given = request.headers.get("if-none-match", "")
    if given == "*" or tag in [item.strip().removeprefix("W/") for item in given.split(",")]:
        return Response(status_code=304, headers=headers)
    shape = FORMATS[view.row.format]
    name = {"Content-Disposition": f'attachment; filename="{view.row.kind}-{job_id[:8]}{shape.suffix}"'}
    return FileResponse(path, headers=headers | name, media_type=shape.media_type, stat_result=stat)


def _private(content: dict[str, Any]) -> Response:
    return JSONAnswer(content, headers=PRIVATE)
