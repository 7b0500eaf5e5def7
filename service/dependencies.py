"""What handlers are given: the process's resources, a session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import Request

from service.strict import StrictRoute

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["IS_REPLAY", "RESOURCES", "InSession", "StrictRoute", "get_session", "resources_of"]


#: Key of a request's scope: what is served to it.
RESOURCES = "skylike.resources"
#: Key of a request's scope: whether a replay token asks, which leaves nothing behind.
IS_REPLAY = "skylike.is_replay"


def resources_of(request: Request) -> Resources:
    """Return what is served; a request keeps what it began with, whatever is swapped in meanwhile."""
    resources: Resources = request.scope.setdefault(RESOURCES, request.app.state.resources)
    return resources


def get_session(request: Request) -> Iterator[Session]:
    """Open a session that commits after the handler, before the answer."""
    with resources_of(request).sessions() as session, session.begin():
        yield session


#: With scope="function" a commit that fails is a 500 and not a lost row behind a 200.
InSession = Annotated[Session, Depends(get_session, scope="function")]
