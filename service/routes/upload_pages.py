"""The pages of an upload: the form, the check of what was understood, the look-alikes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.auth import may_upload
from service.dependencies import resources_of
from service.errors import detail_of, problem_of
from service.operations import uploads
from service.routes.page_answers import PageRoute, page, refused
from service.upload_bodies import read_form, understand
from service.web import upload_pages as pages
from service.web.upload_form import FIELDS, overrides_of, said

if TYPE_CHECKING:
    from service.resources import Resources
    from survey.ingest import Understood

__all__ = ["router"]

_K = 48


@dataclass(slots=True)
class _Sent:
    """What a request has told so far, so that a refusal loses nothing of it."""

    fields: dict[str, str] = field(default_factory=dict)
    read: Understood | None = None


class _UploadRoute(PageRoute):
    """A route whose refusals come with the form as it was sent."""

    def refused(self, request: Request, error: Exception) -> Response:
        """Say beside the form why the file cannot be used."""
        if request.method != "POST":
            return refused(request, error)
        sent: _Sent = getattr(request.state, "sent", None) or _Sent()
        problem, facts = problem_of(error), getattr(error, "facts", None) or {}
        context = pages.refusal_page(
            resources_of(request),
            title=problem.title,
            detail=detail_of(error),
            code=problem.slug,
            fields=sent.fields,
            read=sent.read,
            ingest=facts.get("ingest"),
        )
        return refused(request, error, template="upload.html", context=context)


router = APIRouter(prefix="/upload", include_in_schema=False, route_class=_UploadRoute)


@router.get("")
async def form(request: Request) -> Response:
    return page(request, "upload.html", pages.form_page(resources_of(request)))


@router.post("/check")
async def check(request: Request) -> Response:
    def checked(resources: Resources, prepared: uploads.Prepared, fields: dict[str, str]) -> dict[str, Any]:
        return pages.check_page(resources, prepared, fields)

    return page(request, "upload.html", await _prepared(request, checked))


@router.post("")
async def look_alikes(request: Request) -> Response:
    def answered(resources: Resources, prepared: uploads.Prepared, _: dict[str, str]) -> dict[str, Any]:
        return pages.results_page(resources, prepared, uploads.answer(prepared, _K))

    return page(request, "results.html", await _prepared(request, answered))


async def _prepared(
    request: Request, then: Callable[[Resources, uploads.Prepared, dict[str, str]], dict[str, Any]]
) -> dict[str, Any]:
    """Read a sent form up to the calibrated field, and make a page's context of it."""
    resources = resources_of(request)
    await may_upload(request)
    sent = request.state.sent = _Sent()
    with resources.fairness.hold(request.client.host if request.client else ""):
        # Each field comes with what was understood of it before.
        form = await read_form(request, max_fields=2 * len(FIELDS) + 2)
        sent.fields = form.fields
        words = said(form.fields)
        if "survey" in words:
            # A survey that is not served is said before the file is read.
            resources.choose(words["survey"])
        sent.read = await understand(resources, form.files, overrides_of(words))
        prepare = partial(uploads.prepare, resources, sent.read, survey=words.get("survey"), release=None)
        return await resources.workers.run(lambda: then(resources, prepare(), form.fields))
