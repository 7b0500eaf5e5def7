"""Clusters and the map."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from service.answers import answer
from service.batch_answers import at_once, format_of
from service.batch_parameters import TableFormat
from service.dependencies import StrictRoute, resources_of
from service.list_answers import FILES, LIST_PROBLEMS, ListAsked, ListColumns, Listed, list_answer
from service.lists import ObjectList
from service.operations import clusters as operation
from service.operations import maps
from service.parameters import ReleaseName, SurveyName
from service.routes.replies import COMMON, problems
from service.schemas.clusters import ClusterMembersAnswer, ClustersAnswer, MapAnswer
from service.selection_parameters import Selected
from service.served import Served

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["groups and map"], route_class=StrictRoute)

_FORMATS: Final = ("json", "csv", "votable", "fits", "parquet")
_MOST_POINTS: Final = 100_000
_MOST_ROWS: Final = 1_000_000_000
_POINTS: Final = 10_000
_LOST = (
    "request.headers_too_large",
    "survey.not_found",
    "release.not_found",
    "release.mismatch",
    "filter.invalid",
    "client.too_many",
    "service.busy",
)

ClusterNumber = Annotated[int, Path(ge=0, le=999, description="Number of a cluster of the release.")]
PointLimit = Annotated[
    int | None,
    Query(
        ge=1,
        le=_MOST_ROWS,
        description=(
            f"Points in the answer: of JSON {_POINTS} by default and at most {_MOST_POINTS}, of a file all by default. The "
            "first ones are a fair sample of all."
        ),
    ),
]


@router.get(
    "/clusters",
    summary="Groups of galaxies that look alike",
    description=(
        "The components of a Bayesian Gaussian mixture of the embeddings: size, exemplars, medians, and the Hellinger "
        "distances between them. Filters are those of searches, and count galaxies. As JSON, or as a table."
    ),
    response_model=ClustersAnswer,
    responses={200: {"content": FILES}, **problems(*COMMON, *_LOST)},
)
async def clusters(
    request: Request,
    *,
    selection: Selected,
    fmt: TableFormat = None,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources, written = resources_of(request), format_of(request, fmt, among=_FORMATS)
    served = resources.choose(survey, release)
    found = await resources.workers.run(partial(operation.clusters, served.release, selection))
    if written == "json":
        return answer({"release": served.block, **found})
    meta = {"release": served.block, "filters": found["filters"], "n_total": found["n_total"]}
    return await at_once(
        resources,
        partial(operation.cluster_tables, found),
        lambda: meta,
        written,
        stem=f"clusters-{served.survey}",
    )


@router.get(
    "/clusters/{number}",
    summary="Galaxies of a cluster",
    description=(
        "The most typical first: those nearest the cluster's mean, in units of its spread. Filters are those of searches. "
        "A page as JSON, or a file of the whole list."
    ),
    response_model=ClusterMembersAnswer,
    responses={200: {"content": FILES}, **problems(*COMMON, *LIST_PROBLEMS, "cluster.not_found")},
)
async def cluster_members(
    request: Request,
    number: ClusterNumber,
    *,
    selection: Selected,
    asked: Listed,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    def make(served: Served, _end: int) -> tuple[ObjectList, dict[str, Any]]:
        return operation.members(served.release, number, selection)

    return await list_answer(
        request, resources_of(request), asked, make, survey=survey, release=release, stem=f"cluster-{number}"
    )


@router.get(
    "/map",
    summary="Places of galaxies on the map",
    description=(
        "The release laid out in two dimensions, near to near: points in a fixed random order, so that the first ones are a "
        "fair sample. As JSON column by column, or as a file of all (Parquet is the smallest). Filters are those of searches."
    ),
    response_model=MapAnswer,
    responses={200: {"content": FILES}, **problems(*COMMON, *_LOST)},
)
async def points(
    request: Request,
    *,
    selection: Selected,
    limit: PointLimit = None,
    fmt: TableFormat = None,
    columns: ListColumns = None,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources, written = resources_of(request), format_of(request, fmt, among=_FORMATS)
    if written == "json":
        if limit is not None and limit > _MOST_POINTS:
            message = f"is {limit}; JSON has at most {_MOST_POINTS} points: ask for a file (format=parquet)"
            raise RequestValidationError([{"type": "value_error", "loc": ("query", "limit"), "msg": message}])
        served = resources.choose(survey, release)
        work = partial(maps.points, served.release, selection, limit=limit or _POINTS, columns=columns)
        return answer({"release": served.block, **await resources.workers.run(work)})

    def make(served: Served, _end: int) -> tuple[ObjectList, dict[str, Any]]:
        return maps.drawn(served.release, selection)

    asked = ListAsked(limit or _MOST_ROWS, None, written, columns)
    return await list_answer(request, resources, asked, make, survey=survey, release=release, stem="map")
