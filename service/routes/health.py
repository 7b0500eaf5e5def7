"""Whether the process lives, and whether it answers."""

from __future__ import annotations

import time
from collections.abc import Callable

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.answers import answer
from service.dependencies import StrictRoute, resources_of
from service.routes.replies import COMMON, problems
from service.schemas.about import Liveness, Readiness

__all__ = ["router"]

router = APIRouter(tags=["operations"], route_class=StrictRoute)

_ALIVE = {"status": "alive"}


@router.get(
    "/livez",
    summary="Does the process run?",
    description="Touches nothing; restart the process when this does not answer.",
    response_model=Liveness,
    responses=problems(*COMMON),
)
async def livez() -> Response:
    return answer(_ALIVE)


@router.get(
    "/readyz",
    summary="Does the service answer?",
    description="Asks the database, and lets every release find one of its own objects; send no traffic while this is not 200. `release_swap` says what became of the releases that were activated last: while they cannot be opened, those before them answer.",
    response_model=Readiness,
    responses=problems(*COMMON, "database.unavailable", "service.not_ready"),
)
async def readyz(request: Request) -> Response:
    resources = resources_of(request)
    checks = {"database": resources.check_database, "search": resources.check_search}
    took = {name: await to_thread.run_sync(_timed, check) for name, check in checks.items()}
    return answer(
        {
            "status": "ready",
            "releases": [s.block for s in resources.releases.values()],
            "checks": took,
            "release_swap": resources.shared.swapping.to_json(),
        }
    )


def _timed(check: Callable[[], None]) -> float:
    begun = time.perf_counter()
    check()
    return round(1000 * (time.perf_counter() - begun), 3)
