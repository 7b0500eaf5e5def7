"""Redshift intervals that hold as many truths as they promise, whatever the shape of p(z) gets wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.calibration import pit
from index.pdf import FloatArray, RedshiftGrid, quantiles

__all__ = ["LEVELS", "MIN_IN_CELL", "Conformal", "score"]

#: Nominal coverages, in the order of the intervals' columns.
LEVELS = (0.68, 0.90, 0.95)
#: A cell with fewer calibration galaxies answers with the thresholds of all.
MIN_IN_CELL = 200


def score(probability: FloatArray, grid: RedshiftGrid, z_spec: FloatArray) -> FloatArray:
    """Return how far each truth lies from its distribution's median in probability: |PIT - 1/2|, from 0 to 1/2."""
    return np.asarray(np.abs(pit(probability, grid, z_spec) - 0.5), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Conformal:
    """Thresholds of the score, overall and for each cell of galaxies.

    The interval of a galaxy is [Q(1/2 - q), Q(1/2 + q)] of its p(z), q being the ceil((n + 1) level)-th smallest score of the
    n calibration galaxies of its cell. For galaxies exchangeable with these it holds the truth with at least that
    probability, in every cell (Chernozhukov, Wüthrich & Zhu 2021, PNAS 118, e2107794118, for the score; Vovk 2012, Proc.
    ACML 25, 475, for cells).

    Attributes
    ----------
    thresholds
        Shape (K + 1, 3): a row for each cell, the last one of all galaxies; 1/2 where there are too few for a level.
    counts
        Calibration galaxies behind each row, shape (K + 1,).
    """

    thresholds: FloatArray
    counts: NDArray[np.int64]

    @classmethod
    def fitted(
        cls, scores: FloatArray, cells: NDArray[np.int64] | None = None, *, n_cells: int = 0
    ) -> Conformal:
        """Learn the thresholds.

        Parameters
        ----------
        scores
            Of the calibration galaxies, shape (n,), n at least 1.
        cells
            From 0 to ``n_cells - 1``, shape (n,); -1 counts among all galaxies only.
        """
        groups = [scores[cells == cell] for cell in range(n_cells)] if cells is not None else []
        overall = _thresholds(scores)
        rows = [_thresholds(group) if len(group) >= MIN_IN_CELL else overall for group in groups]
        return cls(
            np.array([*rows, overall]),
            np.array([*(len(group) for group in groups), len(scores)], dtype=np.int64),
        )

    def half_widths(self, cells: NDArray[np.int64] | None, n: int) -> FloatArray:
        """Return q of each of ``n`` galaxies and level, shape (n, 3); without a cell (-1, or None) that of all."""
        if cells is None:
            return np.repeat(self.thresholds[-1:], n, axis=0)
        return np.asarray(self.thresholds[cells], dtype=np.float64)

    def intervals(
        self, probability: FloatArray, grid: RedshiftGrid, cells: NDArray[np.int64] | None = None
    ) -> FloatArray:
        """Return lower and upper ends, shape (Q, 3, 2), levels in the order of :data:`LEVELS`."""
        half = self.half_widths(cells, len(probability))
        ends = quantiles(probability, grid, np.concatenate([0.5 - half, 0.5 + half], axis=1))
        return np.stack([ends[:, : len(LEVELS)], ends[:, len(LEVELS) :]], axis=2)


def _thresholds(scores: FloatArray) -> list[float]:
    ordered, n = np.sort(scores), len(scores)
    # Rounding must not make 90.00000000000001 a 91.
    ranks = [int(np.ceil((n + 1) * level - 1e-9)) for level in LEVELS]
    return [float(ordered[rank - 1]) if rank <= n else 0.5 for rank in ranks]
