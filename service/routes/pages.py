"""The web pages: server-rendered, one for each question."""

from __future__ import annotations

import secrets
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.dependencies import resources_of
from service.operations.refusals import InvalidFilter, NotAPosition
from service.operations.targets import place_of
from service.parameters import ReleaseName, SurveyName, checked_id
from service.routes import anomaly_pages, job_pages, kept_pages, map_pages, session_pages, upload_pages
from service.routes.page_answers import PageRoute, page
from service.selection_parameters import selection_of
from service.web import pages
from service.web.cards import search_url
from service.web.upload_form import number

__all__ = ["router"]

_PAGE = 48

router = APIRouter(include_in_schema=False, route_class=PageRoute)
router.include_router(upload_pages.router)
router.include_router(kept_pages.router)
router.include_router(job_pages.router)
router.include_router(anomaly_pages.router)
router.include_router(map_pages.router)
router.include_router(session_pages.router)


@router.get("/")
async def home(request: Request) -> Response:
    return page(
        request,
        "home.html",
        {**pages.home_page(resources_of(request)), "rights": await upload_pages.rights_of(request)},
    )


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
    wanted = number(k, "k", 1, 200) or _PAGE
    if wanted != int(wanted):
        raise InvalidFilter("k must be a whole number from 1 to 200.")
    selection = selection_of(z_min=number(z_min, "z from", -1, 20), z_max=number(z_max, "z to", -1, 20))
    if id:
        served, row = resources.locate(_checked(id), survey, release)
        notice = ""
    else:
        served = resources.choose(survey, release)
        place = place_of(
            resources, served, ra_deg=None, dec_deg=None, target=_checked(target.strip()), radius_deg=3 / 3600
        )
        row, notice = place.row, place.note
    work = partial(
        pages.object_page,
        resources,
        served,
        row,
        k=int(wanted),
        selection=selection,
        notice=notice,
    )
    return page(request, "results.html", await resources.workers.run(work))


@router.get("/random")
async def random_galaxy(request: Request, survey: SurveyName = None) -> Response:
    served = resources_of(request).default(survey)
    galaxies = served.release.galaxies
    object_id = served.release.columns.ids[galaxies[secrets.randbelow(len(galaxies))]]
    return RedirectResponse(search_url(survey=served.survey, object_id=object_id), status_code=303)


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


def _checked(text: str) -> str:
    try:
        return checked_id(text)
    except ValueError as error:
        raise NotAPosition(f"The target cannot be read: {error}.") from error
