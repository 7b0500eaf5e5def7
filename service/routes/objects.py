"""Objects by id and in cones."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.answers import answer
from service.dependencies import InSession, StrictRoute, resources_of
from service.operations import objects
from service.parameters import DecDeg, Limit, ObjectId, RaDeg, Radius, ReleaseName, SurveyName
from service.routes.replies import COMMON, problems
from service.schemas.objects import ConeAnswer, ObjectAnswer
from survey.archive import UnknownObject

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["objects"], route_class=StrictRoute)


@router.get(
    "/objects/{object_id}",
    summary="One object",
    description="All that the survey says of an object, with links to its neighbours, redshift, score and images.",
    response_model=ObjectAnswer,
    responses=problems(
        *COMMON, "survey.not_found", "release.not_found", "release.mismatch", "object.not_found"
    ),
)
async def object_by_id(
    request: Request, object_id: ObjectId, survey: SurveyName = None, release: ReleaseName = None
) -> Response:
    resources = resources_of(request)
    if release is None:
        folder = resources.folder(survey)
        served = resources.releases.get(resources.defaults.get(folder.info.name, ""))
    else:
        served = resources.choose(survey, release)
        folder = served.folder
    try:
        return answer(objects.describe(folder, served, object_id))
    except UnknownObject as error:
        raise resources.not_found(object_id, folder.info.name) from error


@router.get(
    "/objects",
    summary="Objects in a cone",
    description=(
        "Objects of a survey within `radius` of a place, nearest first, indexed or not. "
        "`overflow` says that there are more than `limit`; make the cone smaller or the limit larger."
    ),
    response_model=ConeAnswer,
    responses=problems(*COMMON, "survey.not_found", "database.unavailable"),
)
def objects_in_cone(
    request: Request,
    *,
    session: InSession,
    ra_deg: RaDeg,
    dec_deg: DecDeg,
    radius: Radius,
    limit: Limit = 100,
    survey: SurveyName = None,
) -> Response:
    found = objects.cone(
        resources_of(request),
        session,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        radius_deg=radius,
        limit=limit,
        survey=survey,
    )
    return answer(found, headers={"X-Overflow": "true"} if found["overflow"] else None)
