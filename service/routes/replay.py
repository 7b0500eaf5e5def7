"""Answers given once more, byte by byte."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from service.dependencies import IS_REPLAY, RESOURCES, StrictRoute, resources_of
from service.operations.refusals import ReleaseGone, UnknownRelease
from service.operations.replay import Pin, Replay, read_token
from service.routes.replies import COMMON, problems
from service.schemas.replay import ReplayAnswer, ReplayRequest

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from service.resources import Resources
    from service.served import Served

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["neighbours"], route_class=StrictRoute)

_DESCRIPTION = (
    "Answers the question of `search.replay` again from the releases that answered it first, active or not, with the same "
    "bytes. A token holds the question and the hashes of the releases and no secret; where a release's folder is gone, the "
    "answer is 410. Refusals are those of the question's own path."
)
_PROBLEMS: dict[int | str, Any] = problems(*COMMON, "replay.invalid", "release.gone", "service.busy")
# Of the headers of who asks again, what would change the answer.
_DROPPED = frozenset(
    {b"accept", b"content-length", b"content-type", b"transfer-encoding", b"content-encoding"}
)
_ROUTED = ("endpoint", "route", "router", "path_params")

TokenText = Annotated[str, Path(description="`search.replay` of an answer.")]


@router.get(
    "/replay/{token}",
    summary="An answer again",
    description=_DESCRIPTION,
    response_model=ReplayAnswer,
    responses=_PROBLEMS,
)
async def replay(request: Request, token: TokenText) -> Response:
    return await _again(request, token)


@router.post(
    "/replay",
    summary="An answer again, by a long token",
    description=_DESCRIPTION,
    response_model=ReplayAnswer,
    responses={**_PROBLEMS, **problems("request.unreadable", "request.too_large", "replay.invalid")},
)
async def replay_long(request: Request, asked: ReplayRequest) -> Response:
    return await _again(request, asked.token)


async def _again(request: Request, token: str) -> Response:
    asked = read_token(token)
    return _Dispatched(request, asked, await _pinned(resources_of(request), asked.pins))


async def _pinned(resources: Resources, pins: tuple[Pin, ...]) -> Resources:
    """Return resources that serve nothing but some releases, the first of them by default."""
    served = [await _opened(resources, pin) for pin in pins]
    return replace(
        resources,
        surveys={**resources.surveys, **{one.survey: one.folder for one in served}},
        releases={one.release.id: one for one in served},
        defaults={one.survey: one.release.id for one in served},
        default_survey=served[0].survey,
    )


async def _opened(resources: Resources, pin: Pin) -> Served:
    try:
        served = await resources.pinned(pin.release)
    except UnknownRelease as error:
        raise ReleaseGone(
            f"Release {pin.release}, which gave this answer, is no longer here. Ask the question anew.",
            release=pin.release,
        ) from error
    if not served.release.sha256.startswith(pin.sha256):
        raise ReleaseGone(
            f"The release that is called {pin.release} now is not the one that gave this answer: its manifest's hash is "
            f"{served.release.sha256[:12]}…, not {pin.sha256[:12]}…. Ask the question anew.",
            release=pin.release,
        )
    return served


class _Dispatched(Response):
    """The answer of the application's own routes to another request."""

    def __init__(self, request: Request, asked: Replay, resources: Resources) -> None:
        super().__init__()
        body = asked.body or b""
        headers = [(name, value) for name, value in request.scope["headers"] if name not in _DROPPED]
        if asked.body is not None:
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        kept = {name: value for name, value in request.scope.items() if name not in _ROUTED}
        self._scope = {
            **kept,
            "method": "GET" if asked.body is None else "POST",
            "path": unquote(asked.path),
            "raw_path": asked.path,
            "query_string": asked.query,
            "headers": headers,
            RESOURCES: resources,
            IS_REPLAY: True,
        }
        self._body, self._router = body, request.app.router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - they are the token's
        """Let the routes answer."""
        sent = False

        async def given() -> Message:
            nonlocal sent
            if sent:
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": self._body, "more_body": False}

        await self._router(self._scope, given, send)
