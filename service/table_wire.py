"""Columns between a parsing child and the service: raw numbers and texts, which nothing has to parse.

Arrow's own stream would be read by code that trusts it; here the lengths are checked and every array is validated.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.formats.fields import described, field
from service.sandbox_wire import BadFrame, Deadline, receive_body
from service.table_columns import WANTED

__all__ = ["ReadTable", "pack", "receive_table"]

_KINDS: dict[str, pa.DataType] = {
    "text": pa.string(),
    "bool": pa.bool_(),
    **{str(kind): kind for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
    **{str(kind): kind for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.float32(), pa.float64())},
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_MAX_COLUMNS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class ReadTable:
    """A table that was read.

    Attributes
    ----------
    mapping
        ``object_id``, ``ra_deg``, ``dec_deg`` to the name of the column that was taken for it.
    units
        The unit in which each of the position's columns was.
    rows
        :data:`service.table_columns.WANTED` first, then all columns of the file.
    """

    format: str
    mapping: dict[str, str]
    units: dict[str, str]
    left_out: list[str]
    rows: pa.Table


def pack(table: pa.Table) -> tuple[list[dict[str, Any]], list[bytes | memoryview]]:
    """Return what describes the columns of a table of simple kinds, and their bytes: validity, lengths of texts, values."""
    heads: list[dict[str, Any]] = []
    buffers: list[bytes | memoryview] = []
    for column, values in zip(table.schema, table.columns, strict=True):
        kind, size, whole = column.type, 0, values.combine_chunks()
        valid = b"" if not whole.null_count else whole.is_valid().to_numpy(zero_copy_only=False).tobytes()
        if pa.types.is_fixed_size_list(kind):
            kind, size = kind.value_type, kind.list_size
            # A missing vector has elements that are missing too, so that both have one length.
            flat = whole.values.slice(whole.offset * size, len(whole) * size)
            inside = np.repeat(whole.is_valid().to_numpy(zero_copy_only=False), size)
            inside &= flat.is_valid().to_numpy(zero_copy_only=False)
            valid = b"" if inside.all() else inside.tobytes()
            whole = flat
        words = described(column)
        parts = [valid, *_bytes(whole, kind)]
        heads.append(
            {
                "name": column.name,
                "kind": _NAMES[kind],
                "size": size,
                "unit": words.unit[:128],
                "ucd": words.ucd[:128],
                "description": words.description[:1024],
                "n_bytes": [len(part) for part in parts],
            }
        )
        buffers += parts
    return heads, buffers


def _bytes(whole: pa.Array, kind: pa.DataType) -> list[bytes]:
    if pa.types.is_string(kind):
        lengths = pc.fill_null(pc.binary_length(whole), 0).to_numpy(zero_copy_only=False).astype("<i4")
        joined = pa.concat_arrays([pc.fill_null(whole, "")])
        start, end = joined.offset, joined.offset + len(joined)
        offsets = (
            np.frombuffer(joined.buffers()[1], "<i4")[start : end + 1] if len(joined) else np.zeros(1, "i4")
        )
        data = joined.buffers()[2]
        return [
            lengths.tobytes(),
            b"" if data is None else data[int(offsets[0]) : int(offsets[-1])].to_pybytes(),
        ]
    filled = pc.fill_null(whole, pa.scalar(0).cast(kind))
    return [filled.to_numpy(zero_copy_only=False).tobytes()]


def receive_table(
    heads: Sequence[Mapping[str, Any]], n_rows: int, stream: socket.socket, deadline: Deadline, *, most: int
) -> pa.Table:
    """Read the columns that a child describes.

    Parameters
    ----------
    most
        Bytes that all of them may have.

    Raises
    ------
    BadFrame
        If lengths, kinds or texts are not what :func:`pack` makes.
    """
    if len(heads) > _MAX_COLUMNS:
        raise BadFrame("too many columns")
    leading, fields = list(WANTED), list[pa.Field]()
    columns: list[pa.Array] = []
    for head in heads:
        kind, size, n_bytes = _KINDS.get(str(head["kind"])), head["size"], list(head["n_bytes"])
        if kind is None or not all(type(n) is int and n >= 0 for n in (size, *n_bytes)) or size > 1 << 20:
            raise BadFrame("a column of another kind")
        most -= sum(n_bytes)
        if most < 0:
            raise BadFrame("columns of too many bytes")
        parts = [receive_body(stream, n, deadline) for n in n_bytes]
        n_values = n_rows * (size or 1)
        try:
            values = _values(kind, n_values, parts)
            if size:
                values = pa.FixedSizeListArray.from_arrays(values, size)
            values.validate(full=True)
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise BadFrame("a column whose values are not what it says") from error
        words = {key: _plain(head[key]) for key in ("unit", "ucd", "description")}
        name = leading[len(fields)] if len(fields) < len(leading) else _plain(head["name"])
        fields.append(field(name, values.type, **words))
        columns.append(values)
    schema = pa.schema(fields)
    if schema.types[: len(WANTED)] != list(WANTED.values()) or len(set(schema.names)) < len(schema):
        raise BadFrame("columns in another order, or two of one name")
    return pa.table(columns, schema=schema)


def _values(kind: pa.DataType, n_values: int, parts: list[bytearray]) -> pa.Array:
    valid = None
    if parts[0]:
        flags = np.frombuffer(parts[0], np.uint8)
        if len(flags) != n_values:
            raise BadFrame("as many flags as values there must be")
        valid = pa.py_buffer(np.packbits(flags != 0, bitorder="little").tobytes())
    if kind == pa.string():
        _, lengths, data = parts
        counted = np.frombuffer(lengths, "<i4")
        if len(counted) != n_values or (counted < 0).any() or int(counted.sum(dtype=np.int64)) != len(data):
            raise BadFrame("texts of other lengths")
        offsets = np.zeros(n_values + 1, np.int32)
        np.cumsum(counted, out=offsets[1:])
        return pa.StringArray.from_buffers(n_values, pa.py_buffer(offsets), pa.py_buffer(data), valid)
    _, data = parts
    if kind == pa.bool_():
        if len(data) != n_values:
            raise BadFrame("truths of another number")
        bits = np.packbits(np.frombuffer(data, np.uint8) != 0, bitorder="little").tobytes()
        return pa.Array.from_buffers(kind, n_values, [valid, pa.py_buffer(bits)])
    if len(data) * 8 != n_values * kind.bit_width:
        raise BadFrame("numbers of another number")
    return pa.Array.from_buffers(kind, n_values, [valid, pa.py_buffer(data)])


def _plain(text: Any) -> str:
    """Text that an answer can repeat: JSON may hold lone surrogates, which UTF-8 cannot."""
    return "".join(one for one in str(text).encode("utf-8", "replace").decode() if one.isprintable())
