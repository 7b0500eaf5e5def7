"""Pairs of cutouts that show one piece of sky by where they lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from index.audit.pairs import SkyPairs

__all__ = ["pairs_by_place"]


def pairs_by_place(
    ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64], radius_arcsec: float
) -> SkyPairs:
    """Return the pairs whose positions lie within a radius of each other.

    Parameters
    ----------
    ra_deg, dec_deg
        ICRS degrees, shape (n,); NaN where unknown: such rows are in no pair.
    radius_arcsec
        Largest separation.
    """
    known = np.flatnonzero(np.isfinite(ra_deg) & np.isfinite(dec_deg))
    ra, dec = np.radians(ra_deg[known]), np.radians(dec_deg[known])
    unit = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
    chord = 2 * np.sin(np.radians(radius_arcsec / 3600) / 2)
    near = np.empty((0, 2), np.int64)
    if len(known) > 1:
        near = cKDTree(unit).query_pairs(chord, output_type="ndarray")
    rows = np.sort(known[near], axis=1).reshape(-1, 2)
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    place = np.zeros(len(ra_deg), np.int64)
    place[known] = np.arange(len(known))
    first, second = (unit[place[rows[:, side]]] for side in (0, 1))
    chords = np.linalg.norm(first - second, axis=1)
    separation = np.degrees(2 * np.arcsin(np.minimum(chords / 2, 1))) * 3600
    nothing = np.full(len(rows), np.nan)
    return SkyPairs(rows, np.full((len(rows), 2), np.nan), nothing, nothing.copy(), separation)
