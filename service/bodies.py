"""From the body of a batch request to its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import pyarrow as pa
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from service.arriving import mapped, on_disk
from service.errors import UnreadableBody, UnsupportedMedia
from service.forms import form_of
from service.json_bodies import invalid, json_of, validated
from service.media import TABLE_TYPES, media_type_of
from service.operations.batch_rows import of_ids, of_positions
from service.operations.refusals import BatchTooLarge
from service.resources import Resources
from service.schemas.photoz import BatchRequest, Position, is_batch_id
from service.tables import Table, read_table

__all__ = ["Batch", "batch_of"]

# A row of a batch has two values at most; what has twice as many is no mistake.
_FIELDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What was sent.

    Attributes
    ----------
    rows
        :data:`service.table_columns.WANTED`, then the columns of a table.
    table
        What was understood of a table; None for JSON.
    filters
        Member ``filters`` of JSON, where the path takes it and it was sent.
    """

    rows: pa.Table
    table: dict[str, Any] | None
    filters: dict[str, Any] | None = None


async def batch_of(
    request: Request,
    resources: Resources,
    *,
    chosen: Mapping[str, str] | None,
    takes_filters: bool = False,
) -> Batch:
    """Read the rows of a batch, from JSON or from one table, as many as a job may have.

    Parameters
    ----------
    chosen
        The sender's own mapping of a table's columns.
    takes_filters
        Whether JSON may have ``filters`` beside its rows.

    Raises
    ------
    UnsupportedMedia
        If the content type is none of those.
    UnreadableBody, RequestValidationError, CutoutRejected, BatchTooLarge
        If the body is not what its type says, or holds too many rows.
    """
    settings = resources.settings
    limit = max(settings.batch_rows, settings.job_rows)
    kind = media_type_of(request.headers.get("content-type"))
    if kind == "application/json":
        if chosen:
            raise invalid("columns_map", "JSON has no columns; `columns_map` is for tables")
        value, filters = await _values(request, limit, takes_filters=takes_filters)
        return Batch(_wanted(value, settings.batch_rows), None, filters)
    read = partial(read_table, resources.sandbox, max_rows=limit, chosen=chosen)
    if kind == "multipart/form-data":
        name, kind, data = await _one_file(request)
        table = await resources.in_sandbox(partial(read, data, media_type=kind, name=name))
    elif kind in TABLE_TYPES or kind == "application/octet-stream":
        async with on_disk(request, settings) as file:
            table = await resources.in_sandbox(partial(_read_mapped, read, file, kind))
    else:
        taken = ", ".join(sorted(TABLE_TYPES))
        raise UnsupportedMedia(
            f"Content type {kind[:80] or '(none)'!r} is not taken; send application/json or a table ({taken})."
        )
    return Batch(table.rows, table.to_json())


def _read_mapped(read: Callable[..., Table], file: IO[bytes], kind: str) -> Table:
    with mapped(file) as data:
        return read(data, media_type=kind, name="table")


async def _values(request: Request, most: int, *, takes_filters: bool) -> tuple[Any, dict[str, Any] | None]:
    """Return a JSON body, and apart from it its filters; NaN, infinities, lone surrogates and deep nesting are refused."""
    value = json_of(await request.body())
    filters = value.pop("filters", None) if takes_filters and isinstance(value, dict) else None
    if filters is not None and not isinstance(filters, dict):
        raise invalid("filters", 'is no object; write {"z_spec": [0.05, 0.1]}')
    _check_size(value, most)
    return value, filters


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
    if n_values > _FIELDS * (longest + 1):
        raise RequestValidationError(
            [
                {
                    "type": "too_long",
                    "loc": ("body",),
                    "msg": f"The body has {n_values} values in {longest} rows",
                }
            ]
        )


def _wanted(value: Any, few: int) -> pa.Table:
    """Return the rows; of more than a few, the first wrong one alone is told."""
    given = [name for name in ("ids", "positions") if isinstance(value, dict) and value.get(name) is not None]
    if len(given) == 1 and isinstance(value[given[0]], list) and len(value[given[0]]) > few:
        rows, is_good = value[given[0]], is_batch_id if given == ["ids"] else _is_position
        wrong = next((n for n, item in enumerate(rows) if not is_good(item)), None)
        if wrong is not None:
            raise invalid(f"{given[0]}.{wrong}", "is no id, or no `ra_deg` and `dec_deg` in degrees")
        validated(BatchRequest, {**value, given[0]: rows[:1]})
        if given == ["ids"]:
            return of_ids(rows)
        return of_positions([one["ra_deg"] for one in rows], [one["dec_deg"] for one in rows])
    if len(given) != 1 and isinstance(value, dict) and set(value) <= {"ids", "positions"}:
        raise invalid("", "Give either `ids` or `positions`.")
    body = validated(BatchRequest, value)
    if body.ids is not None:
        return of_ids(body.ids)
    places = body.positions or []
    return of_positions([place.ra_deg for place in places], [place.dec_deg for place in places])


def _is_position(item: Any) -> bool:
    if not isinstance(item, dict) or set(item) != set(Position.model_fields):
        return False
    ra, dec = item["ra_deg"], item["dec_deg"]
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (ra, dec))
    return numbers and 0 <= ra < 360 and -90 <= dec <= 90


async def _one_file(request: Request) -> tuple[str, str, bytes]:
    async with form_of(request, max_files=1, max_fields=8) as form:
        files: list[Any] = [value for value in form.values() if isinstance(value, UploadFile)]
        if len(files) != 1:
            raise UnreadableBody("The form holds no file; send one table.")
        kind = media_type_of(files[0].content_type)
        return (files[0].filename or "table")[:200], kind, await files[0].read()
