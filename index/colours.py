"""Which colours the galaxies of a catalogue have, measured by the distance to the nearest ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

__all__ = ["ColourSpace", "clipped_moments", "plausible_orders"]

FloatArray = NDArray[np.float64]

# The distance to the fifth nearest: a handful of freaks in the catalogue does not make a sixth one ordinary.
_K = 5
# The limit: a tenth beyond the 99.75 % quantile of the catalogue's own distances, or three times the 99 % quantile
# where freaks fill the last per cent. Held-out galaxies: benchmarks/upload_domain.py.
_QUANTILE, _MARGIN = 99.75, 1.1
_BULK, _BULK_MARGIN = 99.0, 3.0
_CLIP_SIGMA, _CLIP_ROUNDS = 4.0, 5
# Colours of one galaxy in two systems of like filters differ by some per cent: a catalogue whose own colours scatter
# less is no narrower than this, in magnitudes.
_SYSTEMATIC_MAG = 0.05


@dataclass(frozen=True, slots=True)
class _Whitening:
    mean: FloatArray
    matrix: FloatArray

    def __call__(self, colours: FloatArray) -> FloatArray:
        return (colours - self.mean) @ self.matrix


class ColourSpace:
    """The colours of a catalogue in a chosen set of bands.

    A locus of colours is bent and broader at one end, so that no ellipsoid fits it. Distances are taken to the fifth
    nearest galaxy instead, in colours scaled by their own clipped covariance.

    Parameters
    ----------
    magnitudes
        Of the catalogue's galaxies, shape (N, C), finite, N at least 7 and C at least 2, bands in wavelength order.
    """

    def __init__(self, magnitudes: FloatArray) -> None:
        colours = _colours(magnitudes)
        mean, covariance = clipped_moments(colours)
        covariance = covariance + _SYSTEMATIC_MAG**2 * np.eye(len(mean))
        self._whiten = _Whitening(mean, np.linalg.inv(np.linalg.cholesky(covariance)).T)
        points = self._whiten(colours)
        self._tree = cKDTree(points)
        self._own = np.sort(np.asarray(self._tree.query(points, _K + 1)[0])[:, -1])
        #: Colours farther from the catalogue's than this are unlikely.
        tail, bulk = np.percentile(self._own, (_QUANTILE, _BULK))
        self.limit = float(min(_MARGIN * tail, _BULK_MARGIN * bulk))

    def distance(self, magnitudes: FloatArray) -> FloatArray:
        """Return how far colours lie from the catalogue's, for magnitudes of shape (..., C)."""
        return np.asarray(self._tree.query(self._whiten(_colours(magnitudes)), _K)[0])[..., -1]

    def percentile(self, distance: float) -> float:
        """Return the share of the catalogue's galaxies that lie at most as far from the others, in per cent."""
        return 100 * float(np.searchsorted(self._own, distance, side="right")) / len(self._own)


def plausible_orders(n: int) -> Iterator[tuple[int, ...]]:
    """Yield the orders in which bands are sent by mistake: reversed, turned round, two of them exchanged.

    Parameters
    ----------
    n
        Bands.

    Yields
    ------
    tuple
        ``order[i]`` is the plane that holds band i; the right order itself is left out.
    """
    right = tuple(range(n))
    seen = {right}
    swapped = []
    for i in range(n):
        for j in range(i + 1, n):
            swap = list(right)
            swap[i], swap[j] = swap[j], swap[i]
            swapped.append(tuple(swap))
    turned = (right[shift:] + right[:shift] for shift in range(1, n))
    for order in (right[::-1], *swapped, *turned):
        if order not in seen:
            seen.add(order)
            yield order


def clipped_moments(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and covariance without the outlying rows, shape (D,) and (D, D); the covariance is invertible.

    Begins at the median and the MAD and drops, five times over, what lies more than 4 sigma out.
    """
    mean = np.median(values, axis=0)
    scatter = 1.4826 * np.median(np.abs(values - mean), axis=0)
    covariance = np.diag(np.maximum(scatter, 1e-3) ** 2)
    for _ in range(_CLIP_ROUNDS):
        away = values - mean
        distance = np.einsum("nd,nd->n", away @ np.linalg.inv(covariance), away)
        kept = values[distance <= _CLIP_SIGMA**2 * max(1.0, values.shape[1] / 2)]
        if len(kept) <= 2 * values.shape[1]:
            break
        mean = kept.mean(axis=0)
        covariance = np.atleast_2d(np.cov(kept, rowvar=False)) + 1e-6 * np.eye(values.shape[1])
    return mean, covariance


def _colours(magnitudes: FloatArray) -> FloatArray:
    return magnitudes[..., :-1] - magnitudes[..., 1:]
