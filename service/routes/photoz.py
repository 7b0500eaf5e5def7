"""Redshifts by id and in batches."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.answers import answer
from service.auth import may_upload
from service.bodies import batch_rows
from service.dependencies import StrictRoute, resources_of
from service.media import media_type_of
from service.operations import photoz
from service.parameters import MatchRadius, ObjectId, ReleaseName, SurveyName
from service.routes.replies import COMMON, SECURITY, problems
from service.schemas.photoz import BatchAnswer, BatchRequest, PhotoZAnswer

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["redshift"], route_class=StrictRoute)

_LOST = ("survey.not_found", "release.not_found", "release.mismatch", "photoz.unavailable", "service.busy")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        "description": (
            "JSON with `ids` or `positions`; or one table (CSV, FITS, Parquet) with a column `object_id`, or with `ra` and `dec`."
        ),
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{BatchRequest.__name__}"}},
            "text/csv": {"schema": {"type": "string"}, "example": "object_id\nJ00001\nJ00002\n"},
            "application/fits": _BINARY,
            "application/vnd.apache.parquet": _BINARY,
        },
    }
}


@router.get(
    "/objects/{object_id}/photoz",
    summary="Redshift distribution of an object",
    description=(
        "p(z) from the object's spectroscopic neighbours, weighted by their distance in the embedding, with these "
        "neighbours as evidence. The object's own redshift, if it has one, is not looked at."
    ),
    response_model=PhotoZAnswer,
    responses=problems(*COMMON, "object.not_found", "object.not_indexed", *_LOST),
)
async def photoz_by_id(
    request: Request, object_id: ObjectId, survey: SurveyName = None, release: ReleaseName = None
) -> Response:
    resources = resources_of(request)
    served, row = resources.locate(object_id, survey, release)
    block = await resources.workers.run(partial(photoz.of_row, served, row))
    return answer(
        {
            "release": served.block,
            "search": served.search_block(n_searched=served.release.spectroscopic.n),
            "object_id": object_id,
            "z_spec": served.release.columns.take([row], ["z_spec"])["z_spec"][0],
            "photoz": block,
        }
    )


@router.post(
    "/photoz/batch",
    summary="Redshifts of up to 2,000 objects",
    description=(
        "One answer row for each row sent, in the same order; a row that cannot be answered says why in `status` and "
        "`reason`, with null and never a sentinel for its values. A table needs the right to upload; JSON does not. Positions are matched within `match_radius`."
    ),
    response_model=BatchAnswer,
    responses=problems(
        *COMMON,
        "request.unreadable",
        "request.media_type",
        "request.too_large",
        "batch.too_large",
        "auth.key_needed",
        "auth.key_invalid",
        "client.too_many",
        *_LOST,
    ),
    openapi_extra={**_BODY, **SECURITY},
)
async def photoz_batch(
    request: Request,
    match_radius: MatchRadius = 3 / 3600,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources = resources_of(request)
    served = resources.choose(survey, release)
    if media_type_of(request.headers.get("content-type")) != "application/json":
        # A table is parsed as an upload is, and asks for the same right.
        await may_upload(request)
    limit = resources.settings.batch_rows
    with resources.fairness.hold(request.client.host if request.client else ""):
        wanted, table = await batch_rows(request, resources)
        work = partial(photoz.batch, served, wanted, match_radius_deg=match_radius, limit=limit)
        rows = await resources.workers.run(work)
    return answer(
        {
            "release": served.block,
            "search": served.search_block(n_searched=served.release.spectroscopic.n),
            "table": table,
            "n": len(rows),
            "n_ok": sum(row["status"] == "ok" for row in rows),
            "rows": rows,
        }
    )
