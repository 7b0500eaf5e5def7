"""Which objects to look at next: promising ones, no copies of one another, with a few to check the forecast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.interest.features import Features, Floats, squared_distances

__all__ = ["audited", "best_apart", "spread_out"]

Rows = NDArray[np.int64]

# Two galaxies nearer than this share of the usual distance to a nearest neighbour count as copies in a batch.
_COPY = 0.5
# Candidates considered for each pick, and of a random sample for the spread-out ones.
_CONSIDERED, _SAMPLED = 20, 2000


def best_apart(features: Features, acquisition: Floats, candidates: Rows, n: int) -> Rows:
    """Pick the ``n`` largest acquisitions, passing over copies of what is picked.

    Copies are taken after all, best first, where nothing else is among the 20 n best.
    """
    n = min(n, len(candidates))
    pool = _largest(acquisition, candidates, _CONSIDERED * n)
    values = features.values[pool]
    free = np.ones(len(pool), dtype=bool)
    picked: list[int] = []
    for _ in range(n):
        if not free.any():
            break
        best = int(np.argmax(free))
        picked.append(best)
        near = squared_distances(values, values[best : best + 1])[:, 0]
        free &= near >= (_COPY * features.spacing) ** 2
        free[best] = False
    left = np.setdiff1d(np.arange(len(pool)), picked)
    chosen = np.concatenate([np.array(picked, np.int64), left])[:n]
    return np.asarray(pool[chosen], dtype=np.int64)


def spread_out(features: Features, candidates: Rows, n: int, taken: Rows, rng: np.random.Generator) -> Rows:
    """Pick ``n`` far from each other and from ``taken``, each with odds of its squared distance (k-means++).

    References
    ----------
    Arthur & Vassilvitskii 2007, Proc. SODA, 1027.
    """
    pool = rng.choice(candidates, min(_SAMPLED, len(candidates)), replace=False)
    values = features.values[pool]
    nearest = np.full(len(pool), np.inf)
    for row in taken:
        nearest = np.minimum(nearest, squared_distances(values, features.values[row : row + 1])[:, 0])
    picked: list[int] = []
    for _ in range(min(n, len(pool))):
        odds = np.where(np.isfinite(nearest), nearest, 1.0)
        odds[picked] = 0
        if not odds.sum() > 0:
            odds = np.ones(len(pool))
            odds[picked] = 0
        picked.append(int(rng.choice(len(pool), p=odds / odds.sum())))
        near = squared_distances(values, values[picked[-1] : picked[-1] + 1])[:, 0]
        nearest = np.minimum(nearest, near)
    return np.asarray(pool[picked], dtype=np.int64)


def audited(probability: NDArray[np.float64], candidates: Rows, n: int, rng: np.random.Generator) -> Rows:
    """Draw ``n`` with odds sqrt(p (1 - p)), which tell most about how many interesting ones are left.

    It is Neyman's allocation (1934, J. R. Stat. Soc. 97, 558): strata are sampled by size and deviation.
    """
    odds = np.sqrt(probability[candidates] * (1 - probability[candidates])) + 1e-9
    return rng.choice(candidates, min(n, len(candidates)), replace=False, p=odds / odds.sum())


def _largest(acquisition: Floats, candidates: Rows, n: int) -> Rows:
    """Find the candidates of the ``n`` largest acquisitions, largest first, equal ones by row."""
    values = acquisition[candidates]
    if 0 < n < len(candidates):
        least = np.partition(values, len(values) - n)[len(values) - n]
        kept = np.flatnonzero(values >= least)
    else:
        kept = np.arange(len(candidates))
    return candidates[kept[np.argsort(-values[kept], kind="stable")][:n]]
