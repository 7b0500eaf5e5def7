"""The page of the map."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.dependencies import resources_of
from service.parameters import ReleaseName, SurveyName
from service.routes.page_answers import PageRoute, page
from service.web.map_pages import map_page

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/map")
async def the_map(
    request: Request, *, survey: SurveyName = None, release: ReleaseName = None, colour: str | None = None
) -> Response:
    resources = resources_of(request)
    served = resources.choose(survey, release)
    work = partial(map_page, resources, served, colour=colour)
    return page(request, "map.html", await resources.workers.run(work))
