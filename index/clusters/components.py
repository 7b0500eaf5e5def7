"""The directions in which embeddings vary, and how far each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["VARIANCE", "Components", "fit_components"]

#: Share of the variance that is kept (Mohale & Lochner 2024).
VARIANCE = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Principal components; calling them projects vectors onto them.

    Attributes
    ----------
    mean
        Shape (D,).
    axes
        One direction a column, orthonormal, the farthest first, shape (D, d).
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    @property
    def dimension(self) -> int:
        """Components kept."""
        return int(self.axes.shape[1])

    def __call__(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Project vectors, shape (Q, D) to (Q, d)."""
        projected: NDArray[np.float64] = (vectors.astype(np.float64) - self.mean) @ self.axes
        return projected


def fit_components(
    vectors: NDArray[np.floating], *, variance: float = VARIANCE, at_least: int = 1
) -> Components:
    """Find the fewest principal components that hold a share of the variance.

    Parameters
    ----------
    vectors
        Shape (n, D), n at least 1.
    variance
        Above 0, at most 1.
    at_least
        Components kept in any case.

    Returns
    -------
    Components
        Each direction with its largest entry positive: the same on every machine.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors.astype(np.float64) - mean
    spread, axes = np.linalg.eigh(centred.T @ centred)
    spread, axes = np.clip(spread[::-1], 0, None), axes[:, ::-1]
    total = spread.sum()
    share = np.cumsum(spread) / total if total > 0 else np.ones(len(spread))
    # Sums of shares end at 1 less some rounding.
    kept = int(np.searchsorted(share, variance - 1e-12)) + 1
    kept = min(max(kept, at_least), len(spread))
    axes = axes[:, :kept]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    return Components(mean, axes * np.where(largest < 0, -1.0, 1.0))
