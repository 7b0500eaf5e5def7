"""Find images of one patch of sky among all pairs of two sets of one scale, whatever their ids say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from survey.overlaps import fine_structure, overlap_correlation

__all__ = [
    "best_pairs",
    "crossed_by_trail",
    "fine_correlation",
    "phase_peaks",
    "standardised",
]

# Waves over the image's side that phase correlation compares: 2 to 16, that is structure of 8 to 64 of 128 px.
_LOWEST, _HIGHEST = 2, 16
# Side of the grid that peaks are read from: 2.5 steps per shortest wave, so that half a step loses at most 0.4 of a peak.
_GRID = 40
_BATCH = 512


def fine_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return the largest correlation of the fine structure over all shifts that overlap by half; grey, shape (S, S)."""
    return overlap_correlation(fine_structure(first), fine_structure(second))


def phase_peaks(
    queries: NDArray[np.floating],
    targets: NDArray[np.floating],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Return the height of each pair's phase correlation: near 1 for one image, near 0.1 for two.

    Parameters
    ----------
    queries, targets
        Grey counts in one orientation and scale, shapes (N, S, S) and (M, S, S), S a multiple of 64.

    Returns
    -------
    NDArray
        Shape (N, M).

    References
    ----------
    Kuglin & Hines 1975, Proc. IEEE Conf. on Cybernetics and Society, p. 163 (phase correlation); here on the band of
    waves that two renderings of one sky share.
    """
    mine, theirs = _phases(queries), _phases(targets)
    norm = _GRID**2 / (2 * np.count_nonzero(_band()))
    peaks = np.empty((len(mine), len(theirs)), np.float32)
    for row, spectrum in enumerate(np.conj(mine)):
        for first in range(0, len(theirs), _BATCH):
            part = slice(first, first + _BATCH)
            waves = fft.irfft2(spectrum * theirs[part], (_GRID, _GRID))
            peaks[row, part] = waves.max(axis=(1, 2)) * norm
        if progress is not None:
            progress(row + 1, len(mine))
    return peaks


def standardised(peaks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how far each peak stands out from those of its query and of its target, robust standard deviations.

    Images of a few strong edges (a saturated star, the rim of a frame) correlate with everything; this takes it off.
    """
    rows, columns = np.median(peaks, axis=1, keepdims=True), np.median(peaks, axis=0, keepdims=True)
    excess = peaks - (rows + columns - np.median(peaks))
    spread = np.abs(excess)
    scale = np.sqrt(np.median(spread, axis=1, keepdims=True) * np.median(spread, axis=0, keepdims=True))
    # 1.4826 takes the median absolute deviation to the standard deviation of a Gaussian.
    return np.asarray(excess / np.maximum(1.4826 * scale, 1e-9), dtype=np.float64)


def best_pairs(scores: NDArray[np.floating], n: int) -> list[tuple[int, int]]:
    """Return the (row, column) of the n largest scores, largest first."""
    flat = scores.ravel()
    n = min(n, flat.size)
    chosen = np.argpartition(-flat, n - 1)[:n]
    chosen = chosen[np.argsort(-flat[chosen], kind="stable")]
    return [(int(at) // scores.shape[1], int(at) % scores.shape[1]) for at in chosen]


def crossed_by_trail(images: NDArray[np.uint8], *, share: float = 0.01) -> NDArray[np.bool_]:
    """Return which images a satellite crossed while one band was exposed: pure green in SDSS colours, g being green.

    Parameters
    ----------
    images
        Colour, shape (N, S, S, 3).
    share
        Least share of such pixels.
    """
    red, green, blue = (images[..., plane] for plane in range(3))
    return np.asarray(((green > 150) & (red < 140) & (blue < 90)).mean(axis=(1, 2)) > share)


def _band() -> NDArray[np.bool_]:
    """Return the waves compared, shape (2 H, H + 1); those along an axis carry the image's rim and are left out."""
    down = np.r_[0:_HIGHEST, -_HIGHEST:0]
    across = np.arange(_HIGHEST + 1)
    number = np.hypot(down[:, None], across[None, :])
    return np.asarray(
        (number >= _LOWEST) & (number <= _HIGHEST) & (down[:, None] != 0) & (across[None, :] != 0)
    )


def _phases(grey: NDArray[np.floating]) -> NDArray[np.complex64]:
    """Return unit phases on the band, laid out for a transform to the grid, shape (N, G, G // 2 + 1)."""
    step = grey.shape[1] // 64
    root = (
        np.sqrt(np.maximum(grey, 0))
        .astype(np.float32)
        .reshape(len(grey), 64, step, 64, step)
        .mean(axis=(2, 4))
    )
    rim = np.sqrt(np.hanning(66)[1:-1]).astype(np.float32)
    waves = fft.fft2((root - root.mean(axis=(1, 2), keepdims=True)) * np.multiply.outer(rim, rim))
    waves = waves[:, np.r_[0:_HIGHEST, 64 - _HIGHEST : 64]][:, :, : _HIGHEST + 1]
    size = np.abs(waves)
    # A thousandth of the largest wave keeps waves without content from voting.
    waves = np.where(_band(), waves / np.maximum(size + 1e-3 * size.max(axis=(1, 2), keepdims=True), 1e-9), 0)
    spread = np.zeros((len(grey), _GRID, _GRID // 2 + 1), np.complex64)
    spread[:, :_HIGHEST, : _HIGHEST + 1] = waves[:, :_HIGHEST]
    spread[:, -_HIGHEST:, : _HIGHEST + 1] = waves[:, -_HIGHEST:]
    return spread
