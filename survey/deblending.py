"""Sources in an image, parted where light falls between two peaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["DETECT_SIGMA", "part_sources"]

#: Pixels below it are sky.
DETECT_SIGMA = 3.0
# A peak is a source of its own if it stands this far above the saddle to a brighter one: in noise, and as a share of its
# height. Knots and bars of galaxies stand out by less than stars and companions do.
_PROMINENT_SIGMA, _PROMINENT_SHARE = 6.0, 0.65
_PEAK_PX = 2
_STEPS = [
    (dy, dx)
    for dy in range(-_PEAK_PX, _PEAK_PX + 1)
    for dx in range(-_PEAK_PX, _PEAK_PX + 1)
    if (dy, dx) != (0, 0)
]


def part_sources(smooth: NDArray[np.float32]) -> NDArray[np.int64]:
    """Give each pixel the number of its source, 0 for sky.

    Every pixel above three sigma belongs to the peak that one reaches from it uphill, and peaks that hardly stand above the
    saddle to a higher one are parts of that.

    Parameters
    ----------
    smooth
        Smoothed light in units of its noise, shape (H, W).
    """
    at = np.flatnonzero(smooth > DETECT_SIGMA)
    if not len(at):
        return np.zeros(smooth.shape, np.int64)
    tops, number = np.unique(_uphill(smooth, at), return_inverse=True)
    numbered = np.zeros(smooth.size, np.int64)
    numbered[at] = number + 1
    return _merged(smooth, numbered.reshape(smooth.shape), np.concatenate([[0.0], smooth.ravel()[tops]]))


def _uphill(smooth: NDArray[np.float32], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the flat place of the peak that each of some pixels leads to, by its highest neighbour within 2 px."""
    width = smooth.shape[1] + 2 * _PEAK_PX
    padded = np.pad(smooth, _PEAK_PX, constant_values=-np.inf).ravel()
    here = at + (at // smooth.shape[1]) * 2 * _PEAK_PX + _PEAK_PX * width + _PEAK_PX
    around = np.array([0, *(dy * width + dx for dy, dx in _STEPS)])
    best = padded[here[:, None] + around].argmax(axis=1)
    onward = np.arange(padded.size)
    onward[here] = here + around[best]
    while True:
        further = onward[onward[here]]
        if np.array_equal(further, onward[here]):
            break
        onward[here] = further
    row, column = np.divmod(onward[here], width)
    return np.asarray((row - _PEAK_PX) * smooth.shape[1] + column - _PEAK_PX)


def _merged(
    smooth: NDArray[np.float32], numbered: NDArray[np.int64], heights: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Join peaks that hardly stand out to the higher neighbour they are joined with highest; sky takes the faint rest."""
    saddles = _saddles(smooth, numbered)
    into = np.arange(len(heights))
    for number in np.argsort(heights, kind="stable").tolist():
        if number == 0:
            continue
        height = float(heights[number])
        around = saddles.pop(number, {})
        higher = {other: saddle for other, saddle in around.items() if heights[other] >= height}
        parent, saddle = max(higher.items(), key=lambda one: one[1], default=(0, 0.0))
        if height - saddle >= max(_PROMINENT_SIGMA, _PROMINENT_SHARE * height):
            continue
        into[number] = parent
        for other, level in around.items():
            beside = saddles.get(other)
            if beside is None or other == parent:
                continue
            beside.pop(number, None)
            if parent:
                beside[parent] = max(beside.get(parent, 0.0), level)
                saddles[parent][other] = max(saddles[parent].get(other, 0.0), level)
        if parent in saddles:
            saddles[parent].pop(number, None)
    # A peak is joined to a higher one, which may be joined in turn.
    for number in np.argsort(-heights, kind="stable").tolist():
        into[number] = into[into[number]]
    return np.asarray(into[numbered])


def _saddles(smooth: NDArray[np.float32], numbered: NDArray[np.int64]) -> dict[int, dict[int, float]]:
    """Return the height of the pass between each two sources that touch, by either number."""
    n = int(numbered.max()) + 1
    keys, levels = [], []
    whole = slice(None)
    for a, b in (
        ((whole, slice(1, None)), (whole, slice(None, -1))),
        ((slice(1, None), whole), (slice(None, -1), whole)),
        ((slice(1, None), slice(1, None)), (slice(None, -1), slice(None, -1))),
        ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))),
    ):
        one, two = numbered[a], numbered[b]
        touching = (one != two) & (one > 0) & (two > 0)
        keys.append((np.minimum(one, two) * n + np.maximum(one, two))[touching])
        levels.append(np.minimum(smooth[a], smooth[b])[touching])
    found: dict[int, dict[int, float]] = {number: {} for number in range(1, n)}
    for key, level in zip(np.concatenate(keys).tolist(), np.concatenate(levels).tolist(), strict=True):
        one, two = divmod(key, n)
        if level > found[one].get(two, 0.0):
            found[one][two] = found[two][one] = level
    return found
