"""The user's table, and a second one joined to it, sorted into standard columns and the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from survey.sources.columns import RESERVED, STANDARD, ColumnMap, match_columns
from survey.sources.sentinels import SENTINELS, is_sentinel
from survey.sources.table_files import TableFile, UnreadableTable

__all__ = ["Join", "SortedColumns", "key_texts", "sort_columns"]

_HELPERS = frozenset({"file", "pixel_scale_arcsec"})


@dataclass(frozen=True, slots=True)
class Join:
    """A second table and the columns on which it meets the first.

    Attributes
    ----------
    on
        ``key`` if both tables call it so, or ``left=right``.
    """

    name: str
    file: TableFile
    on: str


@dataclass(slots=True)
class SortedColumns:
    """A table's columns under their standard names, and the others under the user's.

    Attributes
    ----------
    standard
        Standard name to column, as in the file (text, numbers, nulls).
    own
        The user's further columns.
    lines
        The mapping, one sentence a line, for the user.
    notes
        What was left out, renamed or joined.
    hours
        Whether right ascensions are in hours.
    units
        Units of the user's columns, where the file states them.
    """

    n: int
    standard: dict[str, pa.ChunkedArray]
    own: dict[str, pa.ChunkedArray]
    lines: list[str]
    notes: list[str] = field(default_factory=list)
    hours: bool = False
    units: dict[str, str] = field(default_factory=dict)


def sort_columns(
    file: TableFile, overrides: Mapping[str, str] | None = None, join: Join | None = None
) -> SortedColumns:
    """Sort columns into standard and own; with ``join``, fill gaps from the second table.

    Every row of the first table stays one row. Where both tables have a standard column the first one's value
    is taken, the second one's where that is missing; other columns of the second table are added
    (``NAME_joined`` where the name is taken).

    Raises
    ------
    UnreadableTable
        If a named column is missing.
    """
    mapping = match_columns(file.rows.column_names, overrides)
    found = SortedColumns(
        n=file.rows.num_rows,
        standard={name: file.rows.column(column) for name, column in mapping.columns.items()},
        own=_own(file.rows, mapping),
        lines=mapping.lines(),
        hours=mapping.columns.get("ra_deg") in file.hour_columns,
        units=dict(file.units),
    )
    if file.left_out:
        found.notes.append(f"Left out, not one value per row: {', '.join(file.left_out)}.")
    if join is not None:
        _add(found, file.rows, join)
    renamed = [name for name in found.own if name in RESERVED]
    for name in renamed:
        found.own[f"{name}_user"] = found.own.pop(name)
        found.notes.append(
            f"Your column {name!r} is kept as {name + '_user'!r}: the name is used for something else."
        )
    return found


def _own(rows: pa.Table, mapping: ColumnMap, skip: Sequence[str] = ()) -> dict[str, pa.ChunkedArray]:
    used = {column for name, column in mapping.columns.items() if name not in _HELPERS}
    return {name: rows.column(name) for name in rows.column_names if name not in used and name not in skip}


def _add(found: SortedColumns, left: pa.Table, join: Join) -> None:
    first, _, second = join.on.partition("=")
    first, second = first.strip(), (second or first).strip()
    for name, table, where in ((first, left, "the table"), (second, join.file.rows, join.name)):
        if name not in table.column_names:
            raise UnreadableTable(
                f"--on {join.on!r}: {where} has no column {name!r}; it has {', '.join(table.column_names)}."
            )
    places: dict[str, int] = {}
    keys = key_texts(join.file.rows.column(second), f"keys of {join.name}")
    for row, key in enumerate(keys):
        if key is not None:
            places.setdefault(key, row)
    rows = [
        None if key is None else places.get(key)
        for key in key_texts(left.column(first), f"values of {first!r}")
    ]
    met = sum(row is not None for row in rows)
    repeated = sum(key is not None for key in keys) - len(places)
    found.notes.append(
        f"Joined {join.name} on {join.on}: {met:,} of {found.n:,} rows met one of its {len(places):,} keys"
        + (f" ({repeated:,} repeated keys of it ignored)." if repeated else ".")
    )
    right = join.file.rows.take(pa.array(rows, pa.int64()))
    mapping = match_columns([n for n in right.column_names if n != second])
    for name, column in mapping.columns.items():
        if name == "object_id" or name in _HELPERS:
            continue
        if name in found.standard:
            found.standard[name] = _first_known(found.standard[name], right.column(column), name)
        else:
            found.standard[name] = right.column(column)
        found.lines.append(f"{name} = {column} of {join.name}, where it is missing")
    object_key = mapping.columns.get("object_id")
    for name, column in _own(right, mapping, skip=(second,)).items():
        taken = name in found.own or name in STANDARD
        stored = f"{name}_joined" if taken else name
        found.own[stored] = column
        found.units[stored] = join.file.units.get(name, "")
    if object_key is not None and object_key not in (second, *found.own):
        found.own[object_key] = right.column(object_key)


def key_texts(column: pa.ChunkedArray, what: str) -> list[str | None]:
    """Return ids as text, so that one met as a number equals the same one met as text; None where there is none.

    Raises
    ------
    UnreadableTable
        If they are floating-point numbers too large to be exact; ``what`` names them.
    """
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
        if pc.any(pc.greater_equal(pc.abs(column), 2.0**53)).as_py():
            raise UnreadableTable(
                f"{what} are floating-point numbers and have lost digits; save them as text or integers."
            )
        if pc.all(pc.equal(pc.floor(column), column)).as_py() is not False:
            column = pc.cast(column, pa.int64())
    texts: list[str | None] = pc.cast(column, pa.string()).to_pylist()
    return [None if text is None or not text.strip() else text.strip() for text in texts]


def _first_known(left: pa.ChunkedArray, right: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return the left column, the right one's value where the left one has none or a sentinel."""
    if pa.types.is_null(left.type):
        return right
    if pa.types.is_null(right.type):
        return left
    if _is_number(left.type) and _is_number(right.type):
        left, right = left.cast(pa.float64()), right.cast(pa.float64())
        values = left.to_numpy()
        unknown = np.isnan(values) | is_sentinel(values, SENTINELS.get(name, ()))
    else:
        left, right = left.cast(pa.string()), right.cast(pa.string())
        unknown = np.array([not (text or "").strip() for text in left.to_pylist()], dtype=bool)
    known = pc.if_else(pa.array(unknown), pa.scalar(None, left.type), left)
    # A sentinel that nothing replaces stays, and is noted as such later.
    return pc.coalesce(known, right, left)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
