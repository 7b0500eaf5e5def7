"""How well redshift distributions describe the spectra: one number a galaxy, to be averaged or drawn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.pdf import RedshiftGrid

__all__ = ["cde_terms", "crps_terms", "is_covered", "pit_cvm", "pit_ks", "pit_values"]

FloatArray = NDArray[np.float64]
_BLOCK = 4096


def pit_values(probability: NDArray[np.floating], grid: RedshiftGrid, z_spec: FloatArray) -> FloatArray:
    """Return the probability below each spectroscopic redshift, shape (N,), the density being constant inside a bin.

    Parameters
    ----------
    probability
        Bin probabilities, shape (N, B), rows sum to 1.
    """
    cumulative = np.cumsum(probability, axis=1, dtype=np.float64)
    at, inside = _position(grid, z_spec)
    here = np.take_along_axis(probability, at[:, None], axis=1)[:, 0].astype(np.float64)
    upper = np.take_along_axis(cumulative, at[:, None], axis=1)[:, 0]
    return np.asarray(np.clip(upper - here * (1 - inside), 0, 1), dtype=np.float64)


def cde_terms(probability: NDArray[np.floating], grid: RedshiftGrid, z_spec: FloatArray) -> FloatArray:
    """Return (integral of p^2) - 2 p(z_spec), shape (N,); the mean is :func:`index.pdf.cde_loss`.

    Outside the grid the density is 0.
    """
    at, _ = _position(grid, z_spec)
    here = np.take_along_axis(probability, at[:, None], axis=1)[:, 0].astype(np.float64)
    here = np.where((z_spec >= 0) & (z_spec < grid.z_max), here, 0.0)
    return np.asarray(
        (np.asarray(probability, dtype=np.float64) ** 2).sum(axis=1) / grid.width - 2 * here / grid.width
    )


def crps_terms(probability: NDArray[np.floating], grid: RedshiftGrid, z_spec: FloatArray) -> FloatArray:
    """Return the continuous ranked probability score, in redshift, shape (N,): exact for a CDF linear inside a bin.

    References
    ----------
    Gneiting & Raftery 2007, J. Am. Statist. Assoc. 102, 359, equation 20.
    """
    score = np.empty(len(probability))
    for first in range(0, len(probability), _BLOCK):
        block = slice(first, first + _BLOCK)
        p, z = np.asarray(probability[block], dtype=np.float64), z_spec[block]
        upper = np.cumsum(p, axis=1)
        lower = upper - p
        at, inside = _position(grid, z)
        bins = np.arange(grid.n_bins)
        before, after = bins < at[:, None], bins > at[:, None]
        total = (_square(lower, upper) * before).sum(axis=1)
        total += (_square(1 - lower, 1 - upper) * after).sum(axis=1)
        low, high = (np.take_along_axis(edge, at[:, None], axis=1)[:, 0] for edge in (lower, upper))
        middle = low + (high - low) * inside
        total += inside * _square(low, middle) + (1 - inside) * _square(1 - middle, 1 - high)
        # Beyond the grid all the probability lies on the wrong side.
        score[block] = total * grid.width + np.maximum(z - grid.z_max, 0) + np.maximum(-z, 0)
    return score


def is_covered(z_spec: FloatArray, low: FloatArray, high: FloatArray) -> NDArray[np.bool_]:
    """Whether each redshift lies in its interval, ends included."""
    return np.asarray((z_spec >= low) & (z_spec <= high), dtype=np.bool_)


def pit_ks(pit: FloatArray) -> float:
    """Return the Kolmogorov-Smirnov distance of PIT values from the uniform distribution."""
    ordered, n = np.sort(pit), len(pit)
    steps = np.arange(n + 1) / n
    return float(max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1])))


def pit_cvm(pit: FloatArray) -> float:
    """Return the Cramer-von Mises statistic of PIT values against the uniform distribution, divided by n."""
    ordered, n = np.sort(pit), len(pit)
    return float((1 / (12 * n) + np.sum(((np.arange(n) + 0.5) / n - ordered) ** 2)) / n)


def _position(grid: RedshiftGrid, z: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the bin of each redshift and how far inside it lies, 0..1; the nearest bin's edge outside the grid."""
    place = np.clip(np.asarray(z, dtype=np.float64) / grid.width, 0, grid.n_bins)
    at = np.minimum(place.astype(np.int64), grid.n_bins - 1)
    return at, place - at


def _square(start: FloatArray, end: FloatArray) -> FloatArray:
    """Return the mean of the square of what goes linearly from ``start`` to ``end``."""
    return (start**2 + start * end + end**2) / 3
