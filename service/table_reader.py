"""A stranger's table (CSV, Parquet, VOTable, FITS) → ids or positions beside all its columns; runs only in a parsing child."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from service.formats.fields import field
from service.table_angles import to_degrees
from service.table_columns import WANTED, map_columns
from service.table_files import Columns, read_columns
from service.table_wire import ReadTable
from survey.ingest import CutoutRejected

__all__ = ["read_rows"]

_MAX_ID = 256


def read_rows(data: bytes, *, max_rows: int, chosen: Mapping[str, str] | None = None) -> ReadTable:
    """Find the ids, or else the positions, of a table, and keep everything else of it.

    Parameters
    ----------
    data
        The file; its type is told from the bytes.
    max_rows
        The most rows that are answered.
    chosen
        The sender's own mapping; then no other column is looked at.

    Raises
    ------
    CutoutRejected
        ``table.unreadable``, ``table.columns``, ``table.unit``, ``table.rounded_ids`` or ``batch.too_large``.
    """
    columns = read_columns(data, max_rows=max_rows)
    mapping = _mapping(columns, chosen or {})
    place = {name: n for n, name in enumerate(columns.names)}
    n_rows = columns.n_rows
    wanted: dict[str, pa.Array] = {
        "object_id": pa.nulls(n_rows, pa.string()),
        "ra_deg": pa.nulls(n_rows, pa.float64()),
        "dec_deg": pa.nulls(n_rows, pa.float64()),
    }
    units: dict[str, str] = {}
    problems: list[list[str | None]] = []
    for ours, theirs in mapping.items():
        values, words = columns.values[place[theirs]], columns.words[place[theirs]]
        if ours == "object_id":
            wanted[ours] = _ids(values)
            continue
        wanted[ours], wrong = to_degrees(values, words.unit, name=theirs, is_longitude=ours == "ra_deg")
        units[ours] = words.unit or "deg"
        if wrong is not None:
            problems.append(wrong)
    said = [next((one for one in row if one), None) for row in zip(*problems, strict=True)]
    problem = pa.array(said, pa.string()) if problems else pa.nulls(n_rows, pa.string())
    fields = [
        field(name, values.type, unit=words.unit, ucd=words.ucd, description=words.description)
        for name, values, words in zip(columns.names, columns.values, columns.words, strict=True)
    ]
    schema = pa.schema([*(pa.field(name, kind) for name, kind in WANTED.items()), *fields])
    rows = pa.table([*wanted.values(), problem, *columns.values], schema=schema)
    return ReadTable(columns.format, mapping, units, columns.left_out, rows)


def _mapping(columns: Columns, chosen: Mapping[str, str]) -> dict[str, str]:
    for ours, theirs in chosen.items():
        if theirs not in columns.names:
            there = ", ".join(columns.names[:12])
            raise CutoutRejected(
                "table.columns",
                f"`columns_map` takes {theirs[:64]!r} for {ours}, and the table has no such column; it has {there}.",
            )
    mapping = dict(chosen) or map_columns(columns.names)
    if not mapping:
        raise CutoutRejected(
            "table.columns",
            f"No id or position among the columns {', '.join(columns.names[:12])}. Name one `object_id`, or two `ra` "
            "and `dec`, or say which they are with `columns_map`.",
        )
    return mapping


def _ids(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_floating(column.type):
        if pc.all(pc.or_(column.is_null(), pc.is_nan(column))).as_py() in (True, None):
            return pa.nulls(len(column), pa.string())
        raise CutoutRejected(
            "table.rounded_ids",
            "The ids are stored as floating-point numbers, which rounds them. Store them as text or 64-bit integers.",
        )
    if not (pa.types.is_string(column.type) or pa.types.is_integer(column.type)):
        raise CutoutRejected(
            "table.columns", "The column of the ids holds neither text nor integers. Choose another one."
        )
    texts = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(pc.cast(column, pa.string())), 0, _MAX_ID)
    filled = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    return filled.combine_chunks() if isinstance(filled, pa.ChunkedArray) else filled
