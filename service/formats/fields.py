"""What a column of an answer says of itself: unit, UCD, description, and what its elements stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "Described",
    "described",
    "element_names",
    "field",
    "meta_of",
    "simple",
    "simplified",
    "unique",
    "with_meta",
]

_META = b"skylike"


@dataclass(frozen=True, slots=True)
class Described:
    """The words that travel with a column.

    Attributes
    ----------
    unit
        VOUnit, e.g. ``deg``; empty for a pure number.
    ucd
        IVOA UCD1+.
    elements
        Member of the file's ``meta`` with one number for each element of a vector (``z_grid``,
        ``quantile_levels``); empty where the elements are merely counted.
    """

    unit: str = ""
    ucd: str = ""
    description: str = ""
    elements: str = ""


def field(
    name: str, kind: pa.DataType, *, unit: str = "", ucd: str = "", description: str = "", elements: str = ""
) -> pa.Field:
    """Return an Arrow field whose metadata hold the words; empty ones are left out."""
    words = {"unit": unit, "ucd": ucd, "description": description, "elements": elements}
    return pa.field(name, kind, metadata={key: text for key, text in words.items() if text} or None)


def described(column: pa.Field) -> Described:
    """Return the words of a field; bytes that are no UTF-8 are replaced."""
    words = column.metadata or {}

    def text(key: bytes) -> str:
        return str(words.get(key, b"").decode("utf-8", "replace"))

    return Described(text(b"unit"), text(b"ucd"), text(b"description"), text(b"elements"))


def with_meta(schema: pa.Schema, meta: Mapping[str, Any]) -> pa.Schema:
    """Return a schema that carries what holds for the whole file (JSON values), such as the grid of redshifts."""
    kept = dict(schema.metadata or {})
    return schema.with_metadata({**kept, _META: orjson.dumps(dict(meta), option=orjson.OPT_SERIALIZE_NUMPY)})


def meta_of(schema: pa.Schema) -> dict[str, Any]:
    """Return what :func:`with_meta` wrote; empty where nothing was."""
    text = (schema.metadata or {}).get(_META)
    return {} if text is None else dict(orjson.loads(text))


def element_names(column: pa.Field, meta: Mapping[str, Any]) -> list[str]:
    """Name the elements of a vector column for formats that have none: ``z_q_0p16``, or ``z_sample_0`` where they are counted."""
    size = column.type.list_size
    values: Iterable[Any] | None = meta.get(described(column).elements)
    if values is None:
        return [f"{column.name}_{n}" for n in range(size)]
    return [f"{column.name}_{value:.6g}".replace(".", "p") for value in values]


def unique(names: Iterable[str], *, longest: int) -> list[str]:
    """Return names of at most so many characters, each of them once whatever its capitals, in order."""
    known: set[str] = set()
    found = []
    for name in names:
        number, candidate = 1, name[:longest]
        while candidate.casefold() in known:
            number += 1
            suffix = f"_{number}"
            candidate = name[: longest - len(suffix)] + suffix
        known.add(candidate.casefold())
        found.append(candidate)
    return found


def simplified(schema: pa.Schema) -> pa.Schema:
    """Return the schema that :func:`simple` brings a table to."""
    return pa.schema(
        [pa.field(one.name, _simple_type(one.type), metadata=one.metadata) for one in schema],
        metadata=schema.metadata,
    )


def simple(table: pa.Table) -> pa.Table:
    """Bring every column to one of few kinds.

    Boolean, integers, float32, float64, text, and vectors of fixed length of numbers stay; halves become float32,
    decimals float64; lists of words become words between blanks; times, unsigned
    64-bit integers and all else become text.
    """
    target = simplified(table.schema)
    return pa.table(
        [_cast(column, one.type) for column, one in zip(table.columns, target, strict=True)], schema=target
    )


def _simple_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _simple_type(kind.value_type)
    if pa.types.is_fixed_size_list(kind) and _is_number(kind.value_type):
        return pa.list_(_simple_type(kind.value_type), kind.list_size)
    if pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_float16(kind):
        return pa.float32()
    return kind if _is_number(kind) or pa.types.is_boolean(kind) else pa.string()


def _is_number(kind: pa.DataType) -> bool:
    # Half of the unsigned 64-bit integers exist in no other format; as text they keep their digits.
    return bool((pa.types.is_integer(kind) and kind != pa.uint64()) or pa.types.is_floating(kind))


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
        return pc.binary_join(column, " ")
    try:
        return pc.cast(column, kind)
    except pa.ArrowException:
        texts = [None if value is None else _text(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
