"""Interest sessions: begun, listed, told, changed, deleted, labelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from index.catalogue.session import writing
from service.answers import PRIVATE, JSONAnswer
from service.auth import owner_needed
from service.dependencies import StrictRoute, resources_of
from service.errors import UnsupportedMedia
from service.json_bodies import json_of, validated
from service.media import media_type_of
from service.operations import sessions
from service.parameters import Cursor
from service.records.sessions import SessionRow, tallies
from service.resources import Resources
from service.routes.labels import GIVE_BODY, GIVE_PROBLEMS, OWN, SessionId, given
from service.routes.replies import COMMON, SECURITY, problems
from service.schemas.labels import GivenLabels
from service.schemas.sessions import SessionChangeRequest, SessionRecord, SessionRequest, Sessions

__all__ = ["OF_SESSION", "in_reading", "in_writing", "json_body", "record_of", "router"]


class _SessionId(StringConvertor):
    # The one path beside the ids: its other methods are 405, not those of a session of that name.
    regex = "(?!import$)[^/]+"


register_url_convertor("session", _SessionId())

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"], route_class=StrictRoute)

T = TypeVar("T")

#: What every path of one session may be refused for.
OF_SESSION: Final = (*OWN, "session.not_found")
_BODY_PROBLEMS: Final = (*OWN, "request.unreadable", "request.media_type", "request.too_large")
Listed = Annotated[int, Query(alias="limit", ge=1, le=200, description="Sessions in the answer, 1 to 200.")]


def _body(name: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {"requestBody": {"required": True, "content": content}, **SECURITY}


@router.post(
    "",
    summary="Begin a session",
    description=(
        "A search for what you find interesting, on one release: it learns from your labels, proposes what to look at next, "
        "ranks everything, and forecasts how much is left. `filters` are those of searches."
    ),
    status_code=201,
    response_model=SessionRecord,
    responses=problems(
        *COMMON,
        *_BODY_PROBLEMS,
        "survey.not_found",
        "release.not_found",
        "release.mismatch",
        "object.not_found",
        "filter.invalid",
        "session.quota",
        "label.quota",
    ),
    openapi_extra=_body(SessionRequest.__name__),
)
async def begin_session(request: Request) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)
    body = validated(SessionRequest, await json_body(request))
    served = resources.choose(body.survey, body.release)

    def begin(session: Session) -> dict[str, Any]:
        row = sessions.row_of_body(served, owner.name, body)
        examples = {"positives": body.positives, "negatives": body.negatives}
        sessions.begin(session, resources.settings, served, row, **examples)
        return record_of(resources, session, owner.name, row.id)

    content = await in_writing(resources, begin)
    headers = {**PRIVATE, "Location": sessions.href_of(content["session_id"])}
    return JSONAnswer(content, status_code=201, headers=headers)


@router.get(
    "",
    summary="Your sessions",
    description="Newest first.",
    response_model=Sessions,
    responses=problems(*COMMON, *OWN, "cursor.invalid"),
    openapi_extra=SECURITY,
)
async def all_sessions(request: Request, limit: Listed = 50, cursor: Cursor = None) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def ask(session: Session) -> dict[str, Any]:
        return sessions.listed(session, resources, owner.name, limit=limit, cursor=cursor)

    return JSONAnswer(await in_reading(resources, ask), headers=PRIVATE)


@router.get(
    "/{session_id:session}",
    summary="One session",
    description="What it is, how many labels it has, and the release that it goes on with.",
    response_model=SessionRecord,
    responses=problems(*COMMON, *OF_SESSION),
    openapi_extra=SECURITY,
)
async def one_session(request: Request, session_id: SessionId) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def ask(session: Session) -> dict[str, Any]:
        return record_of(resources, session, owner.name, session_id)

    return JSONAnswer(await in_reading(resources, ask), headers=PRIVATE)


@router.patch(
    "/{session_id:session}",
    summary="Change a session",
    description="Its name, learner or threshold; `closed` ends it, or opens it again.",
    response_model=SessionRecord,
    responses=problems(*COMMON, *_BODY_PROBLEMS, "session.not_found"),
    openapi_extra=_body(SessionChangeRequest.__name__),
)
async def change_session(request: Request, session_id: SessionId) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)
    body = validated(SessionChangeRequest, await json_body(request))

    def change(session: Session) -> dict[str, Any]:
        sessions.change(session, owner.name, session_id, body)
        return record_of(resources, session, owner.name, session_id)

    return JSONAnswer(await in_writing(resources, change), headers=PRIVATE)


@router.delete(
    "/{session_id:session}",
    summary="Delete a session",
    description="With all its labels; export it before. That it was there stays in the audit trail.",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is deleted."}, **problems(*COMMON, *OF_SESSION)},
    openapi_extra=SECURITY,
)
async def delete_session(request: Request, session_id: SessionId) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)
    await in_writing(resources, lambda session: sessions.forget(session, owner.name, session_id))
    return Response(status_code=204, headers=PRIVATE)


@router.post(
    "/{session_id}/labels",
    summary="Label objects in a session",
    description=(
        "One label, several in `labels` (up to 1,000), or a table with `object_id`, `value` and `note`: kept all or none. "
        "The session learns from them. `GET /api/v1/labels?session=` lists them."
    ),
    response_model=GivenLabels,
    responses=problems(*COMMON, *GIVE_PROBLEMS, "session.not_found", "session.closed", "release.gone"),
    openapi_extra={**GIVE_BODY, **SECURITY},
)
async def label_in_session(request: Request, session_id: SessionId) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def ask(session: Session) -> SessionRow:
        return sessions.find(session, owner.name, session_id)

    row = await in_reading(resources, ask)
    return await given(request, resources, owner.name, sessions.release_of(resources, row), row)


async def in_reading(resources: Resources, ask: Callable[[Session], T]) -> T:
    """Ask the database something in a thread."""

    def run() -> T:
        with resources.sessions() as session:
            return ask(session)

    return await to_thread.run_sync(run)


async def in_writing(resources: Resources, change: Callable[[Session], T]) -> T:
    """Change something in a thread, and return when it is committed."""

    def run() -> T:
        with writing(resources.engine)() as session, session.begin():
            return change(session)

    return await to_thread.run_sync(run)


async def json_body(request: Request) -> Any:
    """Read a JSON body.

    Raises
    ------
    UnsupportedMedia, UnreadableBody
        If it is none.
    """
    if media_type_of(request.headers.get("content-type")) != "application/json":
        raise UnsupportedMedia("Send the body as application/json.")
    return json_of(await request.body())


def record_of(resources: Resources, session: Session, owner: str, session_id: str) -> dict[str, Any]:
    """Return what is said of an owner's session.

    Raises
    ------
    SessionNotFound
        If there is none.
    """
    row = sessions.find(session, owner, session_id)
    return sessions.told(resources, row, tallies(session, owner, [row.id])[row.id])
