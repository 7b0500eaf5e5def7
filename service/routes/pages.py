"""The web pages: server-rendered, one for each question."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Coroutine, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.dependencies import resources_of
from service.errors import EXCEPTIONS, detail_of, problem_of
from service.operations import neighbours, uploads
from service.operations.anomalies import decode_cursor
from service.operations.neighbours import Filters
from service.operations.refusals import InvalidFilter, NotAPosition, UploadsOff
from service.operations.targets import place_of
from service.parameters import Cursor, ReleaseName, SurveyName, checked_id
from service.resources import Resources
from service.upload_bodies import read_form, understand
from service.web import pages
from service.web.cards import card_of, search_url
from survey.ingest import CutoutRejected, Overrides

__all__ = ["STATIC", "router"]

_WEB = Path(__file__).parents[1] / "web"
STATIC = _WEB / "static"
_PAGE = 48
_REFUSALS: tuple[type[Exception], ...] = (*EXCEPTIONS, RequestValidationError, HTTPException)


class PageRoute(APIRoute):
    """A route whose refusals are pages too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()

        async def paged(request: Request) -> Response:
            try:
                return await handle(request)
            except _REFUSALS as error:
                problem = problem_of(error)
                return _refused(
                    request, problem.title, detail_of(error), problem.status, getattr(error, "facts", None)
                )

        return paged


router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/")
async def home(request: Request) -> Response:
    return _page(request, "home.html", pages.home_page(resources_of(request)))


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
    wanted = int(_number(k, "k", 1, 200) or _PAGE)
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
    work = partial(pages.object_page, resources, served, row, k=wanted, filters=filters, notice=notice)
    return _page(request, "results.html", await resources.workers.run(work))


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
    return _page(request, "anomalies.html", pages.anomaly_page(resources, served, start=start, limit=_PAGE))


@router.get("/docs")
async def docs(request: Request) -> Response:
    schema = request.app.openapi()
    operations = [
        {"path": path, "method": method.upper(), **operation}
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    context = {"operations": operations, "about": schema["info"]["description"]}
    return _page(request, "docs.html", {**pages.served_context(resources_of(request)), **context})


@router.post("/upload")
async def upload(request: Request) -> Response:
    resources = resources_of(request)
    if not resources.settings.upload_anonymous:
        raise UploadsOff("Uploads are switched off on this service.")
    with resources.fairness.hold(request.client.host if request.client else ""):
        form = await read_form(request, max_fields=10)
        survey = form.fields.get("survey") or None
        understood = await understand(resources, form.files, _overrides(form.fields))
        prepare = partial(uploads.prepare, resources, understood, survey=survey, release=None)
        context = await resources.workers.run(lambda: _answered(resources, prepare()))
    return _page(request, "results.html", context)


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


def _refused(
    request: Request, title: str, detail: str, status: int, facts: dict[str, Any] | None = None
) -> Response:
    resources = resources_of(request)
    context = {**pages.served_context(resources), "heading": title, "detail": detail, "hits": []}
    context["steps"] = [step["text"] for step in (facts or {}).get("ingest", {}).get("steps", [])]
    context["is_upload"] = request.url.path == "/upload"
    nearest = (facts or {}).get("nearest")
    if facts and nearest:
        served = resources.releases[facts["release"]["id"]]
        row = neighbours.columns_of(served, [served.release.columns.row_of(nearest["object_id"])])[0]
        score = f"{nearest['separation_arcsec']:.0f}″ away"
        context["hits"] = [card_of(row, release=served.block, score=score, score_title="distance on the sky")]
    return _page(request, "choices.html", context, status=status)


def _page(request: Request, template: str, context: dict[str, Any], status: int = 200) -> Response:
    html = (
        _templates()
        .get_template(template)
        .render({"target": "", "version": request.app.version, "base_url": str(request.base_url), **context})
    )
    return HTMLResponse(
        html, status_code=status, headers={"cache-control": "no-store"} if status >= 400 else None
    )


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_WEB / "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = _static
    return environment


@cache
def _static(name: str) -> str:
    """Address a static file by its content, so that it may be cached for ever."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"
