"""The peaks of redshift distributions: how many, and how much the second one holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks, peak_prominences

__all__ = ["Peaks", "find"]

# A peak counts from this share of the highest one on, and where p(z) falls to half its height before it rises to a
# higher one: what is closer together astronomers would not tell apart, and smaller is noise of the estimate.
_MIN_HEIGHT, _MIN_PROMINENCE = 0.05, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Peaks of Q distributions, each of shape (Q,).

    Attributes
    ----------
    n
        Peaks of at least 5 % of the highest one's height, between which p(z) falls to half the lower one's.
    second
        Bin of the second highest; -1 with a single one.
    second_area
        Probability between the lowest bins on both sides of the second one; NaN with a single one.
    """

    n: NDArray[np.int32]
    second: NDArray[np.int64]
    second_area: NDArray[np.float64]


def find(probability: NDArray[np.float64]) -> Peaks:
    """Find the peaks of bin probabilities of shape (Q, B)."""
    n = np.ones(len(probability), np.int32)
    second = np.full(len(probability), -1, np.int64)
    area = np.full(len(probability), np.nan)
    # Outside the grid nothing is probable, so that a peak in an outermost bin is one.
    padded = np.pad(probability, ((0, 0), (1, 1)))
    # Two peaks have a valley between them: a bin of at most half the height that is reached on both of its sides.
    rising, falling = (np.maximum.accumulate(side, axis=1) for side in (padded, padded[:, ::-1]))
    both = np.minimum(rising, falling[:, ::-1])
    floor = _MIN_HEIGHT * padded.max(axis=1, keepdims=True)
    valley = (padded <= (1 - _MIN_PROMINENCE) * both) & (both >= floor)
    for row in np.flatnonzero(valley.any(axis=1)):
        peaks = _of_one(padded[row])
        n[row] = len(peaks)
        if len(peaks) > 1:
            ranked = peaks[np.argsort(-padded[row, peaks], kind="stable")]
            second[row], area[row] = ranked[1] - 1, _area(padded[row], peaks, int(ranked[1]))
    return Peaks(n, second, area)


def _of_one(padded: NDArray[np.float64]) -> NDArray[np.int64]:
    peaks, _ = find_peaks(padded, height=_MIN_HEIGHT * padded.max())
    prominence, _, _ = peak_prominences(padded, peaks)
    return np.asarray(peaks[prominence >= _MIN_PROMINENCE * padded[peaks]], dtype=np.int64)


def _area(padded: NDArray[np.float64], peaks: NDArray[np.int64], peak: int) -> float:
    """Sum from valley to valley; the lowest bin of a valley counts half to either side."""
    total = float(padded.sum())
    lower, upper = peaks[peaks < peak], peaks[peaks > peak]
    if len(lower):
        valley = lower[-1] + int(padded[lower[-1] : peak].argmin())
        total -= float(padded[:valley].sum() + padded[valley] / 2)
    if len(upper):
        valley = peak + int(padded[peak : upper[0]].argmin())
        total -= float(padded[valley + 1 :].sum() + padded[valley] / 2)
    return total
