"""The features that interest is learned on: principal components of a release's embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIMENSION", "Features", "Floats", "squared_distances"]

Floats = NDArray[np.float32]

# Forty components as in Walmsley et al. 2022 (MNRAS 513, 1581).
DIMENSION = 40
# Axes are fitted on so many rows, and the spacing of galaxies measured from so many.
_FITTED_ON, _SPACED_ON = 20_000, 500
_BLOCK = 65_536
# A direction that holds less than this share of the largest variance is rounding.
_FLAT = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Principal components of embeddings, on one scale.

    The components keep their proportions: equal variances, as in Walmsley et al., found fewer of what was
    looked for on every set tried, because embeddings were whitened already as far as helps.

    Attributes
    ----------
    values
        Shape (N, d), float32; each column of mean 0, and 1 the mean of their variances, over the rows that
        the axes were fitted on.
    spacing
        Median distance of a galaxy to its nearest other, on a sample: what lies much closer is a copy.
    """

    values: Floats
    spacing: float

    @classmethod
    def of(cls, vectors: NDArray[np.floating], *, dimension: int = DIMENSION, seed: int = 0) -> Features:
        """Rotate embeddings onto their principal axes.

        Parameters
        ----------
        vectors
            Shape (N, D), N at least 1; may be memory-mapped, and is read in blocks.
        dimension
            Components kept; fewer where the vectors have fewer directions.
        seed
            Chooses the rows that the axes are fitted on where there are more than 20,000.
        """
        rng = np.random.default_rng(seed)
        n = len(vectors)
        chosen = np.arange(n) if n <= _FITTED_ON else np.sort(rng.choice(n, _FITTED_ON, replace=False))
        sample = np.asarray(vectors[chosen], dtype=np.float64)
        mean = sample.mean(axis=0)
        variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(sample - mean, rowvar=False, bias=True)))
        kept = np.argsort(variances)[::-1][:dimension]
        kept = kept[variances[kept] > _FLAT * max(variances[kept[0]], np.finfo(np.float64).tiny)]
        scale = axes[:, kept] / np.sqrt(variances[kept].mean() if len(kept) else 1.0)
        values = np.empty((n, max(len(kept), 1)), np.float32)
        values[:, len(kept) :] = 0
        for start in range(0, n, _BLOCK):
            block = np.asarray(vectors[start : start + _BLOCK], dtype=np.float64)
            values[start : start + _BLOCK, : len(kept)] = (block - mean) @ scale
        return cls(values, _spacing(values, rng))

    def __len__(self) -> int:
        return len(self.values)


def squared_distances(values: Floats, others: Floats) -> Floats:
    """Squared Euclidean distances, shape (len(values), len(others)), never negative."""
    products = values @ others.T
    products *= -2
    products += np.einsum("nd,nd->n", values, values)[:, None]
    products += np.einsum("nd,nd->n", others, others)[None]
    return np.asarray(np.maximum(products, 0, out=products), dtype=np.float32)


def _spacing(values: Floats, rng: np.random.Generator) -> float:
    """Median distance to the nearest other of at most 500 rows."""
    if len(values) < 2:
        return 0.0
    rows = rng.choice(len(values), min(_SPACED_ON, len(values)), replace=False)
    nearest = np.full(len(rows), np.inf, np.float32)
    for start in range(0, len(values), _BLOCK):
        squared = squared_distances(values[start : start + _BLOCK], values[rows])
        own = np.flatnonzero((rows >= start) & (rows < start + _BLOCK))
        squared[rows[own] - start, own] = np.inf
        np.minimum(nearest, squared.min(axis=0), out=nearest)
    return float(np.sqrt(np.median(nearest)))
