"""Anomaly scores by id, and the ranked list."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.anomaly_parameters import Anomalies
from service.answers import answer
from service.asked import asked_of
from service.certificate import sealed
from service.dependencies import StrictRoute, resources_of
from service.list_answers import FILES, LIST_PROBLEMS, Listed, list_answer
from service.lists import ObjectList
from service.operations import anomalies
from service.operations.anomaly_list import ranked
from service.parameters import ObjectId, ReleaseName, SurveyName
from service.routes.replies import COMMON, problems
from service.schemas.anomalies import AnomaliesAnswer, AnomalyAnswer
from service.selection_parameters import Selected
from service.served import Served

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["anomaly"], route_class=StrictRoute)

_LOST = ("survey.not_found", "release.not_found", "release.mismatch")


@router.get(
    "/objects/{object_id}/anomaly",
    summary="Anomaly score of an object",
    description=(
        "How far the object is from its nearest neighbours, as a percentile of the whole release; the neighbours are "
        "the score's cause. A high score says unusual, which may as well be an artefact."
    ),
    response_model=AnomalyAnswer,
    responses=problems(*COMMON, "object.not_found", "object.not_indexed", *_LOST),
)
async def anomaly_by_id(
    request: Request, object_id: ObjectId, survey: SurveyName = None, release: ReleaseName = None
) -> Response:
    served, row = resources_of(request).locate(object_id, survey, release)
    return answer(
        {
            "release": served.block,
            "search": sealed(served.from_graph[1], replay=asked_of(request).token(served)),
            "object_id": object_id,
            "anomaly": anomalies.of_row(served, row),
        }
    )


@router.get(
    "/anomalies",
    summary="The most anomalous objects",
    description=(
        "Objects of the release, the oddest first. Where causes are known the list is of those whose oddity is "
        "astrophysical, and `set_aside` counts what data quality and neighbours explain; `cause` lists these, or `any`. "
        "Filters are those of searches. A page as JSON, or a file of the whole list."
    ),
    response_model=AnomaliesAnswer,
    responses={200: {"content": FILES}, **problems(*COMMON, *LIST_PROBLEMS)},
)
async def ranked_anomalies(
    request: Request,
    *,
    wanted: Anomalies,
    selection: Selected,
    asked: Listed,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    def make(served: Served, end: int) -> tuple[ObjectList, dict[str, Any]]:
        return ranked(served.release, served.rankings, wanted, selection, end)

    return await list_answer(
        request, resources_of(request), asked, make, survey=survey, release=release, stem="anomalies"
    )
