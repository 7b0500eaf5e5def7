"""Neighbours of vectors."""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.answers import answer
from service.asked import asked_of
from service.batching import MOST_TOGETHER
from service.certificate import sealed
from service.clients import IS_GONE
from service.dependencies import StrictRoute, resources_of
from service.media import media_type_of
from service.operations import vectors as operation
from service.operations.finding import Wanted
from service.operations.refusals import BatchTooLarge
from service.parameters import K, ReleaseName, SurveyName
from service.query_parameters import Exact, Explain, MinScore
from service.routes.replies import COMMON, problems
from service.schemas.vectors import VectorsAnswer, VectorsRequest
from service.search_answers import nothing_found, timing
from service.selection_json import parse_filters
from service.vector_body import RAW, unit_vectors, vectors_body

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.vectors.plan import Searched
    from service.resources import Resources
    from service.served import Served

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["neighbours"], route_class=StrictRoute)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{VectorsRequest.__name__}"}},
            RAW: {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": "Little-endian float32, the model's embeddings one after another.",
                }
            },
        },
    }
}
# Neighbours that one answer may hold for each row of a batch.
_LINES = 10
# Longer bodies make tokens that are too long (service.operations.replay), at the cost of compressing them.
_LONGEST_REPLAYED = 128 << 10
# Hits that are written on the event loop.
_FEW_HITS = 1000


@router.post(
    "/neighbours/vector",
    summary="Neighbours of vectors",
    description=(
        "The k objects whose embeddings are most similar to each of 1 to 1,000 vectors; vectors times `k` are 20,000 at most. "
        "Concurrent questions without filters are searched together. Raw vectors are half the work of JSON, and have no "
        "`search.replay`."
    ),
    response_model=VectorsAnswer,
    responses=problems(
        *COMMON,
        "request.unreadable",
        "request.media_type",
        "request.too_large",
        "batch.too_large",
        "vector.unusable",
        "survey.not_found",
        "release.not_found",
        "release.mismatch",
        "filter.invalid",
        "client.too_many",
        "service.busy",
    ),
    openapi_extra=_BODY,
)
async def neighbours_vector(
    request: Request,
    *,
    k: K = 10,
    exact: Exact = False,
    explain: Explain = False,
    min_score: MinScore = None,
    survey: SurveyName = None,
    release: ReleaseName = None,
) -> Response:
    resources, begun = resources_of(request), time.perf_counter()
    given = {
        "k": k,
        "exact": exact,
        "explain": explain,
        "min_score": min_score,
        "survey": survey,
        "release": release,
    }
    body, sent, data = await vectors_body(request, _given(request, given))
    served = resources.choose(body.survey, body.release)
    vectors = unit_vectors(served, sent)
    n_hits = len(vectors) * body.k
    _check_size(n_hits, _LINES * resources.settings.batch_rows)
    wanted = Wanted(body.k, parse_filters(body.filters or {}), body.exact, body.min_score)
    is_heavy = len(vectors) > MOST_TOGETHER or n_hits > _FEW_HITS
    client = request.client.host if request.client else ""
    with resources.fairness.hold(client) if is_heavy else nullcontext():
        if wanted.is_plain:
            searched = await _searched(resources, request, served, vectors, wanted)
            work = partial(operation.of_searched, served, searched, body.k)
        else:
            work = partial(operation.of_each, served, vectors, wanted)
        is_quick = wanted.is_plain and not is_heavy
        found = work() if is_quick else await resources.workers.run(work)
    replay = asked_of(request, data).token(served) if _is_replayed(request, data) else None
    return answer(
        {
            "release": served.block,
            "search": sealed(found.search, replay=replay, plan=found.plan if body.explain else None),
            "query": {
                "kind": "vector",
                "n_vectors": len(vectors),
                "k": body.k,
                "note": "" if found.n_hits else nothing_found(found.search, body.min_score),
            },
            "results": found.results,
        },
        headers=timing(time.perf_counter() - begun) if body.explain else None,
    )


def _given(request: Request, values: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that stand in the query string."""
    if not request.scope["query_string"]:
        return {}
    return {name: values[name] for name in request.query_params}


async def _searched(
    resources: Resources, request: Request, served: Served, vectors: NDArray[np.float32], wanted: Wanted
) -> list[Searched]:
    """Search in passes that other requests share."""
    is_gone = request.scope.get(IS_GONE)
    found = []
    for start in range(0, len(vectors), MOST_TOGETHER):
        part = vectors[start : start + MOST_TOGETHER]
        found.append(
            await resources.searches.search(
                served.release.engine, part, wanted.k, exact=wanted.exact, is_gone=is_gone
            )
        )
    return found


def _check_size(n_hits: int, most: int) -> None:
    if n_hits > most:
        raise BatchTooLarge(
            f"The answer would have {n_hits} neighbours (vectors times k); the limit is {most}. Send fewer vectors, or a "
            "smaller k.",
            limit=most,
            got=n_hits,
        )


def _is_replayed(request: Request, data: bytes) -> bool:
    return len(data) <= _LONGEST_REPLAYED and media_type_of(request.headers.get("content-type")) != RAW
