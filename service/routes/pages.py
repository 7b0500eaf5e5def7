"""The web pages: server-rendered, one for each question."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.auth import may_upload
from service.dependencies import resources_of
from service.operations import uploads
from service.operations.anomalies import decode_cursor
from service.operations.neighbours import Filters
from service.operations.refusals import InvalidFilter, NotAPosition
from service.operations.targets import place_of
from service.parameters import Cursor, ReleaseName, SurveyName, checked_id
from service.resources import Resources
from service.routes.page_answers import PageRoute, page
from service.upload_bodies import read_form, understand
from service.web import pages
from service.web.cards import search_url
from survey.ingest import CutoutRejected, Overrides

__all__ = ["router"]

_PAGE = 48

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/")
async def home(request: Request) -> Response:
    return page(request, "home.html", pages.home_page(resources_of(request)))


@router.get("/search")
async def search(
    request: Request,
    *,
    target: str = "",
    id: str = "",  # noqa: A002 - the name in the permalink
    survey: SurveyName = None,
    release: ReleaseName = None,
    k: str = "",
    z_min: str = "",
    z_max: str = "",
) -> Response:
    resources = resources_of(request)
    wanted = _number(k, "k", 1, 200) or _PAGE
    if wanted != int(wanted):
        raise InvalidFilter("k must be a whole number from 1 to 200.")
    filters = Filters(_number(z_min, "z from", -1, 20), _number(z_max, "z to", -1, 20))
    if id:
        served, row = resources.locate(_checked(id), survey, release)
        notice = ""
    else:
        served = resources.choose(survey, release)
        place = place_of(
            resources, served, ra_deg=None, dec_deg=None, target=_checked(target.strip()), radius_deg=3 / 3600
        )
        row, notice = place.row, place.note
    work = partial(pages.object_page, resources, served, row, k=int(wanted), filters=filters, notice=notice)
    return page(request, "results.html", await resources.workers.run(work))


@router.get("/random")
async def random_galaxy(request: Request, survey: SurveyName = None) -> Response:
    served = resources_of(request).default(survey)
    object_id = served.release.columns.ids[secrets.randbelow(served.release.info.n)]
    return RedirectResponse(search_url(survey=served.survey, object_id=object_id), status_code=303)


@router.get("/anomalies")
async def anomalies(
    request: Request, *, survey: SurveyName = None, release: ReleaseName = None, cursor: Cursor = None
) -> Response:
    resources = resources_of(request)
    start = 0
    if cursor is not None:
        release, start = decode_cursor(cursor, resources.releases)
    served = resources.choose(survey, release)
    return page(request, "anomalies.html", pages.anomaly_page(resources, served, start=start, limit=_PAGE))


@router.get("/docs")
async def docs(request: Request) -> Response:
    schema = request.app.openapi()
    operations = [
        {"path": path, "method": method.upper(), **operation}
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    context = {"operations": operations, "about": schema["info"]["description"]}
    return page(request, "docs.html", {**pages.served_context(resources_of(request)), **context})


@router.post("/upload")
async def upload(request: Request) -> Response:
    resources = resources_of(request)
    await may_upload(request)
    with resources.fairness.hold(request.client.host if request.client else ""):
        form = await read_form(request, max_fields=10)
        survey = form.fields.get("survey") or None
        understood = await understand(resources, form.files, _overrides(form.fields))
        prepare = partial(uploads.prepare, resources, understood, survey=survey, release=None)
        context = await resources.workers.run(lambda: _answered(resources, prepare()))
    return page(request, "results.html", context)


def _answered(resources: Resources, prepared: uploads.Prepared) -> dict[str, Any]:
    # Rendering pulls in Pillow and is only needed here.
    from survey.rendering import encode, to_rgb  # noqa: PLC0415

    picture = encode(to_rgb(prepared.understood.cutout), "png")
    return pages.upload_page(resources, prepared, uploads.answer(prepared, _PAGE), picture)


def _overrides(fields: Mapping[str, str]) -> Overrides:
    def number(name: str, low: float, high: float) -> float | None:
        return _number(fields.get(name, ""), name, low, high)

    try:
        return Overrides(
            fields.get("bands", "").strip() or None,
            None,
            number("zeropoint", -50, 80),
            number("pixscale", 1e-3, 100),
            number("ra", 0, 360),
            number("dec", -90, 90),
        )
    except ValueError as error:
        raise CutoutRejected("request.invalid", f"{str(error).capitalize()}.") from error


def _number(text: str, name: str, low: float, high: float) -> float | None:
    """Read a form field; an empty one is None."""
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise InvalidFilter(f"{name} must be a number from {low:g} to {high:g}.")
    return value


def _checked(text: str) -> str:
    try:
        return checked_id(text)
    except ValueError as error:
        raise NotAPosition(f"The target cannot be read: {error}.") from error
