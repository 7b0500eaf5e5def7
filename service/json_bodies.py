"""From a JSON body to values, or to the refusal of one of its members."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from service.errors import UnreadableBody

__all__ = ["invalid", "json_of", "validated"]

Body = TypeVar("Body", bound=BaseModel)


def json_of(data: bytes) -> Any:
    """Read JSON; NaN, infinities, lone surrogates and deep nesting are none.

    Raises
    ------
    UnreadableBody
        If it is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(
            "The body is not JSON (NaN, infinities and lone surrogates are none)."
        ) from error


def validated(kind: type[Body], value: Any) -> Body:
    """Return a body as its schema has it.

    Raises
    ------
    RequestValidationError
        If it does not fit.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in details]) from error


def invalid(where: str, message: str) -> RequestValidationError:
    """Return the refusal of a member of the body, of all of it where none is named."""
    loc = ("body", where) if where else ("body",)
    return RequestValidationError([{"type": "value_error", "loc": loc, "msg": message}])
