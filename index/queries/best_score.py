"""Objects ranked by their nearest example, unless that is one that is not liked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from index.vectors.store import VectorArray

__all__ = ["best_scores"]

# The float32 error of a product of unit vectors (index/vectors/exact.py).
_ERROR = 2e-6
# Products held at once: 16 Mi of float32 are 64 MiB. Candidates at once: 64 Ki of 512 dimensions are 128 MiB.
_PRODUCTS, _CANDIDATES = 1 << 24, 1 << 16


def best_scores(
    vectors: Callable[[NDArray[np.int64]], VectorArray],
    rows: NDArray[np.int64],
    positives: VectorArray,
    negatives: VectorArray,
    k: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Score every candidate in one pass and return the k best.

    An object's score is its similarity to the nearest positive; where a negative is at least as near, it is
    minus the similarity to the nearest negative.

    Parameters
    ----------
    vectors
        Gives the unit vectors of some rows, shape (len(rows), D).
    rows
        Candidates, rising.
    positives, negatives
        Unit vectors, shapes (P, D) and (N, D); P at least 1, N may be 0.

    Returns
    -------
    rows, scores
        Best first, equal scores by row; scores in double precision, rounded to float32.
    """
    k = min(k, len(rows))
    if k == 0:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    step = max(1, min(_CANDIDATES, _PRODUCTS // (len(positives) + len(negatives))))
    low, high = np.empty(len(rows)), np.empty(len(rows))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        block = vectors(rows[part])
        low[part], high[part] = _bounds(_largest(block, positives), _largest(block, negatives))
    # Whose score can reach that of the k-th at worst is scored again.
    candidates = rows[high >= np.partition(low, -k)[-k]]
    scores = np.empty(len(candidates))
    for start in range(0, len(candidates), step):
        part = slice(start, start + step)
        block = vectors(candidates[part]).astype(np.float64)
        liked, disliked = _largest(block, positives), _largest(block, negatives)
        scores[part] = np.where(liked > disliked, liked, -disliked)
    order = np.lexsort((candidates, -scores))[:k]
    return candidates[order], np.clip(scores[order], -1, 1).astype(np.float32)


def _largest(block: NDArray[np.floating], examples: VectorArray) -> NDArray[np.float64]:
    """Return the similarity of each vector to its nearest example, -inf where there are none."""
    if not len(examples):
        return np.full(len(block), -np.inf)
    largest: NDArray[np.float64] = (block @ examples.T.astype(block.dtype)).max(axis=1).astype(np.float64)
    return largest


def _bounds(
    liked: NDArray[np.float64], disliked: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return between what the exact score lies, which jumps where a positive and a negative are equally near."""
    surely_liked, surely_not = liked > disliked + 2 * _ERROR, disliked > liked + 2 * _ERROR
    low = np.where(surely_liked, liked, np.where(surely_not, -disliked, np.minimum(liked, -disliked)))
    high = np.where(surely_liked, liked, np.where(surely_not, -disliked, np.maximum(liked, -disliked)))
    return low - _ERROR, high + _ERROR
