"""Anomaly scores by id, and the ranked list."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
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
from service.operations.causes import readings_of
from service.parameters import ObjectId, ReleaseName, SurveyName
from service.routes.replies import COMMON, problems
from service.schemas.anomalies import AnomaliesAnswer, AnomalyAnswer
from service.selection_parameters import Selected
from service.served import Served

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["anomaly"], route_class=StrictRoute)

Measure = Annotated[
    bool,
    Query(
        description=(
            "Read and measure the pixels, some ten milliseconds: `cause.evidence` then names the measurements that are "
            "unusual in the catalogue."
        )
    ),
]
_LOST = ("survey.not_found", "release.not_found", "release.mismatch")


@router.get(
    "/objects/{object_id}/anomaly",
    summary="How odd an object is, and why",
    description=(
        "Its score by every detector, as the tail probability among normal galaxies: small is odd, and it does not change "
        "when the catalogue grows. `cause` says how likely data quality, a neighbour on the sky, or the galaxy itself explains "
        "it, with the evidence; `measure` measures the pixels too. Of any object, odd or not."
    ),
    response_model=AnomalyAnswer,
    responses=problems(*COMMON, "object.not_found", "object.not_indexed", "service.busy", *_LOST),
)
async def anomaly_by_id(
    request: Request,
    *,
    object_id: ObjectId,
    measure: Measure = False,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources = resources_of(request)
    served, row = resources.locate(object_id, survey, release)
    work = partial(_measured if measure else anomalies.of_row, served, row)
    is_quick = not measure and anomalies.is_quick(served, row)
    block = work() if is_quick else await resources.workers.run(work)
    return answer(
        {
            "release": served.block,
            "search": sealed(served.from_graph[1], replay=asked_of(request).token(served)),
            "object_id": object_id,
            "anomaly": block,
        }
    )


def _measured(served: Served, row: int) -> dict[str, Any]:
    return anomalies.of_row(served, row, readings_of(served, row))


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
