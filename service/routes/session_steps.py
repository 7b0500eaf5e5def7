"""What a session proposes, ranks and forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from service.answers import PRIVATE, JSONAnswer
from service.auth import owner_needed
from service.batch_answers import FILES
from service.dependencies import StrictRoute, resources_of
from service.list_answers import LIST_PROBLEMS, Listed, list_answer
from service.lists import ObjectList
from service.operations import interest
from service.operations.forecasts import TARGET, forecast_members
from service.operations.refusals import SessionClosed
from service.routes.labels import SessionId
from service.routes.replies import COMMON, SECURITY, problems
from service.routes.sessions import OF_SESSION
from service.schemas.interest import ForecastAnswer, NextAnswer, RankingAnswer
from service.selection_parameters import Selected
from service.served import Served

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"], route_class=StrictRoute)

_LEARNS: Final = (*OF_SESSION, "release.gone", "filter.invalid", "service.busy")
InBatch = Annotated[int, Query(alias="n", ge=1, le=100, description="Objects to look at, 1 to 100.")]
Target = Annotated[
    float,
    Query(ge=0.01, le=1, allow_inf_nan=False, description="Share of all interesting objects to be found."),
]


@router.get(
    "/{session_id}/next",
    summary="What to look at next",
    description=(
        "The objects that the session would have labelled next, with what it expects of each. The same answer until a label "
        "is given or withdrawn, also after a restart; fewer than `n` where fewer are left."
    ),
    response_model=NextAnswer,
    responses=problems(*COMMON, *_LEARNS, "session.closed"),
    openapi_extra=SECURITY,
)
async def next_batch(request: Request, session_id: SessionId, n: InBatch = interest.IN_BATCH) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def work() -> dict[str, Any]:
        stands = interest.standing(resources, owner.name, session_id, n)
        if stands.row.closed_at is not None:
            raise SessionClosed(
                f"Session {session_id} is closed and proposes nothing. Open it: PATCH /api/v1/sessions/{session_id} with "
                '{"closed": false}.'
            )
        release = stands.served.block
        return {"release": release, **interest.members(stands), "objects": interest.batch(stands)}

    return JSONAnswer(await resources.shared.learning.run(work), headers=PRIVATE)


@router.get(
    "/{session_id}/ranking",
    summary="Everything, the most promising first",
    description=(
        "All objects that the session's filters allow, by the chance of an interesting score, labelled ones among them; "
        "further filters as searches have them. A page of JSON, or a file of all."
    ),
    response_model=RankingAnswer,
    responses={200: {"content": FILES}, **problems(*COMMON, *_LEARNS, *LIST_PROBLEMS)},
    openapi_extra=SECURITY,
)
async def ranking(request: Request, session_id: SessionId, *, selection: Selected, asked: Listed) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)
    stands = await resources.shared.learning.run(
        partial(interest.standing, resources, owner.name, session_id)
    )

    def make(_served: Served, _end: int) -> tuple[ObjectList, Mapping[str, Any]]:
        said = {**interest.members(stands), "filters": selection.to_json()}
        return interest.ranking(stands, selection), said

    return await list_answer(
        request,
        resources,
        asked,
        make,
        survey=None,
        release=stands.served.release.id,
        stem="interest",
        state=b"%s %d" % (session_id.encode(), stands.row.revision),
        headers=PRIVATE,
    )


@router.get(
    "/{session_id}/forecast",
    summary="How much is left to find",
    description=(
        "Expected recall against the number of objects inspected from now on, most promising first, with its band; and how "
        "many more are to be inspected to reach `target`."
    ),
    response_model=ForecastAnswer,
    responses=problems(*COMMON, *_LEARNS),
    openapi_extra=SECURITY,
)
async def forecast(request: Request, session_id: SessionId, target: Target = TARGET) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def work() -> dict[str, Any]:
        stands = interest.standing(resources, owner.name, session_id)
        said = {"release": stands.served.block, **interest.members(stands)}
        return {**said, **forecast_members(interest.foreseen(stands), target)}

    return JSONAnswer(await resources.shared.learning.run(work), headers=PRIVATE)
