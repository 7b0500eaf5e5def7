"""The registry of problems."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from service.answers import answer
from service.dependencies import StrictRoute
from service.problems import PROBLEMS
from service.routes.replies import COMMON, problems
from service.schemas.about import ProblemsAnswer

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["what is served"], route_class=StrictRoute)


@router.get(
    "/problems",
    summary="What can go wrong",
    description="Every `code` that an error answer may carry, with its status. Codes are stable.",
    response_model=ProblemsAnswer,
    responses=problems(*COMMON),
)
async def problem_list() -> Response:
    return answer(
        {"problems": [{"code": p.slug, "status": p.status, "title": p.title} for p in PROBLEMS.values()]}
    )
