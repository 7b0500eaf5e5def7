"""Embeddings on axes of equal weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Whitening"]

# What an ordinary galaxy never does shows on axes of little variance: with 95 % the top 1 % of the demo survey hold 16 of 47
# planted oddities, with 99.99 % 22 (moco-demo-ugriz, density; docs/decisions/0020-frozen-anomaly-reference.md).
_VARIANCE = 0.9999


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """Principal components, each divided by its standard deviation in the reference sample.

    Attributes
    ----------
    mean
        Of the sample, float64, shape (D,).
    axes
        Components over their standard deviations, float64, shape (D, d).
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    @classmethod
    def fitted(cls, sample: NDArray[np.floating]) -> Whitening:
        """Keep the fewest components that hold 99.99 % of the variance of a sample, shape (n, D); one at least."""
        vectors = sample.astype(np.float64)
        mean = vectors.mean(axis=0)
        variance, components = np.linalg.eigh(np.atleast_2d(np.cov(vectors - mean, rowvar=False, bias=True)))
        variance, components = np.maximum(variance[::-1], 0), components[:, ::-1]
        share = np.cumsum(variance) / max(float(variance.sum()), 1e-300)
        kept = min(int((share < _VARIANCE).sum()) + 1, len(variance), max(1, len(sample) - 1))
        # An eigenvector has no sign of its own: its largest part is made positive.
        signs = np.sign(np.take_along_axis(components, np.abs(components).argmax(axis=0)[None], axis=0))
        # Where all galaxies are the same there is no scale; any will do.
        scale = np.sqrt(np.where(variance > 0, variance, 1))
        return cls(mean, np.ascontiguousarray((components * signs / scale)[:, :kept]))

    def __call__(self, vectors: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return embeddings, shape (Q, D), as points, shape (Q, d)."""
        return np.asarray((vectors.astype(np.float64) - self.mean) @ self.axes, dtype=np.float32)
