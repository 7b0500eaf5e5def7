"""Neighbours in batches."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from index.selection import Selection
from service.asked import asked_of
from service.auth import may_upload
from service.batch_answers import FILES, as_job, at_once, format_of
from service.batch_parameters import ColumnsMap, MakeJob, TableFormat, chosen_columns
from service.bodies import batch_of
from service.certificate import sealed
from service.dependencies import StrictRoute, resources_of
from service.media import media_type_of
from service.operations.finding import Wanted
from service.operations.neighbours_batch import neighbours_blocks, neighbours_meta, rows_of_block
from service.operations.refusals import BatchTooLarge, InvalidFilter
from service.parameters import K, MatchRadius, ReleaseName, SurveyName
from service.query_parameters import Exact
from service.routes.jobs import ACCEPTED
from service.routes.photoz import BATCH_BODY, BATCH_PROBLEMS
from service.routes.replies import SECURITY, problems
from service.schemas.neighbours import NeighboursBatchAnswer, NeighboursBatchRequest
from service.selection_json import parse_filters
from service.selection_parameters import Selected
from service.served import Served
from service.tables import FEW_BYTES, check_width, wide_bytes

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["neighbours"], route_class=StrictRoute)

_FORMATS: Final = ("json", "csv", "votable", "fits", "parquet")
_FILES: Final = {kind: content for kind, content in FILES.items() if kind != "application/x-hdf5"}
_BODY: Final = deepcopy(BATCH_BODY)
_BODY["requestBody"]["content"]["application/json"] = {
    "schema": {"$ref": f"#/components/schemas/{NeighboursBatchRequest.__name__}"}
}
# Neighbours that a batch or a job may ask for, for each row that it may have.
_LINES: Final = 10


@router.post(
    "/neighbours/batch",
    summary="Neighbours of many objects",
    description=(
        "The `k` nearest neighbours of each row sent, in the order of the rows and nearest first: one line for each "
        "neighbour, with the `row` it belongs to; a row without neighbours has one line that says why in `status` and "
        "`message`. All columns of a table are repeated on each line. Up to 20,000 lines (rows times `k`) and 2,000 rows "
        "are answered at once; more become a job: 202, whose `Location` tells how far it is. Filters hold for the "
        "neighbours of all rows, `search` says how exact they are, and an object is never its own."
    ),
    response_model=NeighboursBatchAnswer,
    responses={
        200: {"content": _FILES},
        **ACCEPTED,
        **problems(
            *BATCH_PROBLEMS,
            "request.headers_too_large",
            "survey.not_found",
            "release.not_found",
            "release.mismatch",
            "filter.invalid",
            "service.busy",
        ),
    },
    openapi_extra={**_BODY, **SECURITY},
)
async def neighbours_batch(
    request: Request,
    *,
    k: K = 10,
    selection: Selected,
    exact: Exact = False,
    match_radius: MatchRadius = 3 / 3600,
    fmt: TableFormat = None,
    columns_map: ColumnsMap = None,
    make_job: MakeJob = False,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources = resources_of(request)
    served = resources.choose(survey, release)
    chosen, written = chosen_columns(columns_map), format_of(request, fmt, among=_FORMATS)
    if media_type_of(request.headers.get("content-type")) != "application/json":
        await may_upload(request)
    with resources.fairness.hold(request.client.host if request.client else ""):
        batch = await batch_of(request, resources, chosen=chosen, takes_filters=True)
        selection = _one_of(selection, batch.filters)
        wanted = Wanted(k, selection, exact)
        if selection:
            # What the release cannot apply is said before a job is made.
            await resources.workers.run(partial(selection.mask, served.release))
        n_rows, most = batch.rows.num_rows, resources.settings.batch_rows
        _check_lines(n_rows * k, _LINES * resources.settings.job_rows)
        check_width(batch.rows, lines=k)
        n_bytes = wide_bytes(batch.rows, lines=k)
        if make_job or n_rows > most or n_rows * k > most * _LINES or n_bytes > FEW_BYTES:
            parameters = {
                "release": served.release.id,
                "match_radius_deg": match_radius,
                "k": k,
                "filters": selection.to_json(),
                "exact": exact,
                "table": batch.table,
            }
            return await as_job(
                request,
                resources,
                "neighbours",
                parameters,
                batch.rows,
                fmt=written,
                chunk_rows=min(rows_of_block(k), max(1, FEW_BYTES * n_rows // max(1, n_bytes))),
            )
        is_replayed = batch.table is None and written == "json"
        replay = asked_of(request, await request.body()).token(served) if is_replayed else None
        return await at_once(
            resources,
            partial(neighbours_blocks, served, batch.rows, wanted, radius_deg=match_radius),
            partial(_meta, served, wanted, batch.table, replay),
            written,
            stem=f"neighbours-{served.survey}",
        )


def _one_of(selection: Selection, filters: dict[str, Any] | None) -> Selection:
    """Return what the query string or the body selects."""
    if filters is None:
        return selection
    if selection:
        raise InvalidFilter("Filters stand in the query string and in the body; give them in one of the two.")
    return parse_filters(filters)


def _meta(served: Served, wanted: Wanted, table: Any, replay: str | None) -> dict[str, Any]:
    meta = neighbours_meta(served, wanted)
    return {**meta, "search": sealed(meta["search"], replay=replay), "table": table}


def _check_lines(n_lines: int, most: int) -> None:
    if n_lines > most:
        raise BatchTooLarge(
            f"The answer would have {n_lines} lines (rows times k); the limit is {most}. Send fewer rows, or a smaller k.",
            limit=most,
            got=n_lines,
        )
