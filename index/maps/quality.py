"""How well a map keeps who is near whom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.maps.placing import PLACING_K, among_neighbours
from index.neighbours import NeighbourGraph

__all__ = ["continuity_of", "displacement", "trustworthiness_of"]

_NEIGHBOURS = 15


def trustworthiness_of(vectors: NDArray[np.float32], xy: NDArray[np.float32]) -> float:
    """Return how far neighbours on the map are neighbours indeed, 1 at best.

    Parameters
    ----------
    vectors, xy
        Unit vectors, shape (n, D), and their places, shape (n, 2), n at least 4; some thousands at most.

    References
    ----------
    Venna & Kaski 2001, ICANN, 485.
    """
    from sklearn.manifold import trustworthiness  # noqa: PLC0415 # seconds of import

    return float(trustworthiness(vectors, xy, n_neighbors=_neighbours(len(xy))))


def continuity_of(vectors: NDArray[np.float32], xy: NDArray[np.float32]) -> float:
    """Return how far neighbours are neighbours on the map, 1 at best: trustworthiness with the two exchanged."""
    from sklearn.manifold import trustworthiness  # noqa: PLC0415

    return float(trustworthiness(xy, vectors, n_neighbors=_neighbours(len(xy))))


def displacement(
    places: NDArray[np.float32], graph: NeighbourGraph, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return how far galaxies come to lie from their places when their neighbours place them.

    Parameters
    ----------
    places
        Shape (N, 2).
    rows
        Those asked about, shape (m,).

    Returns
    -------
    NDArray
        In units of the map's root-mean-square radius, shape (m,).
    """
    near = graph.rows[rows, :PLACING_K]
    placed = among_neighbours(places, near, graph.similarity[rows, :PLACING_K])
    spread = places - np.nanmean(places, axis=0, dtype=np.float64)
    radius = float(np.sqrt(np.nanmean((spread**2).sum(axis=1))))
    return np.asarray(np.linalg.norm(placed - places[rows], axis=1) / (radius or 1.0), dtype=np.float64)


def _neighbours(n: int) -> int:
    # They are compared with at least as many others.
    return max(1, min(_NEIGHBOURS, (n - 1) // 2))
