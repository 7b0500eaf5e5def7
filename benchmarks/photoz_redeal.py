"""How much of a coverage is the luck of one split: calibration and test galaxies dealt anew, whole parents at a time."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from index.cells import N_CELLS
from index.conformal import LEVELS, Conformal

__all__ = ["Redealt", "redeal"]

_DEALS = 200
# What is asked for: overall, and in each cell.
OVERALL, IN_CELL = 0.015, 0.05


@dataclass(frozen=True, eq=False)
class Redealt:
    """Coverage over random halves of the galaxies that no estimator learnt from.

    Attributes
    ----------
    overall, in_cells
        Mean coverage by level, shapes (3,) and (10, 3).
    in_cells_sd
        Scatter between deals, shape (10, 3).
    passed
        Share of deals within 1.5 % overall and 5 % in every cell, by level, shape (3,).
    """

    overall: NDArray[np.float64]
    in_cells: NDArray[np.float64]
    in_cells_sd: NDArray[np.float64]
    passed: NDArray[np.float64]


def redeal(
    scores: NDArray[np.float64],
    cells: NDArray[np.int64],
    parents: NDArray[np.generic],
    *,
    n_deals: int = _DEALS,
) -> Redealt:
    """Learn thresholds on one half of the parents and count on the other, again and again.

    Parameters
    ----------
    scores
        |PIT - 1/2| of calibration and test galaxies together, shape (n,).
    cells
        Of each, -1 without one.
    """
    _, number = np.unique(parents, return_inverse=True)
    n_parents, rng = int(number.max()) + 1, np.random.default_rng(4)
    overall, in_cells = np.empty((n_deals, len(LEVELS))), np.empty((n_deals, N_CELLS, len(LEVELS)))
    for deal in range(n_deals):
        learns = (rng.permutation(n_parents) < n_parents // 2)[number]
        fitted = Conformal.fitted(scores[learns], cells[learns], n_cells=N_CELLS)
        rest, where = scores[~learns], cells[~learns]
        held = rest[:, None] <= fitted.half_widths(where, len(rest))
        overall[deal] = held.mean(axis=0)
        in_cells[deal] = [held[where == cell].mean(axis=0) for cell in range(N_CELLS)]
    off = np.abs(overall - LEVELS) <= OVERALL
    off &= (np.abs(in_cells - LEVELS) <= IN_CELL).all(axis=1)
    return Redealt(overall.mean(axis=0), in_cells.mean(axis=0), in_cells.std(axis=0), off.mean(axis=0))
