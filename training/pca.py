"""The leading principal axes of many vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PrincipalAxes", "principal_axes"]

# Up to this many vectors or numbers the eigenvalue problem is solved outright: well under a second.
_SMALL = 1200
_OVERSAMPLING = 16
_ITERATIONS = 8
# An axis along which the vectors differ by less than float32 resolves is rounding, no direction.
_NEGLIGIBLE = 1e-6


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
    directions = _exact(centred) if min(centred.shape) <= _SMALL else _iterated(centred, n_axes, rng)
    projected = centred @ directions[:, :n_axes]
    lengths = np.linalg.norm(projected, axis=0)
    n_kept = max(1, int((lengths > _NEGLIGIBLE * max(lengths[0], 1e-300)).sum()))
    axes = np.linalg.qr(directions[:, :n_kept])[0]
    # An axis has no sign of its own: fix it, so that one seed gives one model.
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(n_kept)] < 0, -1.0, 1.0)
    total = float(np.square(centred).sum())
    explained = np.square(lengths[:n_kept]) / total if total > 0 else np.zeros(n_kept)
    return PrincipalAxes(mean=mean, axes=axes, explained=explained)


def _exact(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the directions of the smaller eigenvalue problem, largest variance first."""
    n, p = centred.shape
    if p <= n:
        return np.asarray(np.linalg.eigh(centred.T @ centred)[1][:, ::-1])
    values, coefficients = np.linalg.eigh(centred @ centred.T)
    # A vanishing eigenvalue's direction would be rounding, scaled up to unit length.
    n_kept = max(1, int((values > _NEGLIGIBLE**2 * values[-1]).sum()))
    scale = np.sqrt(np.maximum(values[::-1], np.finfo(np.float64).tiny))
    return np.asarray(centred.T @ coefficients[:, ::-1][:, :n_kept] / scale[:n_kept])


def _iterated(centred: NDArray[np.float64], n_axes: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return ``n_axes`` directions by subspace iteration from random ones."""
    width = min(n_axes + _OVERSAMPLING, *centred.shape)
    basis = np.linalg.qr(centred.T @ rng.standard_normal((len(centred), width)))[0]
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    rotation = np.linalg.svd(centred @ basis, full_matrices=False)[2]
    return np.asarray(basis @ rotation.T[:, :n_axes])
