"""The redshift estimates of a release's galaxies, computed once and read ever after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from index.columns import write_columns
from index.estimates import ARRAYS, INTEGERS, Estimates, Evidence, Rows
from index.pdf import RedshiftGrid
from index.photoz_arrow import column_types, lists, numbers, rows_of
from index.photoz_columns import QUANTILE_LEVELS, Flag

__all__ = ["PHOTOZ_STORED", "EstimatesWriter", "StoredEstimates"]

_PROBABILITY, _COLUMNS = "photoz.f16", "photoz_columns.arrow"
_EVIDENCE, _SIMILARITY = "photoz_evidence.npy", "photoz_similarity.npy"
#: The files, all or none of them in a release.
PHOTOZ_STORED = (_PROBABILITY, _COLUMNS, _EVIDENCE, _SIMILARITY)
_QUANTILES = "z_q"
_NO_ROW = -1


class EstimatesWriter:
    """Gathers estimates in any order of rows; p(z) and evidence go to the disk at once, so that memory holds the columns alone.

    A row that never comes has a uniform p(z), nulls, and the flag ``out_of_support``.

    Parameters
    ----------
    n, k
        Galaxies, and neighbours kept of each at most.
    """

    def __init__(self, folder: Path, grid: RedshiftGrid, *, n: int, k: int) -> None:
        self._folder = folder
        self._probability = np.memmap(folder / _PROBABILITY, np.dtype("<f2"), "w+", shape=(n, grid.n_bins))
        self._probability[:] = 1 / grid.n_bins
        self._columns: dict[str, NDArray[Any]] = {
            name: np.zeros(n, np.int32) if name in INTEGERS else np.full(n, np.nan, np.float32)
            for name in ARRAYS
        }
        # Until something is put there.
        self._columns["z_flags"][:] = int(Flag.OUT_OF_SUPPORT)
        self._quantiles = np.full((n, len(QUANTILE_LEVELS)), np.nan, np.float32)
        self._rows = open_memmap(folder / _EVIDENCE, "w+", np.dtype("<i4"), (n, k))
        self._rows[:] = _NO_ROW
        self._similarity = open_memmap(folder / _SIMILARITY, "w+", np.dtype("<f4"), (n, k))

    def keep(self, stored: StoredEstimates, alive: NDArray[np.bool_]) -> None:
        """Begin with what another release stored of its rows, which are the first here, bit for bit.

        Parameters
        ----------
        alive
            Shape (rows of ``stored``,): of the others nothing is kept.
        """
        n = len(alive)
        # Plain slices, so that memory stays flat; then what was withdrawn is emptied.
        for mine, theirs, empty in (
            (self._probability, stored.raw[0], 1 / self._probability.shape[1]),
            (self._rows, stored.raw[1], _NO_ROW),
            (self._similarity, stored.raw[2], 0),
            (self._quantiles, stored.quantiles, np.nan),
        ):
            mine[:n] = theirs
            mine[np.flatnonzero(~alive)] = empty
        for name, mine in self._columns.items():
            mine[:n] = np.where(alive, stored.column(name), mine[:n])

    def put(self, rows: NDArray[np.int64], estimates: Estimates) -> None:
        """Store the estimates of some rows."""
        self._probability[rows] = estimates.probability
        for name, values in estimates.columns.items():
            self._columns[name][rows] = values
        self._quantiles[rows] = estimates.quantiles
        evidence = estimates.evidence
        k = min(self._rows.shape[1], evidence.rows.shape[1])
        counts = np.arange(k)[None] < evidence.lengths[:, None]
        self._rows[rows, :k] = np.where(counts, evidence.rows[:, :k], _NO_ROW)
        self._similarity[rows, :k] = np.where(counts, evidence.similarity[:, :k], 0)

    def finish(self) -> dict[str, NDArray[Any]]:
        """Write what is not on the disk yet; return the columns by name, NaN for null."""
        self._probability.flush()
        quantiles = lists(self._quantiles, column_types()[_QUANTILES])
        columns = {name: pa.array(values, from_pandas=True) for name, values in self._columns.items()}
        write_columns(pa.table({**columns, _QUANTILES: quantiles}), self._folder / _COLUMNS)
        self._rows.flush()
        self._similarity.flush()
        return dict(self._columns)


class StoredEstimates:
    """Estimates by row, memory-mapped.

    Parameters
    ----------
    folder
        A release's, which holds :data:`PHOTOZ_STORED`.
    model_id, train_set
        Repeated in every estimate.

    Raises
    ------
    ValueError
        If the file of p(z) has not whole rows.
    """

    def __init__(self, folder: Path, grid: RedshiftGrid, *, model_id: str, train_set: str) -> None:
        self.grid = grid
        self._names = model_id, train_set
        flat = np.memmap(folder / _PROBABILITY, np.dtype("<f2"), "r")
        self._probability = flat.reshape(-1, grid.n_bins)
        with pa.memory_map(str(folder / _COLUMNS)) as source:
            table = pa.ipc.open_file(source).read_all().combine_chunks()
        self._columns = {name: numbers(table.column(name)) for name in ARRAYS}
        self._quantiles = rows_of(table.column(_QUANTILES), len(QUANTILE_LEVELS))
        self._rows = np.load(folder / _EVIDENCE, mmap_mode="r", allow_pickle=False)
        self._similarity = np.load(folder / _SIMILARITY, mmap_mode="r", allow_pickle=False)

    @property
    def counts(self) -> dict[str, int]:
        """Galaxies in each file, which must be those of the release."""
        return {
            "p(z)": len(self._probability),
            "redshifts": len(self._quantiles),
            "evidence": len(self._rows),
            "similarities": len(self._similarity),
        }

    @property
    def raw(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """p(z) in half precision, the rows of the evidence with -1 where there is none, and their similarities."""
        return self._probability, self._rows, self._similarity

    @property
    def quantiles(self) -> NDArray[np.float64]:
        """Quantiles of every galaxy, shape (N, 13)."""
        return self._quantiles

    def column(self, name: str) -> NDArray[Any]:
        """Return a whole column of :data:`index.estimates.ARRAYS`, shape (N,); NaN for null."""
        return self._columns[name]

    def take(self, rows: Rows) -> Estimates:
        """Return the estimates of some rows, in this order."""
        probability = self._probability[rows].astype(np.float64)
        # Rounded to 11 bits they do not sum to 1 exactly.
        probability /= probability.sum(axis=1, keepdims=True)
        near = self._rows[rows].astype(np.int64)
        lengths = (near != _NO_ROW).sum(axis=1)
        return Estimates(
            grid=self.grid,
            probability=probability,
            columns={name: values[rows] for name, values in self._columns.items()},
            quantiles=self._quantiles[rows],
            evidence=Evidence(np.maximum(near, 0), np.asarray(self._similarity[rows]), lengths),
            model_id=self._names[0],
            train_set=self._names[1],
        )
