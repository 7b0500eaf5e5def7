"""How alike two pictures are where they overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

__all__ = ["between_scales", "fine_structure", "overlap_correlation"]

# Of 128 px, pixels: below the first JPEG and interpolation decide, above the second galaxies look alike.
_SHARPEST, _BROADEST = 0.7, 4.0
# Smaller overlaps are empty sky too often, and empty sky correlates with anything that has the same gradient.
_MIN_OVERLAP = 0.5


def fine_structure(grey: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what distinguishes two pieces of sky: faint companions, knots and the noise itself.

    The square root makes the noise of counts even.

    Parameters
    ----------
    grey
        Mean over colours, counts of 0 to 255, shape (..., S, S).
    """
    return between_scales(np.sqrt(np.maximum(grey, 0)).astype(np.float32))


def between_scales(even: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the difference of two Gaussians, which takes away smooth galaxies: they correlate above 0.95 with one another.

    Parameters
    ----------
    even
        Brightness on a scale that makes the noise even, shape (..., S, S).
    """
    axes = (even.ndim - 2, even.ndim - 1)
    sharp, broad = (ndimage.gaussian_filter(even, sigma, axes=axes) for sigma in (_SHARPEST, _BROADEST))
    return np.asarray(sharp - broad, dtype=np.float32)


def overlap_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return the largest correlation coefficient over all whole-pixel shifts that overlap in half of the area.

    Parameters
    ----------
    first, second
        Shape (S, S).

    References
    ----------
    Lewis 1995, "Fast Normalized Cross-Correlation" (sums over overlaps from running sums).
    """
    side = first.shape[0]
    # Centring both first keeps the differences of large sums below small.
    a, b = (np.asarray(image, dtype=np.float64) - image.mean() for image in (first, second))
    size = fft.next_fast_len(2 * side - 1, real=True)
    spectrum = fft.rfft2(a, (size, size)) * np.conj(fft.rfft2(b, (size, size)))
    # Entry (i, j) belongs to the shift (i, j) - (side - 1): a[y + shift] lies on b[y].
    cross = np.roll(fft.irfft2(spectrum, (size, size)), (side - 1, side - 1), axis=(0, 1))
    cross = cross[: 2 * side - 1, : 2 * side - 1]
    lengths = side - np.abs(np.arange(1 - side, side))
    n = np.multiply.outer(lengths, lengths)
    sum_a, square_a = _overlap_sums(a), _overlap_sums(a**2)
    sum_b, square_b = (_overlap_sums(v)[::-1, ::-1] for v in (b, b**2))
    variance = np.maximum(square_a - sum_a**2 / n, 0) * np.maximum(square_b - sum_b**2 / n, 0)
    usable = (n >= _MIN_OVERLAP * side**2) & (variance > 1e-12 * np.square(a).sum() * np.square(b).sum())
    if not usable.any():
        return 0.0
    return float(((cross - sum_a * sum_b / n)[usable] / np.sqrt(variance[usable])).max())


def _overlap_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over the part of an image that a copy shifted by (i, j) - (S - 1) covers."""
    side = len(values)
    total = np.zeros((side + 1, side + 1))
    total[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    shift = np.arange(1 - side, side)
    low, high = np.maximum(0, shift), np.minimum(side, side + shift)
    corners = np.ix_(high, high), np.ix_(low, high), np.ix_(high, low), np.ix_(low, low)
    return np.asarray(total[corners[0]] - total[corners[1]] - total[corners[2]] + total[corners[3]])
