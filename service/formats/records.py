"""Rows of a table as big-endian records of fixed length, as FITS and VOTable store them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from service.formats.spool import Extent

__all__ = ["Cell", "cell_of", "numbers", "records", "texts"]

_NO_TRUTH = -1


@dataclass(frozen=True, slots=True)
class Cell:
    """How one column lies in a record.

    Attributes
    ----------
    dtype
        Big-endian; ``S`` for text; ``i1`` for truth as the letters T and F, integers where FITS needs a null for it.
    size
        Elements of a vector; 0 for a single value.
    null
        Stands for a missing integer; None where NaN, no letter or a flag says it.
    encoding
        Of text.
    """

    dtype: str
    size: int = 0
    null: int | None = None
    encoding: str = "ascii"


def cell_of(column: pa.Field, extent: Extent, *, wide: bool) -> Cell:
    """Choose how a column of a simple kind is stored.

    Small integers take the next larger type, whose least value then is free to mean null.

    Parameters
    ----------
    wide
        Whether text beyond ASCII is stored as UTF-16 (VOTable) instead of being escaped (FITS).
    """
    kind, size = column.type, 0
    if pa.types.is_fixed_size_list(kind):
        kind, size = kind.value_type, kind.list_size
    if pa.types.is_string(kind):
        if wide and not extent.is_ascii:
            return Cell(f"S{max(extent.n_utf16, 2)}", encoding="utf-16-be")
        return Cell(f"S{max(extent.n_ascii, 1)}")
    if pa.types.is_boolean(kind):
        # FITS has a third letter for it, which astropy reads as False.
        return Cell("i1") if wide or not extent.n_null else Cell(">i2", null=_NO_TRUTH)
    if pa.types.is_floating(kind):
        return Cell(">f4" if pa.types.is_float32(kind) else ">f8", size)
    unsigned = kind in (pa.uint16(), pa.uint32(), pa.uint64())
    dtype = (
        ">i2"
        if kind.bit_width == 8
        else ">i4"
        if kind.bit_width == 16 or (kind.bit_width == 32 and not unsigned)
        else ">i8"
    )
    return Cell(dtype, size, int(np.iinfo(dtype).min))


def records(table: pa.Table, cells: list[Cell], *, flags: bool) -> NDArray[Any]:
    """Return the rows as a structured array.

    Parameters
    ----------
    flags
        Put VOTable BINARY2's bits before each record: the highest bit of the first byte is raised where the first
        column has no value, and so on (VOTable 1.4 §5.4).
    """
    n_flags = -(-len(cells) // 8) if flags else 0
    layout: list[Any] = [("flags", "u1", (n_flags,))] if flags else []
    layout += [
        (f"f{n}", cell.dtype, (cell.size,)) if cell.size else (f"f{n}", cell.dtype)
        for n, cell in enumerate(cells)
    ]
    out = np.zeros(table.num_rows, dtype=layout)
    for n, (cell, column) in enumerate(zip(cells, table.columns, strict=True)):
        out[f"f{n}"] = _values(column, cell)
        if flags and column.null_count:
            missing = column.is_null().to_numpy()
            out["flags"][:, n // 8] |= (missing.astype(np.uint8) << (7 - n % 8)).astype(np.uint8)
    return out


def _values(column: pa.ChunkedArray, cell: Cell) -> NDArray[Any]:
    if cell.dtype.startswith("S"):
        return texts(column, cell)
    if cell.dtype == "i1":
        letters = pc.if_else(column, ord("T"), ord("F"))
        return np.asarray(pc.fill_null(letters, 0).to_numpy(), dtype=np.int8)
    return numbers(column, cell.dtype, size=cell.size, null=cell.null)


def texts(column: pa.ChunkedArray, cell: Cell) -> NDArray[Any]:
    """Return text as bytes of fixed length; null is empty."""
    errors = "backslashreplace" if cell.encoding == "ascii" else "replace"
    return np.array(
        [(value or "").encode(cell.encoding, errors) for value in column.to_pylist()], dtype=cell.dtype
    ).reshape(-1)


def numbers(column: pa.ChunkedArray, dtype: str, *, size: int = 0, null: int | None = None) -> NDArray[Any]:
    """Return numbers of shape (N,), or (N, size) of a vector; what is missing is NaN, or ``null`` among integers."""
    if not size:
        if null is not None:
            return np.asarray(pc.fill_null(pc.cast(column, pa.int64()), null).to_numpy(), dtype=dtype)
        return np.asarray(column.to_numpy(), dtype=dtype)
    whole = column.combine_chunks()
    missing = whole.is_null().to_numpy(zero_copy_only=False)
    # `values` has an undefined run of elements for a missing row, unlike flatten(), which leaves it out.
    flat = whole.values.slice(whole.offset * size, len(whole) * size)
    if null is not None:
        flat = pc.fill_null(pc.cast(flat, pa.int64()), null)
    out = np.array(flat.to_numpy(zero_copy_only=False), dtype=dtype).reshape(-1, size)
    out[missing] = np.nan if null is None else null
    return out
