"""The page of a job: how far it is, cancel, go on, delete, download."""

from __future__ import annotations

from functools import partial

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.auth import owner_or_nobody
from service.dependencies import resources_of
from service.operations.jobs import told
from service.routes.jobs import JobId
from service.routes.page_answers import PageRoute, page
from service.routes.same_origin import check_same_origin
from service.web.job_pages import job_page

__all__ = ["router"]

# What one person asks is for no cache that another one reads.
_PRIVATE = {"cache-control": "private, no-store"}

router = APIRouter(prefix="/jobs", include_in_schema=False, route_class=PageRoute)


@router.get("/{job_id}")
async def job(request: Request, job_id: JobId) -> Response:
    resources, owner = resources_of(request), await owner_or_nobody(request)
    view = await to_thread.run_sync(resources.jobs.view, job_id, owner)
    return page(request, "job.html", job_page(resources, told(view)), headers=_PRIVATE)


@router.post("/{job_id}/abort")
async def abort_job(request: Request, job_id: JobId) -> Response:
    return await _changed(request, job_id, "abort")


@router.post("/{job_id}/start")
async def start_job(request: Request, job_id: JobId) -> Response:
    return await _changed(request, job_id, "start")


@router.post("/{job_id}/delete")
async def delete_job(request: Request, job_id: JobId) -> Response:
    return await _changed(request, job_id, "remove", leads_to="/")


async def _changed(request: Request, job_id: str, act: str, *, leads_to: str | None = None) -> Response:
    check_same_origin(request, f"Another site asked to change this job. Do it on the page /jobs/{job_id}.")
    owner = await owner_or_nobody(request)
    await to_thread.run_sync(partial(getattr(resources_of(request).jobs, act), job_id, owner))
    return RedirectResponse(leads_to or f"/jobs/{job_id}", status_code=303)
