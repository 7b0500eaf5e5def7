"""The pages of interest sessions: the list, begin one, label in one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.auth import owner_needed
from service.dependencies import resources_of
from service.forms import form_of
from service.json_bodies import validated
from service.operations import sessions
from service.parameters import Cursor
from service.routes.labels import SessionId
from service.routes.page_answers import PageRoute, page
from service.routes.same_origin import check_same_origin
from service.routes.sessions import in_reading, in_writing, record_of
from service.schemas.sessions import SessionRequest
from service.web.session_pages import session_page, sessions_page

__all__ = ["router"]

_PAGE = 48
# What one person looks for is for no cache that another one reads.
_PRIVATE = {"cache-control": "private, no-store"}

router = APIRouter(prefix="/sessions", include_in_schema=False, route_class=PageRoute)


@router.get("")
async def all_sessions(request: Request, cursor: Cursor = None) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def ask(session: Session) -> dict[str, Any]:
        return sessions.listed(session, resources, owner.name, limit=_PAGE, cursor=cursor)

    context = sessions_page(resources, await in_reading(resources, ask))
    return page(request, "sessions.html", context, headers=_PRIVATE)


@router.post("")
async def begin_session(request: Request) -> Response:
    check_same_origin(request, "Another site asked to begin a session. Begin it on the page /sessions.")
    resources, owner = resources_of(request), await owner_needed(request)
    async with form_of(request, max_files=0, max_fields=8) as form:
        given = {name: value for name, value in form.items() if isinstance(value, str) and value.strip()}
    said: dict[str, Any] = {name: given[name] for name in ("name", "survey", "learner") if name in given}
    said |= {name: _ids(given.get(name, "")) for name in ("positives", "negatives")}
    body = validated(SessionRequest, said)
    served = resources.choose(body.survey)
    row = sessions.row_of_body(served, owner.name, body)
    examples = {"positives": body.positives, "negatives": body.negatives}
    await in_writing(
        resources,
        lambda session: sessions.begin(session, resources.settings, served, row, **examples),
    )
    return RedirectResponse(f"/sessions/{row.id}", status_code=303)


@router.get("/{session_id}")
async def one_session(request: Request, session_id: SessionId) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def ask(session: Session) -> dict[str, Any]:
        return record_of(resources, session, owner.name, session_id)

    context = session_page(resources, await in_reading(resources, ask))
    return page(request, "session.html", context, headers=_PRIVATE)


@router.post("/{session_id}/delete")
async def delete_session(request: Request, session_id: SessionId) -> Response:
    check_same_origin(request, "Another site asked to delete this session. Delete it on the page /sessions.")
    resources, owner = resources_of(request), await owner_needed(request)
    await in_writing(resources, lambda session: sessions.forget(session, owner.name, session_id))
    return RedirectResponse("/sessions", status_code=303)


def _ids(text: str) -> list[str]:
    """Return the ids of a field, one in a line: an id may hold blanks and commas."""
    return [line.strip() for line in text.splitlines() if line.strip()]
