"""Nearest neighbours by Euclidean distance among points that are no unit vectors."""

from __future__ import annotations

import os
from typing import Final

import faiss
import numpy as np
from numpy.typing import NDArray

from index.vectors.store import VectorArray

__all__ = ["nearest_points"]

# Candidates fetched beyond k: float32 orders points by |x|² + |y|² - 2xy, and mistakes neighbours for each other.
_SPARE: Final = 8
# Numbers of candidates gathered at once: 1 MiB, which stays in the cache.
_GATHERED: Final = 2**18


def nearest_points(
    points: VectorArray, queries: VectorArray, k: int, *, threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the k nearest points of each query.

    Candidates are found by products, and their distances taken again from differences of coordinates, so that a query gets the
    same answer alone and in any batch, and a point has distance 0 to itself.

    Parameters
    ----------
    points, queries
        Float32, shapes (N, D) and (Q, D).
    k
        At most N.
    threads
        OpenMP threads; 0 for all cores.

    Returns
    -------
    rows, distance
        Nearest first, shape (Q, k).
    """
    faiss.omp_set_num_threads(threads or os.cpu_count() or 1)
    n = min(len(points), k + _SPARE)
    _, rows = faiss.knn(np.ascontiguousarray(queries), points, n, metric=faiss.METRIC_L2)
    rows = rows.astype(np.int64)
    squares = np.empty(rows.shape, np.float32)
    step = max(1, _GATHERED // max(1, n * points.shape[1]))
    for start in range(0, len(queries), step):
        block = slice(start, start + step)
        apart = points[rows[block]] - queries[block, None]
        squares[block] = np.einsum("qkd,qkd->qk", apart, apart)
    order = np.argsort(squares, axis=1, kind="stable")[:, :k]
    nearest = np.take_along_axis(squares, order, axis=1).astype(np.float64)
    return np.take_along_axis(rows, order, axis=1), np.sqrt(nearest)
