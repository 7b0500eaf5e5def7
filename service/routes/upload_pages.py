"""The pages of an upload: the form, the check of what was understood, the look-alikes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.auth import may_keep, may_upload
from service.dependencies import resources_of
from service.errors import detail_of, problem_of
from service.operations import uploads
from service.operations.keepsakes import make_keepsake, store
from service.operations.refusals import KeyInvalid, KeyNeeded
from service.routes.page_answers import PageRoute, page, refused
from service.upload_bodies import read_form, understand
from service.web import upload_pages as pages
from service.web.upload_form import FIELDS, Rights, overrides_of, said

if TYPE_CHECKING:
    from service.resources import Resources
    from survey.ingest import Understood

__all__ = ["rights_of", "router"]

_K = 48


@dataclass(slots=True)
class _Sent:
    """What a request has told so far, so that a refusal loses nothing of it."""

    fields: dict[str, str] = field(default_factory=dict)
    read: Understood | None = None
    rights: Rights = "none"


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
            rights=sent.rights,
        )
        return refused(request, error, template="upload.html", context=context)


router = APIRouter(prefix="/upload", include_in_schema=False, route_class=_UploadRoute)


async def rights_of(request: Request) -> Rights:
    """Return what the form may offer to whoever asks."""
    try:
        return "send" if await may_upload(request) is None else "keep"
    except (KeyNeeded, KeyInvalid):
        return "none"


@router.get("")
async def form(request: Request) -> Response:
    context = pages.form_page(resources_of(request), await rights_of(request))
    return page(request, "upload.html", context)


@router.post("/check")
async def check(request: Request) -> Response:
    return page(request, "upload.html", await _answered(request, _checked))


@router.post("")
async def look_alikes(request: Request) -> Response:
    return page(request, "results.html", await _answered(request, _searched, may_be_kept=True))


def _checked(resources: Resources, prepared: uploads.Prepared, sent: _Sent) -> dict[str, Any]:
    assert sent.read is not None
    return pages.check_page(resources, prepared, sent.read, sent.fields, sent.rights)


def _searched(resources: Resources, prepared: uploads.Prepared, _: _Sent) -> dict[str, Any]:
    return pages.results_page(resources, prepared, uploads.answer(prepared, _K))


async def _answered(
    request: Request,
    then: Callable[[Resources, uploads.Prepared, _Sent], dict[str, Any]],
    *,
    may_be_kept: bool = False,
) -> dict[str, Any]:
    """Read a sent form up to the calibrated field, make a page's context of it, and keep it if that was asked for."""
    resources = resources_of(request)
    owner = await may_upload(request)
    sent = request.state.sent = _Sent(rights="send" if owner is None else "keep")
    with resources.fairness.hold(request.client.host if request.client else ""):
        # Each field comes with what was understood of it before.
        form = await read_form(request, max_fields=2 * len(FIELDS) + 2)
        sent.fields = form.fields
        words = said(form.fields)
        overrides = overrides_of(words)
        if "survey" in words:
            # A survey that is not served is said before the file is read.
            resources.choose(words["survey"])
        keeper = await may_keep(request) if may_be_kept and form.fields.get("keep") else None
        sent.read = await understand(resources, form.files, overrides)
        keepsake = None
        if keeper is not None:
            make = partial(make_keepsake, keeper.name, form.files, overrides, sent.read)
            keepsake = await resources.workers.run(make)
            # What is answered is what is stored.
            sent.read = keepsake.understood
        prepare = partial(uploads.prepare, resources, sent.read, survey=words.get("survey"), release=None)
        context = await resources.workers.run(lambda: then(resources, prepare(), sent))
        if keepsake is not None:
            write = partial(store, resources, keepsake, context["release"]["id"])
            context |= pages.kept_block(await to_thread.run_sync(write))
        return context
