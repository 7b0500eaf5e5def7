"""Anomaly scores by id, and the ranked list."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.answers import answer
from service.asked import asked_of
from service.certificate import sealed
from service.dependencies import StrictRoute, resources_of
from service.operations import anomalies
from service.operations.refusals import ReleaseMismatch
from service.parameters import Cursor, Limit, ObjectId, ReleaseName, SurveyName
from service.routes.replies import COMMON, problems
from service.schemas.anomalies import AnomaliesAnswer, AnomalyAnswer

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
    description="All objects of the release, the loneliest in the embedding first, in pages.",
    response_model=AnomaliesAnswer,
    responses=problems(*COMMON, "cursor.invalid", "cursor.expired", *_LOST),
)
async def ranked_anomalies(
    request: Request,
    limit: Limit = 50,
    cursor: Cursor = None,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources = resources_of(request)
    served, start = resources.choose(survey, release), 0
    if cursor is not None:
        continued, start = anomalies.decode_cursor(cursor, resources.releases.keys())
        if (survey or release) and continued != served.release.id:
            raise ReleaseMismatch(
                f"The cursor continues a ranking of release {continued}; name no other beside it."
            )
        served = resources.releases[continued]
    objects, next_cursor = anomalies.ranked(served, start=start, limit=limit)
    return answer(
        {
            "release": served.block,
            "n_total": served.release.info.n_galaxies,
            "next_cursor": next_cursor,
            "objects": objects,
        }
    )
