"""Neighbours of several examples."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from index.vectors.store import BadQuery
from service.asked import asked_of
from service.dependencies import StrictRoute, resources_of
from service.errors import UnsupportedMedia
from service.media import media_type_of
from service.multi_body import examples_of, multi_body
from service.operations.cross_survey import partners
from service.operations.finding import Found, Wanted
from service.operations.multi import Examples, by_examples
from service.operations.refusals import VectorUnusable
from service.parameters import K, ReleaseName, SurveyName
from service.query_parameters import Diversity, Exact, Explain, HitCursorText, MinScore, Surveys, surveys_of
from service.routes.replies import COMMON, problems
from service.schemas.multi import MultiRequest
from service.schemas.neighbours import MultiAnswer
from service.search_answers import (
    answer_together,
    continued,
    nothing_found,
    only_without_surveys,
    search_answer,
    timing,
)
from service.selection_json import parse_filters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.served import Served

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["neighbours"], route_class=StrictRoute)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{MultiRequest.__name__}"}}
        },
    }
}


@router.post(
    "/neighbours/multi",
    summary="Neighbours of several examples",
    description=(
        "Up to 1,000 positives and 1,000 negatives, each an object id or an embedding, make one ranking; `method` says how. "
        "The examples are no hits themselves, nor is what `minus` lists. Nothing is kept: for the next round send all again."
    ),
    response_model=MultiAnswer,
    responses=problems(
        *COMMON,
        "request.unreadable",
        "request.media_type",
        "request.too_large",
        "request.headers_too_large",
        "vector.unusable",
        "object.not_found",
        "object.not_indexed",
        "survey.not_found",
        "release.not_found",
        "release.mismatch",
        "model.mismatch",
        "filter.invalid",
        "cursor.invalid",
        "cursor.mismatch",
        "cursor.expired",
        "client.too_many",
        "service.busy",
    ),
    openapi_extra=_BODY,
)
async def neighbours_multi(
    request: Request,
    *,
    k: K = 10,
    exact: Exact = False,
    min_score: MinScore = None,
    diversity: Diversity = 0.0,
    cursor: HitCursorText = None,
    explain: Explain = False,
    survey: SurveyName = None,
    release: ReleaseName = None,
    surveys: Surveys = None,
) -> Response:
    resources = resources_of(request)
    if media_type_of(request.headers.get("content-type")) != "application/json":
        raise UnsupportedMedia("Send the examples as application/json.")
    body, sent = await multi_body(request)
    asked = asked_of(request, sent)
    end = None
    if cursor is not None:
        release, end = continued(resources, cursor, asked, release=release)
    served = resources.choose(survey, release)
    selection = parse_filters(body.filters or {})
    selection = replace(selection, excluded_ids=(*selection.excluded_ids, *body.minus))
    wanted = Wanted(k, selection, exact, min_score, diversity, end)
    query = _query(body, k)
    with resources.fairness.hold(request.client.host if request.client else ""):
        begun = time.perf_counter()
        examples = examples_of(resources, served, body)
        if surveys is not None:
            only_without_surveys(wanted)
            parts = partners(resources, served, surveys_of(surveys))
            work = partial(_in_release, served, examples, wanted)
            together = await resources.workers.run(partial(_in_all, parts, work))
            headers = _headers(begun, is_told=explain)
            return answer_together(
                parts, together, query, asked, served=served, wanted=wanted, headers=headers
            )
        found = await resources.workers.run(partial(_found, served, examples, wanted))
    if not len(found.rows):
        query["note"] = nothing_found(found.search, min_score)
    return search_answer(served, found, query, asked, headers=_headers(begun, is_told=explain))


def _in_all(parts: Sequence[Served], work: Any) -> list[Found]:
    return [work(part) for part in parts]


def _in_release(own: Served, examples: Examples, wanted: Wanted, served: Served) -> Found:
    """Search another release than the examples': their rows are rows of their own release alone."""
    return _found(served, examples if served is own else replace(examples, rows=()), wanted)


def _found(served: Served, examples: Examples, wanted: Wanted) -> Found:
    try:
        return by_examples(served, examples, wanted)
    except BadQuery as error:
        raise VectorUnusable(f"{str(error).capitalize()}.") from error


def _query(body: MultiRequest, k: int) -> dict[str, Any]:
    return {
        "kind": "multi",
        "method": body.method,
        "n_positives": len(body.positives),
        "n_negatives": len(body.negatives),
        "n_minus": len(body.minus),
        "weights": {"alpha": body.alpha, "beta": body.beta, "gamma": body.gamma}
        if body.method == "rocchio"
        else None,
        "k": k,
        "note": "",
    }


def _headers(begun: float, *, is_told: bool) -> dict[str, str] | None:
    return timing(time.perf_counter() - begun) if is_told else None
