"""Rows → a VOTable 1.4 in BINARY2, whose null flags keep every missing value missing."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import orjson
import pyarrow as pa

from service.formats.fields import described
from service.formats.records import Cell, cell_of, records
from service.formats.spool import Extent, Spool

__all__ = ["head_of", "write_votable"]

_TYPES = {
    "i1": "boolean",
    ">i2": "short",
    ">i4": "int",
    ">i8": "long",
    ">f4": "float",
    ">f8": "double",
}
# Characters that XML 1.0 §2.2 does not allow, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE type="results">
<INFO name="QUERY_STATUS" value="OK"/>
"""
_TAIL = "</TABLE>\n</RESOURCE>\n</VOTABLE>\n"
# Characters of base64 in a line, of whole triples of bytes.
_LINE = 57


def write_votable(
    tables: Iterator[pa.Table], schema: pa.Schema, path: Path, *, meta: Mapping[str, Any]
) -> None:
    """Write one TABLE; lists of numbers in ``meta`` (``z_grid``) become PARAMs, all else of it INFOs."""
    with Spool.of(tables, schema, path.parent) as spool, path.open("wb") as out:
        cells = [
            cell_of(one, extent, wide=True) for one, extent in zip(spool.schema, spool.extents, strict=True)
        ]
        out.write(_head(spool.schema, cells, spool.extents, meta, spool.n_rows).encode())
        out.write(b'<DATA><BINARY2><STREAM encoding="base64">\n')
        rest = b""
        for table in spool.tables():
            data = rest + records(table, cells, flags=True).tobytes()
            whole = len(data) - len(data) % _LINE
            out.write(base64.encodebytes(data[:whole]))
            rest = data[whole:]
        out.write(base64.encodebytes(rest))
        out.write(f"</STREAM></BINARY2></DATA>\n{_TAIL}".encode())


def head_of(schema: pa.Schema, meta: Mapping[str, Any]) -> str:
    """Return a VOTable of the fields alone, which says in a Parquet file what its columns are."""
    longest = Extent(n_ascii=1, n_utf8=1, n_utf16=2)
    cells = [cell_of(one, longest, wide=True) for one in schema]
    return _head(schema, cells, [Extent() for _ in cells], meta, None) + _TAIL


def _head(
    schema: pa.Schema, cells: list[Cell], extents: list[Extent], meta: Mapping[str, Any], n_rows: int | None
) -> str:
    parts = [_HEAD]
    parts += [_member(key, value) for key, value in meta.items()]
    parts.append("<TABLE>\n" if n_rows is None else f'<TABLE nrows="{n_rows}">\n')
    parts += [
        _field(column, cell, extent) for column, cell, extent in zip(schema, cells, extents, strict=True)
    ]
    return "".join(parts)


def _member(key: str, value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(one, int | float) for one in value):
        text = " ".join(repr(float(one)) for one in value)
        ucd = ' ucd="src.redshift.phot"' if key == "z_grid" else ""
        return f'<PARAM name={_attribute(key)} datatype="double" arraysize="{len(value)}"{ucd} value="{text}"/>\n'
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f"<INFO name={_attribute(key)} value={_attribute(text)}/>\n"


def _field(column: pa.Field, cell: Cell, extent: Extent) -> str:
    words = described(column)
    size = str(cell.size) if cell.size else ""
    if cell.dtype.startswith("S"):
        n_bytes = np.dtype(cell.dtype).itemsize
        kind, size = (
            ("char", str(n_bytes)) if cell.encoding == "ascii" else ("unicodeChar", str(n_bytes // 2))
        )
    else:
        kind = _TYPES[cell.dtype]
    attributes = {
        "name": column.name,
        "datatype": kind,
        "arraysize": size,
        "unit": words.unit,
        "ucd": words.ucd,
    }
    listed = " ".join(f"{key}={_attribute(text)}" for key, text in attributes.items() if text)
    inner = f"<DESCRIPTION>{escape(_xml(words.description))}</DESCRIPTION>" if words.description else ""
    if cell.null is not None and (extent.n_null or cell.size):
        inner += f'<VALUES null="{cell.null}"/>'
    return f"<FIELD {listed}>{inner}</FIELD>\n" if inner else f"<FIELD {listed}/>\n"


def _attribute(text: str) -> str:
    return quoteattr(_xml(text))


def _xml(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
