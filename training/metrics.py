"""Figures of merit for neighbours; those of redshifts are in :mod:`training.photoz_metrics`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "average_precision",
    "class_balanced_map",
    "class_mean",
    "purity_at_k",
]

_BLOCK = 512

FloatArray = NDArray[np.float64]


def purity_at_k(
    embeddings: NDArray[np.float32],
    labels: Sequence[str] | NDArray[np.str_],
    *,
    k: int = 10,
    excluded: Sequence[tuple[int, int]] = (),
) -> FloatArray:
    """Return, for each object as a query, the share of its k nearest others with its own label.

    Parameters
    ----------
    embeddings
        Shape (N, D), unit norm, N greater than k.
    excluded
        Pairs of rows that must not be each other's neighbours (one patch of sky observed twice).

    Returns
    -------
    ndarray
        Shape (N,), 0..1; the mean is purity@k.

    Raises
    ------
    ValueError
        If there are not more than k objects.
    """
    if len(embeddings) <= k:
        raise ValueError(f"{len(embeddings)} objects have no {k} neighbours each; take a smaller k")
    names = np.asarray(labels)
    purity = np.empty(len(names))
    for rows, similarity in _similarities(embeddings, excluded):
        nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        purity[rows] = (names[nearest] == names[rows, None]).mean(axis=1)
    return purity


def average_precision(
    embeddings: NDArray[np.float32],
    labels: Sequence[str] | NDArray[np.str_],
    *,
    excluded: Sequence[tuple[int, int]] = (),
) -> FloatArray:
    """Return the average precision of each object as a query over all others, shape (N,).

    Relevant is what has the query's label; NaN where nothing else has it.
    """
    names = np.asarray(labels)
    precision = np.full(len(names), np.nan)
    ranks = np.arange(1, len(names) + 1)
    for rows, similarity in _similarities(embeddings, excluded):
        order = np.argsort(-similarity, axis=1, kind="stable")
        usable = np.isfinite(np.take_along_axis(similarity, order, axis=1))
        relevant = (names[order] == names[rows, None]) & usable
        found = relevant.cumsum(axis=1)
        total = relevant.sum(axis=1)
        with np.errstate(invalid="ignore"):
            precision[rows] = np.where(relevant, found / ranks, 0).sum(axis=1) / total
    return precision


def class_balanced_map(
    embeddings: NDArray[np.float32],
    labels: Sequence[str] | NDArray[np.str_],
    *,
    excluded: Sequence[tuple[int, int]] = (),
) -> float:
    """Return the mean over classes of the mean average precision of their members as queries.

    The whole gallery is ranked. Queries without another member of their class do not count.

    Raises
    ------
    ValueError
        If no query counts.
    """
    return class_mean(average_precision(embeddings, labels, excluded=excluded), labels)


def class_mean(values: NDArray[np.floating], labels: Sequence[str] | NDArray[np.str_]) -> float:
    """Return the mean over classes of the mean of their members' finite values.

    Raises
    ------
    ValueError
        If there is no finite value.
    """
    names = np.asarray(labels)
    per_class = [values[(names == name) & np.isfinite(values)] for name in np.unique(names)]
    means = [members.mean() for members in per_class if len(members)]
    if not means:
        raise ValueError("no class has two members that may be neighbours; nothing can be ranked")
    return float(np.mean(means))


def _similarities(
    embeddings: NDArray[np.float32], excluded: Sequence[tuple[int, int]]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Yield (rows, cosines with everything) by block; -inf for the object itself and the excluded pairs."""
    pairs = np.asarray(excluded, dtype=np.intp).reshape(-1, 2)
    both_ways = np.concatenate([pairs, pairs[:, ::-1]])
    for first in range(0, len(embeddings), _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, len(embeddings)))
        similarity = embeddings[rows] @ embeddings.T
        similarity[np.arange(len(rows)), rows] = -np.inf
        here = both_ways[(both_ways[:, 0] >= first) & (both_ways[:, 0] <= rows[-1])]
        similarity[here[:, 0] - first, here[:, 1]] = -np.inf
        yield rows, similarity
