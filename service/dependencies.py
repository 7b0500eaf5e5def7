"""What handlers are given: the process's resources, a session, strict query strings."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.errors import UnknownParameter

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["InSession", "StrictRoute", "get_session", "resources_of"]


def resources_of(request: Request) -> Resources:
    """Return the running service's resources."""
    resources: Resources = request.app.state.resources
    return resources


def get_session(request: Request) -> Iterator[Session]:
    """Open a session that commits after the handler, before the answer."""
    with resources_of(request).sessions() as session, session.begin():
        yield session


#: With scope="function" a commit that fails is a 500 and not a lost row behind a 200.
InSession = Annotated[Session, Depends(get_session, scope="function")]


class StrictRoute(APIRoute):
    """A route that refuses query parameters it does not know: a misspelt filter must not pass as no filter."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler with the check."""
        handle = super().get_route_handler()
        known = frozenset(_query_names(self.dependant))

        async def strict(request: Request) -> Response:
            if request.scope["query_string"]:
                _check(request.query_params.multi_items(), known)
            return await handle(request)

        return strict


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _query_names(inner)


def _check(given: list[tuple[str, str]], known: frozenset[str]) -> None:
    seen: set[str] = set()
    for name, _ in given:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise UnknownParameter(f"Unknown query parameter {name[:64]!r}; the path takes: {listed}.")
        if name in seen:
            raise UnknownParameter(f"Query parameter {name!r} was given twice; give it once.")
        seen.add(name)
