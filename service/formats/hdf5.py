"""Rows → a qp ensemble in HDF5: p(z) on one grid, and beside it every other column as ``ancil``.

The layout is that of qp 1.1 (https://github.com/LSSTDESC/qp, MIT), which reads it: ``meta`` with ``pdf_name``,
``pdf_version`` and ``xvals``, ``data`` with ``yvals``, ``ancil`` with one dataset for each column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from service.formats.fields import described, unique
from service.formats.records import Cell, numbers, texts
from service.formats.spool import Extent, Spool

__all__ = ["NoDistribution", "write_hdf5"]

_GRID, _PDF, _DENSITIES = "z_grid", "pdf", "/data/yvals"
# Integers beyond it are not exact in double precision.
_EXACT_BITS = 32
_MAX_NAME = 256


class NoDistribution(ValueError):
    """Rows without p(z) on a grid, of which no ensemble can be made."""


def write_hdf5(tables: Iterator[pa.Table], schema: pa.Schema, path: Path, *, meta: Mapping[str, Any]) -> None:
    """Write an ``interp`` ensemble; a row without p(z) is a row of NaN, so that rows stay aligned.

    The outer edges of the first and last bin join the grid, with the density of the bin: straight lines then enclose
    all that equal bins hold, and qp, which makes areas 1 when it reads, changes nothing.

    HDF5 knows no missing value: a missing text is empty, and integers of which some are missing become doubles with
    NaN, or text where doubles would round them.

    Raises
    ------
    NoDistribution
        Without a vector column ``pdf`` or without ``z_grid`` in ``meta``.
    """
    if _PDF not in schema.names or _GRID not in meta:
        raise NoDistribution("An ensemble needs p(z) on a grid: ask for representation=grid.")
    with Spool.of(tables, schema, path.parent) as spool, h5py.File(path, "w") as out:
        kept = {key: value for key, value in meta.items() if key != _GRID}
        out.attrs["skylike"] = orjson.dumps(kept).decode()
        out["meta/pdf_name"] = np.array([b"interp"])
        out["meta/pdf_version"] = np.array([0])
        out["meta/xvals"] = _with_ends(np.asarray(meta[_GRID], dtype=np.float64))[None]
        # A name of HDF5 is a path, in which dots alone mean places.
        plain = (re.sub(r"/|^\.+", "_", column.name) for column in spool.schema)
        columns = zip(unique(plain, longest=_MAX_NAME), spool.schema, spool.extents, strict=True)
        datasets = [_dataset(out, *column, spool.n_rows) for column in columns]
        start = 0
        for table in spool.tables():
            for dataset, column in zip(datasets, table.columns, strict=True):
                values = _densities(column) if dataset.name == _DENSITIES else _values(column, dataset)
                dataset[start : start + table.num_rows] = values
            start += table.num_rows


def _dataset(out: h5py.File, name: str, column: pa.Field, extent: Extent, n_rows: int) -> Any:
    kind, shape = column.type, [n_rows]
    if pa.types.is_fixed_size_list(kind):
        kind, shape = kind.value_type, [n_rows, kind.list_size + 2 * (column.name == _PDF)]
    place = _DENSITIES if column.name == _PDF else f"ancil/{name}"
    dtype = _dtype(kind, extent, is_vector=len(shape) > 1)
    dataset = out.create_dataset(place, shape=tuple(shape), dtype=dtype)
    words = described(column)
    for key, text in (("unit", words.unit), ("ucd", words.ucd), ("description", words.description)):
        if text:
            dataset.attrs[key] = text
    return dataset


def _dtype(kind: pa.DataType, extent: Extent, *, is_vector: bool) -> str:
    if pa.types.is_string(kind):
        return f"S{max(extent.n_utf8, 1)}"
    if pa.types.is_boolean(kind):
        return "f8" if extent.n_null else "?"
    if pa.types.is_floating(kind):
        return "f4" if kind == pa.float32() else "f8"
    if not extent.n_null and not is_vector:
        return str(np.dtype(kind.to_pandas_dtype()))
    # A sign and nineteen digits.
    return "f8" if kind.bit_width <= _EXACT_BITS or is_vector else "S20"


def _values(column: pa.ChunkedArray, dataset: Any) -> NDArray[Any]:
    if dataset.dtype.kind == "S":
        return texts(pc.cast(column, pa.string()), Cell(dataset.dtype.str, encoding="utf-8"))
    size = dataset.shape[1] if dataset.ndim > 1 else 0
    if dataset.dtype.kind == "b" or pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.uint8())
    return numbers(column, dataset.dtype.str, size=size)


def _with_ends(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    half = (centres[1] - centres[0]) / 2
    return np.concatenate([[centres[0] - half], centres, [centres[-1] + half]])


def _densities(column: pa.ChunkedArray) -> NDArray[Any]:
    values = numbers(column, "f8", size=column.type.list_size)
    return np.concatenate([values[:, :1], values, values[:, -1:]], axis=1)
