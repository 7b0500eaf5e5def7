"""The frozen columns a release answers from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from survey.archive import UnknownObject
from survey.scalars import is_scalar, stored_type

__all__ = ["COMPUTED_COLUMNS", "STANDARD_COLUMNS", "Columns", "frozen_columns", "write_columns"]

STANDARD_COLUMNS: Mapping[str, pa.DataType] = {
    "object_id": pa.string(),
    "ra_deg": pa.float64(),
    "dec_deg": pa.float64(),
    "hpx29": pa.int64(),
    "ebv": pa.float64(),
    "z_spec": pa.float64(),
    "mag_r": pa.float64(),
    "label": pa.string(),
}
#: What a release computes of its galaxies, last in its table.
COMPUTED_COLUMNS: Mapping[str, pa.DataType] = {
    "anomaly_percentile": pa.float32(),
    "anomaly_p": pa.float64(),
    "anomaly_p_forest": pa.float64(),
    "anomaly_p_lof": pa.float64(),
    "anomaly_p_density": pa.float64(),
    "cause": pa.string(),
    "p_data_quality": pa.float32(),
    "p_blend": pa.float32(),
    "defects": pa.string(),
    "cluster": pa.int32(),
    "map_x": pa.float32(),
    "map_y": pa.float32(),
    "z_phot": pa.float32(),
    "z_err68": pa.float32(),
    "z_conf": pa.float32(),
    "z_flags": pa.int32(),
}


class Columns:
    """Columns of one release in row order, memory-mapped; nulls come out as None, never as sentinels.

    Parameters
    ----------
    alive
        Shape (N,): rows that an id may lead to; None for all. A withdrawn row holds its id, and nulls.

    Attributes
    ----------
    ids
        Object ids by row; in an updated release the id of a changed object occurs in each of its rows.
    names
        Column names.
    """

    def __init__(self, path: Path, *, alive: NDArray[np.bool_] | None = None) -> None:
        with pa.memory_map(str(path)) as source:
            self._table: pa.Table = pa.ipc.open_file(source).read_all().combine_chunks()
        self.names: tuple[str, ...] = tuple(self._table.column_names)
        self.ids: list[str] = self._table.column("object_id").to_pylist()
        rows = range(len(self.ids)) if alive is None else np.flatnonzero(alive).tolist()
        self._rows = {self.ids[row]: row for row in rows}
        self._columns = {name: _Column(self._table.column(name)) for name in self.names}

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.ids)

    def row_of(self, object_id: str) -> int:
        """Return an object's row.

        Raises
        ------
        UnknownObject
            If the release has no such id.
        """
        try:
            return self._rows[object_id]
        except KeyError as error:
            raise UnknownObject(f"no object {object_id!r} in this release") from error

    def take(
        self, rows: Sequence[int] | NDArray[np.integer[Any]], names: Sequence[str]
    ) -> dict[str, list[Any]]:
        """Return values of some columns at some rows, in the order of ``rows``.

        Raises
        ------
        KeyError
            If a column is unknown.
        """
        picked = np.asarray(rows, dtype=np.int64)
        return {name: self._columns[name].take(picked) for name in names}

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._table.schema

    def table(self, rows: NDArray[np.int64], names: Sequence[str]) -> pa.Table:
        """Return some columns at some rows as they are kept, in the order of both.

        Raises
        ------
        KeyError
            If a column is unknown.
        """
        return self._table.select(list(names)).take(pa.array(rows))

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """Names of the columns that hold numbers or truths, which filters can bound."""
        kinds = {field.name: field.type for field in self._table.schema}
        return tuple(n for n in self.names if _is_number(kinds[n]) or pa.types.is_boolean(kinds[n]))

    def numbers(self, name: str) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return a column of numbers as it is kept, without a copy, and which of them are known; None where all are.

        Raises
        ------
        KeyError
            If the column is unknown or holds no numbers.
        """
        if name not in self.numeric:
            raise KeyError(name)
        return self._columns[name].numbers()

    def codes(self, name: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Return a column of words as numbers, shape (N,), -1 for null, and the words that they stand for.

        Raises
        ------
        KeyError
            If the column is unknown.
        """
        encoded = self._table.column(name).cast(pa.string()).combine_chunks().dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        return codes, tuple(encoded.dictionary.to_pylist())

    def array(self, name: str) -> NDArray[Any]:
        """Return a whole column: floats with NaN for null, else objects with None for null.

        Raises
        ------
        KeyError
            If the column is unknown.
        """
        return self._columns[name].array()


class _Column:
    """One column, taken apart once so that picking ten rows costs microseconds."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._is_number = _is_number(column.type)
        self._valid = None if column.null_count == 0 else column.is_valid().to_numpy()
        if self._is_number:
            filled = column if self._valid is None else column.fill_null(0)
            self._values: NDArray[Any] = filled.to_numpy()
        else:
            self._values = np.empty(len(column), dtype=object)
            self._values[:] = column.to_pylist()

    def take(self, rows: NDArray[np.int64]) -> list[Any]:
        values: list[Any] = self._values[rows].tolist()
        if self._valid is None or not self._is_number:
            return values
        return [value if ok else None for value, ok in zip(values, self._valid[rows].tolist(), strict=True)]

    def numbers(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        if self._is_number:
            return self._values, self._valid
        return self._values == True, self._valid  # noqa: E712 - None, for null, compares as False

    def array(self) -> NDArray[Any]:
        if not self._is_number:
            return self._values
        values = self._values.astype(np.float64)
        return values if self._valid is None else np.where(self._valid, values, np.nan)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def frozen_columns(
    objects: pa.Table, rows: NDArray[np.int64], computed: Mapping[str, NDArray[Any]]
) -> pa.Table:
    """Gather the columns of a release from a survey's object table.

    Parameters
    ----------
    objects
        The survey's table.
    rows
        Its rows that the release holds, in the release's order.
    computed
        What there is of :data:`COMPUTED_COLUMNS` (``z_phot`` is the estimate ``z_best``), in the release's order; NaN
        and None become null.

    Returns
    -------
    Table
        The standard columns, all ``flux_…``, every other scalar column of the survey (a name that this
        software computes is kept as ``survey_<name>``), the computed ones.
    """
    taken = objects.take(pa.array(rows))
    columns: dict[str, Any] = {}
    if "mag_r" not in taken.column_names and "flux_r" in taken.column_names:
        taken = taken.append_column("mag_r", _ab_magnitude(taken.column("flux_r")))
    for name, kind in STANDARD_COLUMNS.items():
        columns[name] = (
            _scalar(taken.column(name)).cast(kind)
            if name in taken.column_names
            else pa.nulls(len(rows), kind)
        )
    for name in taken.column_names:
        column = taken.column(name)
        if name not in columns and is_scalar(column.type):
            columns[f"survey_{name}" if name in COMPUTED_COLUMNS else name] = _scalar(column)
    for name, kind in COMPUTED_COLUMNS.items():
        given = computed.get(name)
        columns[name] = (
            pa.nulls(len(rows), kind) if given is None else pa.array(given, from_pandas=True).cast(kind)
        )
    return pa.table(columns)


def write_columns(table: pa.Table, path: Path) -> None:
    """Write columns as one uncompressed Arrow record batch, which can be mapped."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())


def _ab_magnitude(flux: pa.ChunkedArray) -> pa.ChunkedArray:
    """AB magnitude of a flux in nanomaggies; null where the flux is not positive."""
    positive = pc.if_else(pc.greater(flux, 0), flux, None)
    return pc.subtract(22.5, pc.multiply(2.5, pc.log10(positive)))


def _scalar(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Turn NaN and infinities into nulls: JSON and TOPCAT know no others."""
    column = column.cast(stored_type(column.type))
    if not pa.types.is_floating(column.type):
        return column
    wide = column.cast(pa.float64()) if pa.types.is_float16(column.type) else column
    return pc.if_else(pc.is_finite(wide), wide, pa.scalar(None, wide.type))
