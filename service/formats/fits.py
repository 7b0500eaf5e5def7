"""Rows → a FITS binary table, with the grid of redshifts in an extension of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
import pyarrow as pa
from astropy.io import fits

from service.formats.fields import described, unique
from service.formats.records import Cell, cell_of, records
from service.formats.spool import Extent, Spool

__all__ = ["write_fits"]

_BLOCK = 2880
_LETTERS = {"i1": "L", ">i2": "I", ">i4": "J", ">i8": "K", ">f4": "E", ">f8": "D"}
# TTYPE and the like hold 68 characters; what is longer would need CONTINUE, which few readers follow.
_MAX_TEXT = 68
_VECTORS = {"z_grid": "ZGRID", "quantile_levels": "ZLEVELS"}


def write_fits(tables: Iterator[pa.Table], schema: pa.Schema, path: Path, *, meta: Mapping[str, Any]) -> None:
    r"""Write the rows as the first extension, then ``ZGRID`` and ``ZLEVELS`` where ``meta`` has them.

    Missing integers are the column's TNULL, missing numbers NaN, missing texts empty; text beyond ASCII, which FITS
    does not hold, is escaped (``\u661f``).
    """
    with Spool.of(tables, schema, path.parent) as spool, path.open("wb") as out:
        cells = [
            cell_of(one, extent, wide=False) for one, extent in zip(spool.schema, spool.extents, strict=True)
        ]
        primary = fits.PrimaryHDU()
        for key, value in meta.items():
            if key not in _VECTORS:
                primary.header["HISTORY"] = f"{key}: {_ascii(orjson.dumps(value).decode())}"
        out.write(primary.header.tostring().encode("ascii"))
        out.write(_header(spool, cells).tostring().encode("ascii"))
        for table in spool.tables():
            out.write(records(table, cells, flags=False).tobytes())
        _fill_block(out)
        for key, name in _VECTORS.items():
            if key in meta:
                _append(out, name, key, np.asarray(meta[key], dtype=np.float64))


def _header(spool: Spool, cells: list[Cell]) -> fits.Header:
    header = fits.Header()
    width = sum(np.dtype(cell.dtype).itemsize * max(cell.size, 1) for cell in cells)
    for key, value in (
        ("XTENSION", "BINTABLE"),
        ("BITPIX", 8),
        ("NAXIS", 2),
        ("NAXIS1", width),
        ("NAXIS2", spool.n_rows),
        ("PCOUNT", 0),
        ("GCOUNT", 1),
        ("TFIELDS", len(cells)),
        ("EXTNAME", "ROWS"),
    ):
        header[key] = value
    names = unique((_ascii(column.name) for column in spool.schema), longest=_MAX_TEXT)
    columns = zip(names, spool.schema, cells, spool.extents, strict=True)
    for n, (name, column, cell, extent) in enumerate(columns, 1):
        header[f"TTYPE{n}"] = name
        _describe(header, n, column, cell, extent)
    return header


def _describe(header: fits.Header, n: int, column: pa.Field, cell: Cell, extent: Extent) -> None:
    words = described(column)
    header[f"TFORM{n}"] = f"{cell.dtype[1:]}A" if cell.dtype.startswith("S") else _form(cell)
    # A column in which nothing is missing may hold that very number.
    if cell.null is not None and (extent.n_null or cell.size):
        header[f"TNULL{n}"] = cell.null
    for key, text in (("TUNIT", words.unit), ("TUCD", words.ucd), ("TCOMM", words.description)):
        if text:
            header[f"{key}{n}"] = _ascii(text)[:_MAX_TEXT]


def _form(cell: Cell) -> str:
    return f"{cell.size or ''}{_LETTERS[cell.dtype]}"


def _ascii(text: str) -> str:
    """Text of printable ASCII, as header cards hold it."""
    escaped = text.encode("ascii", "backslashreplace").decode()
    return re.sub(r"[^ -~]", "?", escaped)


def _append(out: IO[bytes], name: str, column: str, values: np.ndarray[Any, Any]) -> None:
    hdu = fits.BinTableHDU.from_columns([fits.Column(column, "D", array=values)], name=name)
    out.write(hdu.header.tostring().encode("ascii"))
    out.write(values.astype(">f8").tobytes())
    _fill_block(out)


def _fill_block(out: IO[bytes]) -> None:
    out.write(bytes(-out.tell() % _BLOCK))
