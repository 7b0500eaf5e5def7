"""What is served: surveys, releases, models."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.answers import answer
from service.dependencies import StrictRoute, resources_of
from service.operations import served as operation
from service.routes.replies import COMMON, problems
from service.schemas.about import ModelsAnswer, ReleasesAnswer, SurveysAnswer

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["what is served"], route_class=StrictRoute)


@router.get(
    "/surveys",
    summary="Surveys served",
    description="Each survey with its citation, licence and what in it is real; `default` answers when a request names none.",
    response_model=SurveysAnswer,
    responses=problems(*COMMON),
)
async def surveys(request: Request) -> Response:
    return answer(operation.surveys(resources_of(request)))


@router.get(
    "/releases",
    summary="Index releases served",
    description="One release is one survey indexed by one model; `default` answers when a request names none.",
    response_model=ReleasesAnswer,
    responses=problems(*COMMON),
)
async def releases(request: Request) -> Response:
    return answer(operation.releases(resources_of(request)))


@router.get(
    "/models",
    summary="Models behind the releases",
    description="Cards of the models: what images they read, what they were fitted on, under which licence.",
    response_model=ModelsAnswer,
    responses=problems(*COMMON),
)
async def models(request: Request) -> Response:
    return answer(operation.models(resources_of(request)))
