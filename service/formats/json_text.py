"""Rows → JSON: what holds for all first, then one object for each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from service.formats.fields import described, simple
from service.formats.records import numbers

__all__ = ["write_json"]

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def write_json(tables: Iterator[pa.Table], schema: pa.Schema, path: Path, *, meta: Mapping[str, Any]) -> None:
    """Write the members of ``meta``, ``columns`` with unit and UCD of each, ``rows``, and how many they are.

    Numbers of single precision have as many digits as tell them apart; what is missing is null. ``n_ok`` counts the
    rows whose ``status`` is ``ok``, where there is such a column.
    """
    with path.open("wb") as out:
        out.write(b"{")
        for key, value in {**meta, "columns": _columns(schema)}.items():
            out.write(orjson.dumps(key) + b":" + orjson.dumps(value, option=_OPTIONS) + b",")
        out.write(b'"rows":[')
        n, n_ok = 0, 0
        for table in tables:
            for row in _rows(table):
                out.write((b"," if n else b"") + orjson.dumps(row, option=_OPTIONS))
                n += 1
                n_ok += row.get("status") == "ok"
        count = b',"n_ok":%d' % n_ok if "status" in schema.names else b""
        out.write(b'],"n":%d%s}' % (n, count))


def _columns(schema: pa.Schema) -> list[dict[str, str]]:
    listed = []
    for column in schema:
        words = described(column)
        listed.append(
            {"name": column.name, "unit": words.unit, "ucd": words.ucd, "description": words.description}
        )
    return listed


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    plain = simple(table)
    values = [
        given.to_pylist() if pa.types.is_list(given.type) else _values(column)
        for given, column in zip(table.columns, plain.columns, strict=True)
    ]
    for row in zip(*values, strict=True):
        yield dict(zip(plain.column_names, row, strict=True))


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_floating(column.type):
        return list(column.to_numpy())
    if not pa.types.is_fixed_size_list(column.type) or not pa.types.is_floating(column.type.value_type):
        return list(column.to_pylist())
    dtype = "f4" if column.type.value_type == pa.float32() else "f8"
    missing = column.is_null().to_pylist()
    vectors = numbers(column, dtype, size=column.type.list_size)
    return [None if nothing else vector for nothing, vector in zip(missing, vectors, strict=True)]
