"""The pages of kept uploads: the list, one of them with its look-alikes, delete."""

from __future__ import annotations

from functools import partial
from typing import Any

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.auth import owner_needed
from service.dependencies import resources_of
from service.operations import keeping, kept_files, uploads
from service.operations.kept_list import listed
from service.parameters import Cursor
from service.routes.kept import UploadId
from service.routes.page_answers import PageRoute, page
from service.routes.same_origin import check_same_origin
from service.web.kept_pages import kept_page
from service.web.upload_pages import kept_block, results_page

__all__ = ["router"]

_PAGE, _K = 48, 48
# What one person keeps is for no cache that another one reads.
_PRIVATE = {"cache-control": "private, no-store"}

router = APIRouter(prefix="/uploads", include_in_schema=False, route_class=PageRoute)


@router.get("")
async def kept_uploads(request: Request, cursor: Cursor = None) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def ask() -> dict[str, Any]:
        with resources.sessions() as session:
            return listed(session, resources.settings, owner.name, limit=_PAGE, cursor=cursor)

    context = kept_page(resources, await to_thread.run_sync(ask))
    return page(request, "uploads.html", context, headers=_PRIVATE)


@router.get("/{upload_id}")
async def kept_upload(request: Request, upload_id: UploadId) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def again() -> dict[str, Any]:
        with resources.sessions() as session:
            row = kept_files.find(session, owner.name, upload_id)
        first = row.release_id if row.release_id in resources.releases else None
        understood = kept_files.pixels(resources, row)
        prepared = uploads.prepare(resources, understood, survey=None, release=first)
        return results_page(resources, prepared, uploads.answer(prepared, _K)) | kept_block(row.id)

    with resources.fairness.hold(request.client.host if request.client else ""):
        context = await resources.workers.run(again)
    return page(request, "results.html", context, headers=_PRIVATE)


@router.post("/{upload_id}/delete")
async def delete_upload(request: Request, upload_id: UploadId) -> Response:
    check_same_origin(request, "Another site asked to delete this upload. Delete it on the page /uploads.")
    owner = await owner_needed(request)
    forget = partial(keeping.forget, resources_of(request), owner=owner.name, upload_id=upload_id)
    await to_thread.run_sync(forget)
    return RedirectResponse("/uploads", status_code=303)
