"""Columns of estimates as Arrow arrays, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.photoz_columns import COLUMNS, QUANTILE_LEVELS

__all__ = ["column_types", "lists", "numbers", "rows_of"]


def column_types() -> dict[str, pa.DataType]:
    """Return the Arrow type of every column of an estimate: float32, int32, text, thirteen float32."""
    kinds = {
        "float": pa.float32(),
        "int": pa.int32(),
        "text": pa.string(),
        "quantiles": pa.list_(pa.float32(), len(QUANTILE_LEVELS)),
    }
    return {column.name: kinds[column.kind] for column in COLUMNS}


def lists(values: NDArray[np.floating[Any]], kind: pa.DataType) -> pa.Array:
    """Turn rows, shape (N, length), into lists of a fixed length."""
    flat = np.ascontiguousarray(values, dtype=kind.value_type.to_pandas_dtype()).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), type=kind)


def rows_of(column: pa.ChunkedArray, length: int) -> NDArray[np.float64]:
    """Turn lists of a fixed length back into rows."""
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat.astype(np.float64).reshape(-1, length))


def numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column as float64 with NaN for null, or as int32."""
    kind = np.int32 if pa.types.is_integer(column.type) else np.float64
    return np.asarray(column.to_numpy(), dtype=kind)
