"""Scores of candidates that depend on nothing but the query and the stored vector."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.vectors.store import BadQuery, VectorArray

__all__ = ["Stored", "checked_queries", "rescored"]

#: Vectors as they lie on disk: float32 or float16, shape (n, D).
Stored = NDArray[np.floating[Any]]

# Numbers of candidates gathered at once: 32 MiB of float64.
_GATHERED = 2**22


def checked_queries(
    queries: VectorArray, k: int, allowed: NDArray[np.bool_] | None, *, n: int, dimension: int
) -> VectorArray:
    """Return queries as contiguous float32, shape (Q, D).

    Raises
    ------
    BadQuery
        If a query is not finite, k is below 1, or a shape does not fit a store of ``n`` vectors of ``dimension``.
    """
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    if queries.ndim != 2 or queries.shape[1] != dimension:
        raise BadQuery(
            f"queries of shape {queries.shape}; this store holds vectors of {dimension} dimensions"
        )
    if not np.isfinite(queries).all():
        raise BadQuery("a query vector is not finite")
    if k < 1:
        raise BadQuery(f"k is {k}; ask for at least 1 neighbour")
    if allowed is not None and allowed.shape != (n,):
        raise BadQuery(f"a mask of shape {allowed.shape} for {n} vectors")
    return queries


def rescored(
    vectors: Stored, queries: VectorArray, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], VectorArray]:
    """Score candidate rows in double precision and order them: similarity falling, then row rising.

    Parameters
    ----------
    rows
        Candidates of each query, shape (Q, C); -1 stands for none, comes last and scores minus infinity.

    Returns
    -------
    tuple
        Rows and similarities, both of shape (Q, C).
    """
    exact = np.empty(rows.shape, np.float64)
    step = max(1, _GATHERED // max(1, rows.shape[1] * vectors.shape[1]))
    width = max(1, _GATHERED // vectors.shape[1])
    for start in range(0, len(queries), step):
        wide = queries[start : start + step].astype(np.float64)
        # A search by similarity may have every row for a candidate: 1.5 GB for a million of 128 dimensions.
        for first in range(0, rows.shape[1], width):
            part = (slice(start, start + step), slice(first, first + width))
            exact[part] = np.einsum("qkd,qd->qk", vectors[rows[part]].astype(np.float64), wide)
    exact = np.where(rows < 0, -np.inf, np.clip(exact, -1, 1))
    order = np.lexsort((rows, -exact), axis=1)
    similarity = np.take_along_axis(exact, order, axis=1).astype(np.float32)
    return np.take_along_axis(rows, order, axis=1), similarity
