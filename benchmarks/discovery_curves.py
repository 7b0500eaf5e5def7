"""How good a ranking of a pool is, and how sure the difference of two rankings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Quality", "Ranking", "paired", "quality"]

_DRAWS = 1000
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quality:
    """A ranking of a pool.

    Attributes
    ----------
    ap
        Average precision over all of it.
    precision50, precision200
        Share of rare ones among the first 50 and 200.
    weighted50, weighted200
        Rank-weighted score S_N = sum over i < N of (N - i) [i-th is rare] / (N (N + 1) / 2), i from 0
        (Lochner & Bassett 2021, eq. 4).
    """

    ap: float
    precision50: float
    precision200: float
    weighted50: float
    weighted200: float


class Ranking:
    """A pool in order.

    Parameters
    ----------
    order
        Larger values come first, equal ones in the order of rows, shape (n,).
    is_rare
        Shape (n,).
    """

    def __init__(self, order: NDArray[np.floating], is_rare: NDArray[np.bool_]) -> None:
        self.is_rare = is_rare
        self._rows = np.argsort(-order, kind="stable")
        self._ends = np.append(np.flatnonzero(np.diff(order[self._rows])), len(order) - 1)
        self._hits = is_rare[self._rows]

    def average_precision(self, weights: Doubles | None = None) -> float:
        """Return the mean over rare ones of the precision down to each, equal values together.

        Parameters
        ----------
        weights
            How often each row counts, shape (n,); once, if not given.
        """
        weight = np.ones(len(self._rows)) if weights is None else weights[self._rows]
        rare = np.cumsum(weight * self._hits)[self._ends]
        seen = np.cumsum(weight)[self._ends]
        gained = np.diff(rare, prepend=0.0)
        return float((gained * rare / np.maximum(seen, 1e-12)).sum() / rare[-1])

    def precision(self, n: int) -> float:
        """Return the share of rare ones among the first n."""
        return float(self._hits[:n].mean())

    def weighted(self, n: int) -> float:
        """Return the rank-weighted score S_N."""
        n = min(n, len(self._hits))
        return float(np.arange(n, 0, -1) @ self._hits[:n] / (n * (n + 1) / 2))


def quality(ranking: Ranking) -> Quality:
    """Judge a ranking."""
    return Quality(
        ap=ranking.average_precision(),
        precision50=ranking.precision(50),
        precision200=ranking.precision(200),
        weighted50=ranking.weighted(50),
        weighted200=ranking.weighted(200),
    )


def paired(one: Sequence[Ranking], other: Sequence[Ranking], *, rng: np.random.Generator) -> Doubles:
    """Draw mean average precisions of two ways to rank the same pools, shape (1000, 2): seeds anew, and galaxies anew.

    Parameters
    ----------
    one, other
        By seed. Rare galaxies and others are drawn apart, so that the share of rare ones stays; both rankings get the same.
    """
    drawn = np.empty((_DRAWS, 2))
    for n in range(_DRAWS):
        found = []
        for seed in rng.integers(len(one), size=len(one)):
            rare = one[seed].is_rare
            weights = np.empty(len(rare))
            for which in (rare, ~rare):
                size = int(which.sum())
                weights[which] = np.bincount(rng.integers(size, size=size), minlength=size)
            found.append([ranking[seed].average_precision(weights) for ranking in (one, other)])
        drawn[n] = np.mean(found, axis=0)
    return drawn
