"""Which object lies at a place on the sky, from memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from survey.sky import separation_deg

__all__ = ["SkyIndex"]


class SkyIndex:
    """A k-d tree over unit vectors, so that the poles and RA 0 are places like any other.

    Parameters
    ----------
    ra_deg, dec_deg
        ICRS degrees, shape (N,); NaN where unknown, and such rows are never found.
    """

    def __init__(self, ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64]) -> None:
        known = np.isfinite(ra_deg) & np.isfinite(dec_deg)
        self._rows = np.flatnonzero(known)
        self._ra, self._dec = np.asarray(ra_deg)[self._rows], np.asarray(dec_deg)[self._rows]
        self._tree = cKDTree(_unit(self._ra, self._dec)) if len(self._rows) else None

    def __len__(self) -> int:
        return len(self._rows)

    def nearest(self, ra_deg: float, dec_deg: float) -> tuple[int, float] | None:
        """Return the nearest row with its separation in degrees; None if no row has a position."""
        if self._tree is None:
            return None
        _, found = self._tree.query(_unit(np.array([ra_deg]), np.array([dec_deg]))[0])
        return int(self._rows[found]), self._separation(ra_deg, dec_deg, int(found))

    def nearest_of_each(
        self, ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Return the nearest row of each place with the separations in degrees, shape (Q,); None as above."""
        if self._tree is None:
            return None
        _, found = self._tree.query(_unit(ra_deg, dec_deg))
        separation = separation_deg(ra_deg, dec_deg, self._ra[found], self._dec[found])
        return self._rows[found], np.asarray(separation, dtype=np.float64)

    def within(self, ra_deg: float, dec_deg: float, radius_deg: float) -> list[tuple[int, float]]:
        """Return (row, separation in degrees) inside a cone, nearest first."""
        if self._tree is None:
            return []
        # A hair more than the chord of the cone; the exact separation decides.
        chord = 2 * np.sin(np.radians(min(radius_deg, 180.0)) / 2) * (1 + 1e-9) + 1e-12
        found = self._tree.query_ball_point(_unit(np.array([ra_deg]), np.array([dec_deg]))[0], chord)
        pairs = ((int(self._rows[i]), self._separation(ra_deg, dec_deg, i)) for i in found)
        return sorted((p for p in pairs if p[1] <= radius_deg), key=lambda p: p[1])

    def _separation(self, ra_deg: float, dec_deg: float, i: int) -> float:
        return float(separation_deg(ra_deg, dec_deg, self._ra[i], self._dec[i]))


def _unit(ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
