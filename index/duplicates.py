"""Rows that are the same object."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from index.sky_rows import SkyRows

__all__ = ["DUPLICATE_ARCSEC", "first_of_each", "groups_by_place", "groups_by_value"]

#: Entries of a catalogue nearer to each other than this are taken for one object: seeing smears galaxies over as much.
DUPLICATE_ARCSEC = 2.0


def groups_by_place(sky: SkyRows) -> NDArray[np.int32]:
    """Join rows within 2 arcsec of each other, and so their neighbours too; a row without a position is alone.

    Returns
    -------
    NDArray
        Number of the group of each row, shape (n,).
    """
    n = len(sky.cells)
    # Rows of one cell (0.4 mas) are joined first: copies of one place would make pairs by the square.
    _, first, cell = np.unique(sky.cells, return_index=True, return_inverse=True)
    known = first[np.isfinite(sky.ra_deg[first])]
    pairs = np.empty((0, 2), np.int64)
    if len(known):
        chord = 2 * np.sin(np.radians(DUPLICATE_ARCSEC / 3600) / 2)
        pairs = known[cKDTree(sky.unit(known)).query_pairs(chord, output_type="ndarray")]
    placed = np.flatnonzero(np.isfinite(sky.ra_deg))
    links = np.vstack([pairs, np.stack([placed, first[cell[placed]]], axis=1)])
    graph = coo_array((np.ones(len(links), np.bool_), (links[:, 0], links[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32)


def groups_by_value(codes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Join rows of one code; -1 stands for unknown, and such rows are groups of their own."""
    groups = codes.astype(np.int32)
    unknown = np.flatnonzero(codes < 0)
    groups[unknown] = np.arange(len(unknown)) + (codes.max(initial=-1) + 1)
    return groups


def first_of_each(groups: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return where each group appears first, ascending: of hits nearest first, the nearest of every object."""
    return np.sort(np.unique(groups, return_index=True)[1])
