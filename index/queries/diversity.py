"""Hits that are near the query and unlike each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.vectors.store import VectorArray

__all__ = ["diversify", "pool_size"]


def pool_size(k: int) -> int:
    """Return among how many nearest hits k diverse ones are chosen."""
    return max(5 * k, 100)


def diversify(
    similarity: NDArray[np.float32], vectors: VectorArray, k: int, diversity: float
) -> NDArray[np.int64]:
    """Choose k hits by maximal marginal relevance.

    Each next hit has the largest ``(1 - diversity) s - diversity t``, where s is its similarity to the query and t
    that to the nearest hit chosen before it; the first one is the nearest of all.

    Parameters
    ----------
    similarity
        Of the pool's hits to the query, falling, shape (P,).
    vectors
        Their unit vectors, shape (P, D).
    diversity
        From 0, the plain ranking, to 1, each hit as far as can be from those before it. 1 - lambda of the paper.

    Returns
    -------
    NDArray
        Places in the pool in the order of choice, at most k.

    References
    ----------
    Carbonell & Goldstein 1998, SIGIR '98, 335, section 2.
    """
    n = len(similarity)
    chosen = np.empty(min(k, n), np.int64)
    relevance = (1 - diversity) * similarity.astype(np.float64)
    wide = vectors.astype(np.float64)
    nearest = np.full(n, -np.inf)
    is_free = np.ones(n, np.bool_)
    for place in range(len(chosen)):
        score = relevance if place == 0 else relevance - diversity * nearest
        best = int(np.argmax(np.where(is_free, score, -np.inf))) if place else 0
        chosen[place], is_free[best] = best, False
        np.maximum(nearest, wide @ wide[best], out=nearest)
    return chosen
