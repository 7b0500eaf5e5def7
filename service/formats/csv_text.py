"""Rows → CSV for programs that know nothing else: vectors as one column per element, missing values as empty cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from service.formats.fields import element_names, simple, simplified, unique
from service.formats.records import numbers

__all__ = ["write_csv"]

_MAX_NAME = 256


def write_csv(tables: Iterator[pa.Table], schema: pa.Schema, path: Path, *, meta: Mapping[str, Any]) -> None:
    """Write UTF-8 with a header line; the grid of redshifts stands in the names of the elements (``pdf_0p0111111``)."""
    flat = _flat_schema(simplified(schema), meta)
    with csv.CSVWriter(path, flat, write_options=csv.WriteOptions(quoting_style="needed")) as writer:
        for table in tables:
            writer.write_table(_flat(simple(table), flat))


def _flat_schema(schema: pa.Schema, meta: Mapping[str, Any]) -> pa.Schema:
    named: list[tuple[str, pa.DataType]] = []
    for column in schema:
        if pa.types.is_fixed_size_list(column.type):
            named += [(name, column.type.value_type) for name in element_names(column, meta)]
        else:
            named.append((column.name, column.type))
    names = unique((name for name, _ in named), longest=_MAX_NAME)
    return pa.schema([(name, kind) for name, (_, kind) in zip(names, named, strict=True)])


def _flat(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns: list[Any] = []
    for column in table.columns:
        if pa.types.is_fixed_size_list(column.type):
            kind = column.type.value_type
            values = numbers(column, "f8", size=column.type.list_size)
            columns += [_missing(pa.array(row, from_pandas=True).cast(kind)) for row in values.T.copy()]
        else:
            columns.append(_missing(column))
    return pa.table(columns, schema=schema)


def _missing(column: Any) -> Any:
    """NaN is no value either."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
