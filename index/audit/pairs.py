"""Pairs of rows whose cutouts show one piece of sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["SkyPairs", "groups_of"]


@dataclass(frozen=True, slots=True, eq=False)
class SkyPairs:
    """Pairs by rising first row, then second; each array of shape (P,) unless said otherwise.

    Attributes
    ----------
    rows
        Int64, shape (P, 2), the lower row first.
    shift_px
        (dy, dx): pixel (y, x) of the second row's cutout shows what (y + dy, x + dx) of the first's shows, shape (P, 2);
        NaN where positions alone tell.
    overlap
        Share of the cutout that both show, 0 to 1; NaN where positions alone tell.
    correlation
        Of the fine structure in the overlap, in the band where it is least; NaN where positions alone tell.
    separation_arcsec
        Between the positions; NaN where one is unknown.
    """

    rows: NDArray[np.int64]
    shift_px: NDArray[np.float64]
    overlap: NDArray[np.float64]
    correlation: NDArray[np.float64]
    separation_arcsec: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: NDArray[np.generic]) -> SkyPairs:
        """Return some pairs, by number or by mask."""
        return SkyPairs(
            self.rows[chosen],
            self.shift_px[chosen],
            self.overlap[chosen],
            self.correlation[chosen],
            self.separation_arcsec[chosen],
        )

    def joined(self, other: SkyPairs) -> SkyPairs:
        """Return the pairs of both; what only one of them knows of a pair is kept."""
        rows, where = np.unique(np.vstack([self.rows, other.rows]), axis=0, return_inverse=True)
        where = where.reshape(-1)
        made = SkyPairs(
            rows.reshape(-1, 2),
            np.full((len(rows), 2), np.nan),
            *(np.full(len(rows), np.nan) for _ in range(3)),
        )
        for part, at in ((other, where[len(self) :]), (self, where[: len(self)])):
            for name in ("shift_px", "overlap", "correlation", "separation_arcsec"):
                values, target = getattr(part, name), getattr(made, name)
                known = np.isfinite(values)
                known = known if known.ndim == 1 else known.all(axis=1)
                target[at[known]] = values[known]
        return made


def groups_of(pairs: NDArray[np.int64], n: int) -> NDArray[np.int32]:
    """Return the number of each row's group, shape (n,): rows that pairs join, also over others, are of one group."""
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32)
