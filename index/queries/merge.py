"""One ranking of the hits of several queries."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from index.duplicates import first_of_each
from index.vectors.store import Hits

__all__ = ["merge_by_max"]


def merge_by_max(
    lists: Iterable[Hits], k: int, *, groups: NDArray[np.int32] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rank objects by their similarity to the nearest of several queries.

    Merging the k nearest of each query loses nothing: an object that is not among the k nearest of its own
    nearest query has k better ones before it.

    Parameters
    ----------
    lists
        At least k hits of each query, or all there are; of some queries at a time.
    groups
        Shape (n,): rows of one number are one object, which counts once, in each of the lists too; None where each row is one.

    Returns
    -------
    rows, similarity
        At most k, nearest first, equal similarities by row.
    """
    rows, similarity = np.empty(0, np.int64), np.empty(0, np.float32)
    for hits in lists:
        rows = np.concatenate([rows, hits.rows.reshape(-1)])
        similarity = np.concatenate([similarity, hits.similarity.reshape(-1)])
        order = np.lexsort((rows, -similarity))
        # The first time that an object comes, it comes with its largest similarity.
        objects = rows if groups is None else groups[rows]
        kept = order[first_of_each(objects[order])][:k]
        rows, similarity = rows[kept], similarity[kept]
    return rows, similarity
