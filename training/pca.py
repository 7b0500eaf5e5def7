"""The leading principal axes of many vectors, by seeded subspace iteration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PrincipalAxes", "principal_axes"]

_OVERSAMPLING = 16
_ITERATIONS = 8


@dataclass(frozen=True, slots=True, eq=False)
class PrincipalAxes:
    """A mean with the orthonormal directions of largest variance around it.

    Attributes
    ----------
    mean
        Shape (P,).
    axes
        Orthonormal columns, largest variance first, shape (P, K); the largest entry of each is positive.
    explained
        Share of the variance along each axis, shape (K,).
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    explained: NDArray[np.float64]


def principal_axes(vectors: NDArray[np.floating], *, n_axes: int, rng: np.random.Generator) -> PrincipalAxes:
    """Find the leading principal axes.

    Parameters
    ----------
    vectors
        Shape (N, P), N at least 2.
    n_axes
        K wanted; fewer come back when the vectors span less, and at least one.

    References
    ----------
    Halko, Martinsson & Tropp 2011, SIAM Review 53, 217, algorithm 4.4.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - mean
    width = min(n_axes + _OVERSAMPLING, *centred.shape)
    basis = np.linalg.qr(centred.T @ rng.standard_normal((len(centred), width)))[0]
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    _, singular, rotation = np.linalg.svd(centred @ basis, full_matrices=False)
    rank = int((singular > 1e-9 * max(singular[0], 1e-300)).sum())
    n_kept = max(1, min(n_axes, rank))
    axes = basis @ rotation.T[:, :n_kept]
    # An axis has no sign of its own: fix it, so that one seed gives one model.
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(n_kept)] < 0, -1.0, 1.0)
    total = float(np.square(centred).sum())
    explained = np.square(singular[:n_kept]) / total if total > 0 else np.zeros(n_kept)
    return PrincipalAxes(mean=mean, axes=axes, explained=explained)
