"""Redshift estimates of many galaxies, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.pdf import FloatArray, PDFSummary, RedshiftGrid, draw
from index.photoz_columns import COLUMNS, QUANTILE_LEVELS

__all__ = ["ARRAYS", "INTEGERS", "Estimates", "Evidence", "points_of"]

#: The columns that are arrays: all but the quantiles and the texts, which have members of their own.
ARRAYS: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.kind in {"float", "int"})
#: Those of them that hold int32, without nulls.
INTEGERS: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.kind == "int")

Rows = Sequence[int] | NDArray[np.integer[Any]] | slice


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Spectroscopic neighbours of Q galaxies, nearest first.

    Attributes
    ----------
    rows
        Rows of the release, shape (Q, k).
    similarity
        Cosine similarities, float32, shape (Q, k).
    lengths
        How many of each row count, shape (Q,); what follows means nothing.
    """

    rows: NDArray[np.int64]
    similarity: NDArray[np.float32]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lengths)

    @classmethod
    def none(cls, n: int) -> Evidence:
        """Return that of ``n`` galaxies without any neighbour."""
        return cls(np.empty((n, 0), np.int64), np.empty((n, 0), np.float32), np.zeros(n, np.int64))

    def take(self, rows: Rows) -> Evidence:
        """Return the evidence of some of the galaxies, in this order."""
        return Evidence(self.rows[rows], self.similarity[rows], self.lengths[rows])

    def of(self, n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the neighbours of one galaxy: rows and similarities."""
        length = int(self.lengths[n])
        return self.rows[n, :length], self.similarity[n, :length]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Redshifts of Q galaxies.

    Attributes
    ----------
    grid
        Bins of ``probability``.
    probability
        Shape (Q, B), rows sum to 1.
    columns
        :data:`ARRAYS` by name, shape (Q,); NaN is null, those of :data:`INTEGERS` are int32.
    quantiles
        At :data:`index.photoz_columns.QUANTILE_LEVELS`, shape (Q, 13).
    evidence
        Spectroscopic neighbours.
    model_id, train_set
        Which model estimated, and from which spectra it learnt.

    Raises
    ------
    ValueError
        If a column is missing or too many, or a shape does not fit.
    """

    grid: RedshiftGrid
    probability: FloatArray
    columns: dict[str, NDArray[Any]]
    quantiles: FloatArray
    evidence: Evidence
    model_id: str
    train_set: str

    def __post_init__(self) -> None:
        n = len(self.probability)
        if set(self.columns) != set(ARRAYS):
            differs = sorted(set(self.columns) ^ set(ARRAYS))
            raise ValueError(f"columns are missing or too many: {', '.join(differs)}")
        shapes = {name: values.shape == (n,) for name, values in self.columns.items()} | {
            "probability": self.probability.shape == (n, self.grid.n_bins),
            "quantiles": self.quantiles.shape == (n, len(QUANTILE_LEVELS)),
            "evidence": len(self.evidence) == n,
        }
        if not all(shapes.values()):
            wrong = [name for name, fits in shapes.items() if not fits]
            raise ValueError(f"{wrong[0]} does not fit {n} galaxies on {self.grid.n_bins} bins")

    def __len__(self) -> int:
        return len(self.probability)

    def take(self, rows: Rows) -> Estimates:
        """Return the estimates of some of the galaxies, in this order."""
        return Estimates(
            grid=self.grid,
            probability=self.probability[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
            quantiles=self.quantiles[rows],
            evidence=self.evidence.take(rows),
            model_id=self.model_id,
            train_set=self.train_set,
        )

    def density(self) -> FloatArray:
        """Return p(z) at the bin centres, shape (Q, B); its sum times the bin width is 1."""
        return np.asarray(self.probability / self.grid.width, dtype=np.float64)

    def samples(self, n: int, *, seed: int) -> FloatArray:
        """Draw ``n`` redshifts from each p(z), shape (Q, n); the same seed gives the same ones."""
        return draw(self.probability, self.grid, n, seed=seed)

    def with_flags(self, bits: NDArray[np.integer[Any]] | int) -> Estimates:
        """Return the same with more of ``z_flags`` raised: for all galaxies, or shape (Q,)."""
        raised = np.asarray(self.columns["z_flags"] | bits, dtype=np.int32)
        return Estimates(
            grid=self.grid,
            probability=self.probability,
            columns={**self.columns, "z_flags": raised},
            quantiles=self.quantiles,
            evidence=self.evidence,
            model_id=self.model_id,
            train_set=self.train_set,
        )


def points_of(summary: PDFSummary) -> dict[str, NDArray[Any]]:
    """Return the columns that p(z) alone gives, intervals being its plain quantiles."""
    return {name: getattr(summary, name) for name in ARRAYS if hasattr(summary, name)}
