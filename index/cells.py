"""Ten cells of galaxies that are alike in brightness and colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.pdf import FloatArray

__all__ = ["N_CELLS", "Cells"]

_HALVES, _FIFTHS = 2, 5
#: Two halves in colour, each cut into five in magnitude.
N_CELLS = _HALVES * _FIFTHS


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Edges that part the calibration galaxies into ten equal shares.

    Attributes
    ----------
    magnitude, blue, red
        Names of the photometry: the magnitude, and the two whose difference is the colour.
    colour_edge
        Bluer galaxies are in cells 0 to 4, others in 5 to 9.
    magnitude_edges
        Shape (2, 4): ascending edges in each half, so that the brightest are in cells 0 and 5.
    """

    magnitude: str
    blue: str
    red: str
    colour_edge: float
    magnitude_edges: FloatArray

    @classmethod
    def fitted(
        cls,
        photometry: NDArray[np.floating],
        names: Sequence[str],
        *,
        magnitude: str = "r",
        colour: tuple[str, str] = ("g", "r"),
    ) -> Cells:
        """Cut at quantiles of the galaxies whose photometry is finite.

        Parameters
        ----------
        photometry
            Shape (n, P).
        names
            Of its columns.
        magnitude, colour
            Names among them; the colour is the first minus the second.

        Raises
        ------
        ValueError
            If a name is not there, or fewer than ten galaxies are finite.
        """
        blue, red = colour
        missing = sorted({magnitude, blue, red} - set(names))
        if missing:
            raise ValueError(f"the photometry has no column {missing[0]!r}; there are: {', '.join(names)}")
        mag, difference = _axes(photometry, names, magnitude, blue, red)
        finite = np.isfinite(mag) & np.isfinite(difference)
        if finite.sum() < N_CELLS:
            raise ValueError(
                f"{finite.sum()} galaxies with photometry; {N_CELLS} cells need as many at least"
            )
        mag, difference = mag[finite], difference[finite]
        edge = float(np.median(difference))
        shares = np.arange(1, _FIFTHS) / _FIFTHS
        halves = (mag[difference < edge], mag[difference >= edge])
        # All of one colour: one half is empty, and takes the edges of all.
        edges = np.array([np.quantile(half if len(half) else mag, shares) for half in halves])
        return cls(magnitude, blue, red, edge, edges)

    def assign(self, photometry: NDArray[np.floating], names: Sequence[str]) -> NDArray[np.int64]:
        """Return the cell of each galaxy, shape (Q,); -1 where its photometry is not finite."""
        mag, difference = _axes(photometry, names, self.magnitude, self.blue, self.red)
        half = (difference >= self.colour_edge).astype(np.int64)
        fifth = (mag[:, None] >= self.magnitude_edges[half]).sum(axis=1)
        finite = np.isfinite(mag) & np.isfinite(difference)
        return np.asarray(np.where(finite, half * _FIFTHS + fifth, -1), dtype=np.int64)


def _axes(
    photometry: NDArray[np.floating], names: Sequence[str], magnitude: str, blue: str, red: str
) -> tuple[FloatArray, FloatArray]:
    columns = [
        np.asarray(photometry[:, list(names).index(name)], np.float64) for name in (magnitude, blue, red)
    ]
    return columns[0], columns[1] - columns[2]
