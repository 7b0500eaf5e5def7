"""A release that is columns alone, for what is decided by them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from index.columns import COMPUTED_COLUMNS, STANDARD_COLUMNS, Columns, write_columns
from index.selection_masks import Masks

__all__ = ["StubRelease"]

_KINDS = {**STANDARD_COLUMNS, **COMPUTED_COLUMNS}


class StubRelease:
    """Columns of given values, null in the others that every release has; ``withdrawn`` rows are no galaxies."""

    id = "stub--none--20261122t010203-abcdef"

    def __init__(self, folder, values, withdrawn=()):
        n = len(next(iter(values.values())))
        given = {"object_id": [f"J{row:05d}" for row in range(n)], **values}
        columns = {name: pa.nulls(n, kind) for name, kind in STANDARD_COLUMNS.items()}
        for name, column in given.items():
            columns[name] = pa.array(column, _KINDS.get(name), from_pandas=True)
        for name in ("anomaly_percentile", "z_phot"):
            columns.setdefault(name, pa.nulls(n, _KINDS[name]))
        write_columns(pa.table(columns), folder / "columns.arrow")
        alive = np.ones(n, bool)
        alive[list(withdrawn)] = False
        self.columns = Columns(folder / "columns.arrow", alive=alive)
        self.galaxies = np.flatnonzero(alive)
        self.masks = Masks(self.columns, self.id)
