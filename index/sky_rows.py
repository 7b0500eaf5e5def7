"""Where the rows of a release lie on the sky."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.columns import Columns
from survey.sphere import hpx29

__all__ = ["SkyRows"]


class SkyRows:
    """Positions and HEALPix cells by row; a release is built in the order of its cells.

    Attributes
    ----------
    ra_deg, dec_deg
        ICRS degrees, shape (n,); NaN where unknown.
    cells
        ``hpx29``, int64, shape (n,); -1 where unknown.
    n_sorted
        Rows from the first on whose known cells ascend: all, but for those that an update appended.
    """

    def __init__(self, columns: Columns) -> None:
        self.ra_deg, self.dec_deg = columns.array("ra_deg"), columns.array("dec_deg")
        cells, known = columns.numbers("hpx29")
        if known is not None:
            # A survey may have places without their cells.
            made = hpx29(np.where(known, np.nan, self.ra_deg), self.dec_deg)
            cells = np.where(known, cells, made.filled(-1))
        self.cells: NDArray[np.int64] = cells
        # Rows without a place, such as an update withdrew, lie among the others: they are passed over.
        reached = np.maximum.accumulate(cells)
        falls = np.flatnonzero((cells >= 0) & (cells < reached))
        self.n_sorted = int(falls[0]) if len(falls) else len(cells)
        self._ascending = reached[: self.n_sorted]

    def unit(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return unit vectors of some rows, shape (len(rows), 3)."""
        ra, dec = np.radians(self.ra_deg[rows]), np.radians(self.dec_deg[rows])
        return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)

    def covered(self, ranges: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows have a cell in one of some ranges, a new array of shape (n,).

        Parameters
        ----------
        ranges
            Of cells of order 29, ascending and disjoint, shape (R, 2): the first cell, and the one after the last.
        """
        inside = np.zeros(len(self.cells), dtype=np.bool_)
        runs = np.searchsorted(self._ascending, ranges)
        lengths = runs[:, 1] - runs[:, 0]
        places = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        inside[places + np.repeat(runs[:, 0], lengths)] = True
        tail = self.cells[self.n_sorted :]
        if len(tail) and len(ranges):
            at = np.searchsorted(ranges[:, 0], tail, side="right") - 1
            inside[self.n_sorted :] = (at >= 0) & (tail < ranges[at, 1])
        inside &= self.cells >= 0
        return inside
