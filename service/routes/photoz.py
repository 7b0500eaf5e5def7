"""Redshifts by id and in batches."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from service.answers import answer
from service.asked import asked_of
from service.auth import may_upload
from service.batch_answers import FILES, as_job, at_once, format_of
from service.batch_parameters import (
    ColumnsMap,
    MakeJob,
    NSamples,
    PhotoZFormat,
    PhotoZShown,
    Seed,
    chosen_columns,
)
from service.bodies import batch_of
from service.certificate import sealed
from service.dependencies import StrictRoute, resources_of
from service.formats.writing import FORMATS
from service.media import media_type_of
from service.operations import photoz
from service.operations.batch_rows import BLOCK_ROWS
from service.operations.estimate_columns import Representation, Shown
from service.operations.photoz_batch import batch_meta, photoz_blocks
from service.parameters import MatchRadius, ObjectId, ReleaseName, SurveyName
from service.routes.jobs import ACCEPTED
from service.routes.replies import COMMON, SECURITY, problems
from service.schemas.photoz import BatchAnswer, BatchRequest, PhotoZAnswer
from service.served import Served
from service.tables import FEW_BYTES, wide_bytes

__all__ = ["BATCH_BODY", "BATCH_PROBLEMS", "router", "shown_in"]

router = APIRouter(prefix="/api/v1", tags=["redshift"], route_class=StrictRoute)

_LOST = ("survey.not_found", "release.not_found", "release.mismatch", "photoz.unavailable", "service.busy")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": (
            "JSON with `ids` or `positions`; or one table (CSV, FITS, Parquet, VOTable) with a column `object_id`, or with "
            "`ra` and `dec`, in degrees or in the unit that its header says."
        ),
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{BatchRequest.__name__}"}},
            "text/csv": {"schema": {"type": "string"}, "example": "object_id\nJ00001\nJ00002\n"},
            "application/fits": _BINARY,
            "application/vnd.apache.parquet": _BINARY,
            "application/x-votable+xml": _BINARY,
        },
    }
}
#: What every batch may be refused for.
BATCH_PROBLEMS = (
    *COMMON,
    "request.unreadable",
    "request.media_type",
    "request.too_large",
    "batch.too_large",
    "auth.key_needed",
    "auth.key_invalid",
    "client.too_many",
    "job.quota",
    "job.off",
    "storage.full",
)


@router.get(
    "/objects/{object_id}/photoz",
    summary="Redshift distribution of an object",
    description=(
        "p(z) by the model's redshift network, else from the object's spectroscopic neighbours, weighted by their distance "
        "in the embedding; with these neighbours as evidence. The object's own redshift, if it has one, is none of it."
    ),
    response_model=PhotoZAnswer,
    responses=problems(*COMMON, "object.not_found", "object.not_indexed", *_LOST),
)
async def photoz_by_id(
    request: Request,
    *,
    object_id: ObjectId,
    representation: PhotoZShown = None,
    n_samples: NSamples = 100,
    seed: Seed = 0,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources = resources_of(request)
    served, row = resources.locate(object_id, survey, release)
    shown = Shown(representation or "grid", n_samples, seed)
    block = await resources.workers.run(partial(photoz.of_row, served, row, shown))
    return answer(
        {
            "release": served.block,
            "search": sealed(
                served.search_block(n_searched=served.release.spectroscopic.n),
                replay=asked_of(request).token(served),
            ),
            "object_id": object_id,
            "z_spec": served.release.columns.take([row], ["z_spec"])["z_spec"][0],
            "photoz": block,
        }
    )


@router.post(
    "/photoz/batch",
    summary="Redshifts of many objects",
    description=(
        "One answer row for each row sent, in the same order; a row that cannot be answered says why in `status` and "
        "`message`, with null and never a sentinel for its values. All columns of a table are kept, as `input_<name>` "
        "where the answer has one of that name. Up to 2,000 rows are answered at once; more, up to a million, become a "
        "job: 202, whose `Location` tells how far it is and where its answer lies. A table, and a job, need the right to "
        "upload; a few ids as JSON do not. Positions are matched within `match_radius`."
    ),
    response_model=BatchAnswer,
    responses={200: {"content": FILES}, **ACCEPTED, **problems(*BATCH_PROBLEMS, *_LOST)},
    openapi_extra={**BATCH_BODY, **SECURITY},
)
async def photoz_batch(
    request: Request,
    *,
    match_radius: MatchRadius = 3 / 3600,
    representation: PhotoZShown = None,
    n_samples: NSamples = 100,
    seed: Seed = 0,
    fmt: PhotoZFormat = None,
    columns_map: ColumnsMap = None,
    make_job: MakeJob = False,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources = resources_of(request)
    served = resources.choose(survey, release)
    chosen, written = chosen_columns(columns_map), format_of(request, fmt, among=FORMATS)
    shown = shown_in(written, representation, n_samples, seed)
    photoz.checked(served)
    if media_type_of(request.headers.get("content-type")) != "application/json":
        # A table is parsed as an upload is, and asks for the same right.
        await may_upload(request)
    with resources.fairness.hold(request.client.host if request.client else ""):
        batch = await batch_of(request, resources, chosen=chosen)
        is_long = batch.rows.num_rows > resources.settings.batch_rows or wide_bytes(batch.rows) > FEW_BYTES
        if make_job or is_long:
            parameters = {
                "release": served.release.id,
                "match_radius_deg": match_radius,
                "representation": shown.representation,
                "n_samples": n_samples,
                "seed": seed,
                "table": batch.table,
            }
            return await as_job(
                request, resources, "photoz", parameters, batch.rows, fmt=written, chunk_rows=BLOCK_ROWS
            )
        blocks = partial(
            photoz_blocks,
            served,
            batch.rows,
            shown,
            radius_deg=match_radius,
            with_reason=written == "json",
        )
        is_replayed = batch.table is None and written == "json"
        replay = asked_of(request, await request.body()).token(served) if is_replayed else None
        return await at_once(
            resources,
            blocks,
            partial(_meta, served, shown, batch.table, replay),
            written,
            stem=f"photoz-{served.survey}",
        )


def _meta(served: Served, shown: Shown, table: Any, replay: str | None) -> dict[str, Any]:
    meta = batch_meta(served, shown)
    return {**meta, "search": sealed(meta["search"], replay=replay), "table": table}


def shown_in(fmt: str, representation: Representation | None, n_samples: int, seed: int) -> Shown:
    """Return how much of p(z) a batch is answered with: what was asked for, or what the format holds.

    Raises
    ------
    RequestValidationError
        If the format cannot hold it.
    """
    if fmt == "hdf5" and representation not in (None, "grid"):
        raise _needs_grid(representation)
    return Shown(representation or ("grid" if fmt == "hdf5" else "summary"), n_samples, seed)


def _needs_grid(representation: str | None) -> RequestValidationError:
    message = f"is {representation!r}; an ensemble (hdf5) holds p(z) on a grid: leave it out"
    return RequestValidationError(
        [{"type": "value_error", "loc": ("query", "representation"), "msg": message}]
    )
