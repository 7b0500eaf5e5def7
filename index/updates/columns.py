"""The frozen columns of an updated release."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.columns import COMPUTED_COLUMNS, frozen_columns

__all__ = ["SupplementMismatch", "kept_columns", "with_computed"]

_ID = "object_id"


class SupplementMismatch(ValueError):
    """Objects that cannot stand beside those of a release."""


def kept_columns(path: Path, objects: pa.Table, alive: NDArray[np.bool_]) -> pa.Table:
    """Return the columns of an updated release that are not computed: those of the release before, then the new rows'.

    A withdrawn row keeps its id alone, so that no filter, place, redshift or parent leads to it. What the new objects
    lack is null; a column that the release before has not is left out until the next build.

    Parameters
    ----------
    path
        ``columns.arrow`` of the release before.
    objects
        The supplement's rows, in the order of the new rows.
    alive
        Shape (all rows,).

    Raises
    ------
    SupplementMismatch
        If values of a column do not fit its type.
    """
    with pa.memory_map(str(path)) as source:
        before = pa.ipc.open_file(source).read_all()
    fresh = frozen_columns(objects, np.arange(objects.num_rows), {})
    rows = np.arange(before.num_rows)
    living = pa.array(rows, mask=~alive[: before.num_rows])
    columns: dict[str, pa.ChunkedArray] = {}
    for field in before.schema:
        if field.name in COMPUTED_COLUMNS:
            continue
        old = before.column(field.name)
        kept = old if field.name == _ID else old.take(living)
        new = _cast(fresh, field)
        columns[field.name] = pa.chunked_array([*kept.chunks, *new.chunks], type=field.type)
    return pa.table(columns)


def with_computed(
    table: pa.Table, computed: Mapping[str, NDArray[Any]], alive: NDArray[np.bool_]
) -> pa.Table:
    """Append :data:`index.columns.COMPUTED_COLUMNS`; NaN and None become null, and so do withdrawn rows and what is not there."""
    for name, kind in COMPUTED_COLUMNS.items():
        given = computed.get(name)
        values = (
            pa.nulls(table.num_rows, kind)
            if given is None
            else pa.array(given, mask=~alive | _is_unknown(given)).cast(kind)
        )
        table = table.append_column(name, values)
    return table


def _is_unknown(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.hasobject:
        return np.array([value is None for value in values.tolist()], dtype=np.bool_)
    return np.asarray(np.isnan(values), dtype=np.bool_)


def _cast(fresh: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    if field.name not in fresh.column_names:
        return pa.chunked_array([pa.nulls(fresh.num_rows, field.type)])
    column = fresh.column(field.name)
    if pa.types.is_null(column.type):
        return pa.chunked_array([pa.nulls(fresh.num_rows, field.type)])
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SupplementMismatch(
            f"column {field.name} of the supplement is {column.type}, the release has {field.type}; import the "
            "supplement with the same kind of values"
        ) from error
