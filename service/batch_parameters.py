"""Parameters of batches, each written once."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import orjson
from fastapi import Query
from fastapi.exceptions import RequestValidationError

from service.operations.estimate_columns import MAX_SAMPLES, Representation
from service.table_columns import ALIASES

__all__ = [
    "ColumnsMap",
    "MakeJob",
    "NSamples",
    "PhotoZFormat",
    "PhotoZShown",
    "Seed",
    "TableFormat",
    "chosen_columns",
]

PhotoZFormat = Annotated[
    Literal["json", "csv", "votable", "fits", "parquet", "hdf5"] | None,
    Query(
        alias="format",
        description="Format of the answer; without it the `Accept` header decides, else JSON. `hdf5` is a qp ensemble.",
    ),
]
TableFormat = Annotated[
    Literal["json", "csv", "votable", "fits", "parquet"] | None,
    Query(
        alias="format",
        description="Format of the answer; without it the `Accept` header decides, else JSON.",
    ),
]
PhotoZShown = Annotated[
    Representation | None,
    Query(
        alias="representation",
        description=(
            "How much of p(z): the numbers alone (`summary`), also its 13 `quantiles`, its density on the `grid`, or "
            "`samples` drawn from it."
        ),
    ),
]
NSamples = Annotated[
    int, Query(alias="n_samples", ge=1, le=MAX_SAMPLES, description="How many `samples` of each p(z).")
]
Seed = Annotated[
    int, Query(alias="seed", ge=0, lt=1 << 32, description="The same seed draws the same samples.")
]
MakeJob = Annotated[
    bool, Query(alias="async", description="Make a job even of a batch that could be answered at once.")
]
ColumnsMap = Annotated[
    str | None,
    Query(
        alias="columns_map",
        max_length=1000,
        description=(
            "Which columns of a table to take, instead of the usual names: `ra:RA_PEAK,dec:DEC_PEAK` or `id:SOURCE`; or "
            "JSON, where names hold commas or colons."
        ),
        examples=["ra:RA_PEAK,dec:DEC_PEAK"],
    ),
]

_OURS: Final = {name: name for name in ALIASES} | {"id": "object_id", "ra": "ra_deg", "dec": "dec_deg"}


def chosen_columns(text: str | None) -> dict[str, str]:
    """Return our names with the sender's columns.

    Raises
    ------
    RequestValidationError
        If the text is no such map, or names neither an id nor a whole position.
    """
    if not text:
        return {}
    try:
        pairs = orjson.loads(text) if text.lstrip().startswith("{") else _pairs(text)
    except ValueError as error:
        raise _invalid("is neither JSON nor `ra:COLUMN,dec:COLUMN`") from error
    chosen: dict[str, str] = {}
    for key, column in pairs.items():
        if key not in _OURS or not isinstance(column, str) or not column:
            raise _invalid(f"maps {str(key)[:32]!r}; id, ra and dec can be mapped, each to a column")
        chosen[_OURS[key]] = column
    if "object_id" not in chosen and not {"ra_deg", "dec_deg"} <= chosen.keys():
        raise _invalid("names neither `id` nor both `ra` and `dec`")
    if ("ra_deg" in chosen) != ("dec_deg" in chosen):
        raise _invalid("names only one of `ra` and `dec`")
    return chosen


def _pairs(text: str) -> dict[str, str]:
    pairs = [part.partition(":") for part in text.split(",")]
    if not all(colon for _, colon, _ in pairs):
        raise ValueError(text)
    return {key.strip(): column.strip() for key, _, column in pairs}


def _invalid(message: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": ("query", "columns_map"), "msg": message}])
