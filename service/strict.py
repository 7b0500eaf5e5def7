"""Routes that refuse query parameters they do not know, and that read the others fast."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from inspect import iscoroutinefunction
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from service.errors import UnknownParameter

__all__ = ["StrictRoute"]

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """A route on which a misspelt filter cannot pass as no filter."""

    def get_route_handler(self) -> Handler:
        """Wrap FastAPI's handler with the check, or replace it where the route only reads path and query."""
        known = frozenset(_query_names(self.dependant))
        if _only_reads(self.dependant, self.methods or set()):
            return _fast(self.dependant, known)
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            _given(request, known)
            return await handle(request)

        return strict


def _fast(dependant: Dependant, known: frozenset[str]) -> Handler:
    """Call a handler that takes the request, path and query parameters and gives a response.

    FastAPI walks through every declared parameter on every request; with eight of them that is half of the
    time of an answer by id (130 of 280 microseconds, FastAPI 0.165). Here only those given are validated, by
    the same fields.
    """
    query = {field.alias: field for field in dependant.query_params}
    defaults = {
        field.name: field.get_default()
        for field in dependant.query_params
        if not field.field_info.is_required()
    }
    required = [field.alias for field in dependant.query_params if field.field_info.is_required()]
    path, name, endpoint = dependant.path_params, dependant.request_param_name, dependant.call
    assert endpoint is not None

    async def fast(request: Request) -> Response:
        values: dict[str, Any] = {name: request} if name else {}
        values.update(defaults)
        errors: list[Any] = []
        for field in path:
            values[field.name], found = field.validate(
                request.path_params[field.alias], loc=("path", field.alias)
            )
            errors += found
        given = _given(request, known)
        for alias, text in given.items():
            values[query[alias].name], found = query[alias].validate(text, loc=("query", alias))
            errors += found
        errors += [
            {"type": "missing", "loc": ("query", a), "msg": "Field required"}
            for a in required
            if a not in given
        ]
        if errors:
            raise RequestValidationError(errors)
        response: Response = await endpoint(**values)
        return response

    return fast


def _only_reads(dependant: Dependant, methods: set[str]) -> bool:
    others = (
        dependant.dependencies,
        dependant.body_params,
        dependant.header_params,
        dependant.cookie_params,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        dependant.http_connection_param_name,
    )
    return methods == {"GET"} and not any(others) and iscoroutinefunction(dependant.call)


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _query_names(inner)


def _given(request: Request, known: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if not request.scope["query_string"]:
        return found
    for name, text in request.query_params.multi_items():
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise UnknownParameter(f"Unknown query parameter {name[:64]!r}; the path takes: {listed}.")
        if name in found:
            raise UnknownParameter(f"Query parameter {name!r} was given twice; give it once.")
        found[name] = text
    return found
