"""From the body of a batch request to its rows."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from service.errors import UnreadableBody, UnsupportedMedia
from service.forms import form_of
from service.media import TABLE_TYPES, media_type_of
from service.operations.photoz import Wanted
from service.operations.refusals import BatchTooLarge
from service.resources import Resources
from service.schemas.photoz import BatchRequest
from service.tables import read_table

M = TypeVar("M", bound=BaseModel)

__all__ = ["batch_rows", "json_body"]

# A row of a batch has two values at most; what has twice as many is no mistake.
_FIELDS = 4


async def batch_rows(request: Request, resources: Resources) -> tuple[list[Wanted], dict[str, Any] | None]:
    """Read the rows of a batch, from JSON or from one table.

    Returns
    -------
    tuple
        The rows, and what was understood of the table (None for JSON).

    Raises
    ------
    UnsupportedMedia
        If the content type is none of those.
    UnreadableBody, RequestValidationError, CutoutRejected, BatchTooLarge
        If the body is not what its type says, or holds too many rows.
    """
    limit = resources.settings.batch_rows
    kind = media_type_of(request.headers.get("content-type"))
    if kind == "application/json":
        return _wanted(await json_body(request, BatchRequest, most=limit)), None
    if kind == "multipart/form-data":
        name, kind, data = await _one_file(request)
    elif kind in TABLE_TYPES or kind == "application/octet-stream":
        name, data = "table", await request.body()
    else:
        taken = ", ".join(sorted(TABLE_TYPES))
        raise UnsupportedMedia(
            f"Content type {kind[:80] or '(none)'!r} is not taken; send application/json or a table ({taken})."
        )
    work = partial(read_table, resources.sandbox, data, media_type=kind, name=name, max_rows=limit)
    table = await resources.in_sandbox(work)
    return list(table.rows), table.to_json()


async def json_body(request: Request, model: type[M], *, most: int) -> M:
    """Read and check a JSON body; NaN, infinities, lone surrogates and deep nesting are refused.

    Parameters
    ----------
    most
        Items that one of its lists may have.

    Raises
    ------
    UnreadableBody
        If it is not JSON.
    BatchTooLarge
        If a list is longer.
    RequestValidationError
        If it does not fit the model.
    """
    data = await request.body()
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(
            "The body is not JSON (NaN, infinities and lone surrogates are none)."
        ) from error
    _check_size(value, most)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in details]) from error


def _check_size(value: Any, most: int) -> None:
    """Count before validating, which collects an error for every value: seven seconds for 1 MiB of ``{}``."""
    members = list(value.values()) if isinstance(value, dict) else [value]
    longest = max((len(member) for member in members if isinstance(member, list)), default=0)
    if longest > most:
        raise BatchTooLarge(
            f"The batch has {longest} rows; the limit is {most}. Send several batches.",
            limit=most,
            got=longest,
        )
    inner = [item for member in members if isinstance(member, list) for item in member]
    n_values = len(members) + sum(len(item) for item in inner if isinstance(item, dict | list))
    if n_values > _FIELDS * (most + 1):
        raise RequestValidationError(
            [
                {
                    "type": "too_long",
                    "loc": ("body",),
                    "msg": f"The body has {n_values} values in {longest} rows",
                }
            ]
        )


def _wanted(body: BatchRequest) -> list[Wanted]:
    if (body.ids is None) == (body.positions is None):
        raise RequestValidationError(
            [{"type": "value_error", "loc": ("body",), "msg": "Give either `ids` or `positions`."}]
        )
    if body.ids is not None:
        return [Wanted(object_id) for object_id in body.ids]
    return [Wanted(None, place.ra_deg, place.dec_deg) for place in body.positions or ()]


async def _one_file(request: Request) -> tuple[str, str, bytes]:
    async with form_of(request, max_files=1, max_fields=8) as form:
        files: list[Any] = [value for value in form.values() if isinstance(value, UploadFile)]
        if len(files) != 1:
            raise UnreadableBody("The form holds no file; send one table.")
        kind = media_type_of(files[0].content_type)
        return (files[0].filename or "table")[:200], kind, await files[0].read()
