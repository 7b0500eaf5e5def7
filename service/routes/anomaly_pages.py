"""The page of anomalies."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from index.selection import EVERYTHING
from service.anomaly_parameters import AnomaliesAsked
from service.asked import asked_of
from service.dependencies import resources_of
from service.list_answers import list_begun
from service.operations.anomaly_list import ranked
from service.operations.list_cursors import encode_list_cursor
from service.parameters import Cursor, ReleaseName, SurveyName
from service.resources import Resources
from service.routes.page_answers import PageRoute, page
from service.served import Served
from service.web.anomaly_pages import anomalies_page

__all__ = ["router"]

_PAGE = 48

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/anomalies")
async def anomalies(
    request: Request, *, survey: SurveyName = None, release: ReleaseName = None, cursor: Cursor = None
) -> Response:
    resources, question = resources_of(request), asked_of(request)
    served, start = list_begun(resources, question, cursor, survey=survey, release=release)
    work = partial(_shown, resources, served, question.digest(), start)
    return page(request, "anomalies.html", await resources.workers.run(work))


def _shown(resources: Resources, served: Served, digest: str, start: int) -> dict[str, Any]:
    end = start + _PAGE
    listed, members = ranked(served.release, served.rankings, AnomaliesAsked(), EVERYTHING, end)
    cursor = encode_list_cursor(served.release.id, digest, end) if end < len(listed.rows) else None
    return anomalies_page(resources, served, listed, members, start=start, limit=_PAGE, cursor=cursor)
