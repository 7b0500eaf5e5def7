"""Neighbours by id and by position."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from index.selection import Selection
from service.answers import answer
from service.dependencies import StrictRoute, resources_of
from service.operations import neighbours
from service.operations.targets import Place, place_of
from service.parameters import (
    K,
    MatchRadius,
    ObjectId,
    OptionalDecDeg,
    OptionalRaDeg,
    ReleaseName,
    SurveyName,
    TargetText,
)
from service.resources import Resources
from service.routes.replies import COMMON, problems
from service.schemas.neighbours import NeighboursAnswer
from service.selection_parameters import Selected
from service.served import Served

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["neighbours"], route_class=StrictRoute)

_LOST = ("survey.not_found", "release.not_found", "release.mismatch", "filter.invalid", "service.busy")


@router.get(
    "/objects/{object_id}/neighbours",
    summary="Neighbours of an object",
    description=(
        "The k objects whose embeddings are most similar to this one's, itself left out. Without filters and up to "
        "k = 100 the answer is precomputed; all answers are exact unless `search.exact` says otherwise."
    ),
    response_model=NeighboursAnswer,
    responses=problems(*COMMON, "object.not_found", "object.not_indexed", *_LOST),
)
async def neighbours_by_id(
    request: Request,
    *,
    object_id: ObjectId,
    k: K = 10,
    selection: Selected,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources = resources_of(request)
    served, row = resources.locate(object_id, survey, release)
    return await _answer(resources, served, Place("id", row), k, selection)


@router.get(
    "/neighbours",
    summary="Neighbours of the object at a place",
    description=(
        "Give `ra` and `dec`, or `target`. The object must lie within `match_radius`; otherwise the answer is 404 "
        "`pos.no_match`, which names the nearest object: nothing is ever snapped to silently."
    ),
    response_model=NeighboursAnswer,
    responses=problems(
        *COMMON,
        "pos.no_match",
        "pos.missing",
        "pos.unreadable",
        "object.not_found",
        "object.not_indexed",
        *_LOST,
    ),
)
async def neighbours_by_position(
    request: Request,
    *,
    ra_deg: OptionalRaDeg = None,
    dec_deg: OptionalDecDeg = None,
    target: TargetText = None,
    match_radius: MatchRadius = 3 / 3600,
    k: K = 10,
    selection: Selected,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources = resources_of(request)
    served = resources.choose(survey, release)
    place = place_of(
        resources, served, ra_deg=ra_deg, dec_deg=dec_deg, target=target, radius_deg=match_radius
    )
    return await _answer(resources, served, place, k, selection)


async def _answer(
    resources: Resources, served: Served, place: Place, k: int, selection: Selection
) -> Response:
    work = partial(neighbours.by_row, served, place.row, k, selection)
    found = work() if neighbours.is_precomputed(served, k, selection) else await resources.workers.run(work)
    return answer(
        {
            "release": served.block,
            "search": found.search,
            "query": _query(served, place, k),
            "next_cursor": None,
            "hits": neighbours.hits(served, found),
        }
    )


def _query(served: Served, place: Place, k: int) -> dict[str, Any]:
    own = served.release.columns.take([place.row], ("object_id", "ra_deg", "dec_deg"))
    return {
        "kind": place.kind,
        **{name: values[0] for name, values in own.items()},
        "k": k,
        "match_separation_arcsec": None
        if place.separation_deg is None
        else round(place.separation_deg * 3600, 4),
        "note": place.note,
    }
