"""Neighbours by id and by position."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.asked import Asked, asked_of
from service.dependencies import StrictRoute, resources_of
from service.operations import neighbours
from service.operations.cross_survey import partners
from service.operations.finding import Found, Wanted
from service.operations.matching import matched
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
from service.query_parameters import (
    Diversity,
    Exact,
    Explain,
    HitCursorText,
    MatchText,
    MinScore,
    Surveys,
    surveys_of,
)
from service.resources import Resources
from service.routes.replies import COMMON, problems
from service.schemas.neighbours import NeighboursAnswer
from service.search_answers import (
    answer_together,
    continued,
    nothing_found,
    only_without_surveys,
    search_answer,
    timing,
)
from service.selection_parameters import Selected
from service.served import Served

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["neighbours"], route_class=StrictRoute)

_LOST = (
    "request.headers_too_large",
    "survey.not_found",
    "release.not_found",
    "release.mismatch",
    "model.mismatch",
    "filter.invalid",
    "cursor.invalid",
    "cursor.mismatch",
    "cursor.expired",
    "service.busy",
)


@router.get(
    "/objects/{object_id}/neighbours",
    summary="Neighbours of an object",
    description=(
        "The k objects whose embeddings are most similar to this one's, itself left out. Without filters and up to "
        "k = 100 the answer is precomputed; `search` says how exact it is, and how to have the same bytes again."
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
    match: MatchText = None,
    min_score: MinScore = None,
    diversity: Diversity = 0.0,
    exact: Exact = False,
    explain: Explain = False,
    cursor: HitCursorText = None,
    survey: SurveyName = None,
    surveys: Surveys = None,
    release: ReleaseName = None,
) -> Response:
    resources, asked, end = resources_of(request), asked_of(request), None
    if cursor is not None:
        release, end = continued(resources, cursor, asked, release=release)
    served, row = resources.locate(object_id, survey, release)
    wanted = Wanted(k, selection, exact, min_score, diversity, end)
    return await _answer(resources, served, Place("id", row), _Asking(asked, wanted, match, surveys, explain))


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
    match: MatchText = None,
    min_score: MinScore = None,
    diversity: Diversity = 0.0,
    exact: Exact = False,
    explain: Explain = False,
    cursor: HitCursorText = None,
    survey: SurveyName = None,
    surveys: Surveys = None,
    release: ReleaseName = None,
) -> Response:
    resources, asked, end = resources_of(request), asked_of(request), None
    if cursor is not None:
        release, end = continued(resources, cursor, asked, release=release)
    served = resources.choose(survey, release)
    place = place_of(
        resources, served, ra_deg=ra_deg, dec_deg=dec_deg, target=target, radius_deg=match_radius
    )
    wanted = Wanted(k, selection, exact, min_score, diversity, end)
    return await _answer(resources, served, place, _Asking(asked, wanted, match, surveys, explain))


@dataclass(frozen=True, slots=True)
class _Asking:
    """What both paths take beside their object."""

    asked: Asked
    wanted: Wanted
    match: str | None
    surveys: str | None
    explain: bool


async def _answer(resources: Resources, served: Served, place: Place, asking: _Asking) -> Response:
    wanted, begun = asking.wanted, time.perf_counter()
    if asking.match is not None:
        wanted = replace(wanted, selection=matched(served, place.row, asking.match, wanted.selection))
    query = _query(served, place, wanted.k)
    if asking.surveys is not None:
        only_without_surveys(wanted)
        parts = partners(resources, served, surveys_of(asking.surveys))
        together = await resources.workers.run(partial(_in_all, parts, served, place.row, wanted))
        headers = timing(time.perf_counter() - begun) if asking.explain else None
        return answer_together(
            parts, together, query, asking.asked, served=served, wanted=wanted, headers=headers
        )
    work = partial(neighbours.by_row, served, place.row, wanted)
    found = (
        work() if neighbours.is_precomputed(served, place.row, wanted) else await resources.workers.run(work)
    )
    if not len(found.rows):
        query["note"] = " ".join(filter(None, (place.note, nothing_found(found.search, wanted.min_score))))
    headers = timing(time.perf_counter() - begun) if asking.explain else None
    return search_answer(served, found, query, asking.asked, headers=headers)


def _in_all(parts: tuple[Served, ...], own: Served, row: int, wanted: Wanted) -> list[Found]:
    vector = own.release.store.vector(row)
    return [neighbours.by_vector(part, vector, wanted, own=(row,) if part is own else ()) for part in parts]


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
