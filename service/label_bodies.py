"""From the body of a request to the labels that it gives."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from service.errors import UnsupportedMedia
from service.json_bodies import invalid, json_of, validated
from service.media import TABLE_TYPES, media_type_of
from service.operations.labelling import ANY, Said
from service.operations.refusals import BatchTooLarge
from service.records.labels import ARTEFACT, MOST_SCORE, SCORE
from service.schemas.labels import LONGEST_NOTE, MOST_AT_ONCE, LabelRequest, LabelsRequest, checked_note
from service.schemas.photoz import is_batch_id
from service.table_columns import WANTED
from service.tables import read_table
from survey.ingest import CutoutRejected

if TYPE_CHECKING:
    from starlette.requests import Request

    from service.resources import Resources

__all__ = ["JSON_BODY", "TABLE_BODY", "said_of"]

_ID: Final = next(iter(WANTED))
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
#: For ``openapi_extra`` of the paths that take labels.
JSON_BODY: Final[dict[str, Any]] = {
    "application/json": {
        "schema": {
            "oneOf": [
                {"$ref": f"#/components/schemas/{LabelRequest.__name__}"},
                {"$ref": f"#/components/schemas/{LabelsRequest.__name__}"},
            ]
        }
    }
}
TABLE_BODY: Final[dict[str, Any]] = dict.fromkeys(sorted(TABLE_TYPES), _BINARY)


async def said_of(request: Request, resources: Resources) -> tuple[list[Said], str]:
    """Read the labels of a body, and where they come from: one as JSON, several in ``labels``, or a table of them.

    A table has the columns ``object_id`` (or what else is taken for one) and ``value``, or ``kind``; ``note`` may follow.

    Raises
    ------
    UnsupportedMedia, UnreadableBody, RequestValidationError, CutoutRejected, BatchTooLarge
        If the body is not what its type says, or holds too many.
    """
    kind = media_type_of(request.headers.get("content-type"))
    if kind == "application/json":
        return _of_json(json_of(await request.body())), "client"
    if kind not in TABLE_TYPES:
        raise UnsupportedMedia(
            f"Content type {kind[:80] or '(none)'!r} is not taken; send application/json or a table ({', '.join(sorted(TABLE_TYPES))})."
        )
    most = resources.settings.labels_per_session
    read = partial(
        read_table, resources.sandbox, await request.body(), media_type=kind, name="labels", max_rows=most
    )
    return _of_table((await resources.in_sandbox(read)).rows), "import"


def _of_json(value: Any) -> list[Said]:
    items = value.get("labels") if isinstance(value, dict) and "labels" in value else [value]
    if not isinstance(items, list):
        raise invalid("labels", "is no list")
    # Counted before they are validated, which collects an error for every value.
    if len(items) > MOST_AT_ONCE:
        raise BatchTooLarge(
            f"{len(items)} labels were sent; the limit is {MOST_AT_ONCE}. Send several lists, or a table.",
            limit=MOST_AT_ONCE,
            got=len(items),
        )
    bodies = (
        validated(LabelsRequest, value).labels
        if isinstance(value, dict) and "labels" in value
        else [validated(LabelRequest, value)]
    )
    return [
        Said(
            object_id=body.object_id,
            kind=body.kind,
            value=body.value,
            note=body.note or None,
            client_key=body.client_key,
            replaces=body.replaces if "replaces" in body.model_fields_set else ANY,
        )
        for body in bodies
    ]


def _of_table(rows: pa.Table) -> list[Said]:
    names = {name.strip().lower(): name for name in reversed(rows.column_names[len(WANTED) :])}
    if not names.keys() & {"value", "kind"}:
        there = ", ".join(rows.column_names[len(WANTED) :][:12])
        raise CutoutRejected(
            "table.columns",
            f"No column `value` (0 to 5) or `kind` (score, artefact) among {there}. Name one of them so.",
        )
    n = rows.num_rows
    if not n:
        raise CutoutRejected("upload.empty", "The table has no rows.")
    ids = rows.column(_ID).to_pylist()
    values = _floats(rows, names["value"]) if "value" in names else [None] * n
    kinds = _texts(rows, names.get("kind"))
    notes = _texts(rows, names.get("note"))
    return [_row(place, *parts) for place, parts in enumerate(zip(ids, values, kinds, notes, strict=True))]


def _row(place: int, object_id: str | None, value: float | None, kind: str | None, note: str | None) -> Said:
    where = f"row {place + 1} of the table"
    if not is_batch_id(object_id):
        raise invalid(where, "has no id of 1 to 128 printable characters")
    kind = kind or SCORE
    if kind not in (SCORE, ARTEFACT):
        raise invalid(where, f"has kind {kind[:32]!r}; there are {SCORE} and {ARTEFACT}")
    if kind == SCORE and not (value is not None and 0 <= value <= MOST_SCORE):
        raise invalid(where, f"has value {value}; a score is 0 to {MOST_SCORE:g}")
    try:
        text = checked_note(note or "")
    except ValueError as error:
        raise invalid(where, str(error)) from error
    if len(text) > LONGEST_NOTE:
        raise invalid(where, f"has a note of {len(text)} characters; the limit is {LONGEST_NOTE}")
    assert object_id is not None
    return Said(object_id, kind, value if kind == SCORE else None, text or None)


def _floats(rows: pa.Table, name: str) -> list[float | None]:
    column = rows.column(name)
    try:
        numbers = pc.cast(column, pa.float64())
    except pa.ArrowException as error:
        raise CutoutRejected(
            "table.columns", f"Column {name[:64]!r} holds no numbers; scores are 0 to {MOST_SCORE:g}."
        ) from error
    return [None if one is None or one != one else one for one in numbers.to_pylist()]  # noqa: PLR0124 - NaN


def _texts(rows: pa.Table, name: str | None) -> list[str | None]:
    if name is None:
        return [None] * rows.num_rows
    column = rows.column(name)
    if not (pa.types.is_string(column.type) or pa.types.is_null(column.type)):
        column = pc.cast(column, pa.string())
    return [one.strip() if one else None for one in column.to_pylist()]
