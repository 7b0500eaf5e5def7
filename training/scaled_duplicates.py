"""Find images of one galaxy in two sets whose scales differ from image to image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from survey.overlaps import fine_structure, overlap_correlation
from training.near_duplicates import best_pairs

__all__ = ["Candidate", "LogPolar", "bright_centres", "describe", "likeness", "scaled_candidates"]

# Radii in steps of 5 % from 1.5 px to the rim of 128 px, 24 directions.
_STEP, _FIRST_PX, _DIRECTIONS = 0.05, 1.5, 24
_SIDE = 128
_MIDDLE = (_SIDE - 1) / 2
_RADII = _FIRST_PX * np.exp(_STEP * np.arange(int(np.log(62 / _FIRST_PX) / _STEP) + 1))
_ANGLES = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
# Samples are this share of their radius wide, taken from the nearest of these Gaussians.
_WIDTH, _BLURS = 0.08, (0.5, 1.0, 2.0, 4.0)
# Scales from exp(-1) to exp(0.7) times the other's.
_SHIFTS = range(-20, 15)
# Fewer common rings than this show too little of the sky; fewer than the second are trusted less.
_FEWEST_RINGS, _ENOUGH_RINGS = 35, 45
# A galaxy without edges in a ring must not have its noise blown up: root counts.
_FAINTEST = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class LogPolar:
    """Images around a centre each.

    Attributes
    ----------
    values
        Even in strength from ring to ring, float32, shape (N, rings, directions); 0 outside of the image.
    n_rings
        Rings inside the image, shape (N,).
    """

    values: NDArray[np.float32]
    n_rings: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair that may show one galaxy.

    Attributes
    ----------
    query, target
        Rows; the query's is one of ``LogPolar``.
    score
        Correlation of the log-polar images.
    scale
        Pixels of the query per pixel of the target.
    """

    query: int
    target: int
    score: float
    scale: float


def bright_centres(
    grey: NDArray[np.floating], most: int = 3, reach: float = 34.0
) -> list[tuple[float, float]]:
    """Return the image's middle and its brightest other peaks within reach of it, (row, column) in pixels.

    A neighbour of the galaxy may be what the other set is centred on.
    """
    root = ndimage.gaussian_filter(np.sqrt(np.maximum(grey, 0)), 1.5)
    peak = (root == ndimage.maximum_filter(root, 9)) & (root > np.median(root) + 2)
    rows, columns = np.nonzero(peak)
    away = np.hypot(rows - _MIDDLE, columns - _MIDDLE)
    kept = (away > 4) & (away < reach)
    rows, columns = rows[kept], columns[kept]
    order = np.argsort(-root[rows, columns])[: most - 1]
    return [(_MIDDLE, _MIDDLE), *((float(rows[n]), float(columns[n])) for n in order)]


def describe(grey: NDArray[np.floating], centres: Sequence[tuple[float, float]]) -> LogPolar:
    """Sample one image around some centres so that a change of scale is a shift along the rings.

    Of each ring the mean and the second harmonic go (a smooth galaxy is little else), of each direction a running mean;
    what is left is made equally strong everywhere.

    Parameters
    ----------
    grey
        Counts, shape (128, 128).

    References
    ----------
    Reddy & Chatterji 1996, IEEE Trans. Image Processing 5, 1266, use the same coordinates on the amplitudes of the
    Fourier transform; here a galaxy's centre is known, so that the image itself serves.
    """
    root = np.sqrt(np.maximum(grey, 0)).astype(np.float32)
    levels = np.clip(np.searchsorted(_BLURS, _RADII * _WIDTH), 0, len(_BLURS) - 1)
    blurred = [ndimage.gaussian_filter(root, sigma) for sigma in _BLURS]
    values = np.empty((len(centres), len(_RADII), _DIRECTIONS), np.float32)
    n_rings = np.empty(len(centres), np.int64)
    for at, (row, column) in enumerate(centres):
        for level, image in enumerate(blurred):
            radii = _RADII[levels == level, None]
            where = [row + radii * np.sin(_ANGLES), column + radii * np.cos(_ANGLES)]
            values[at, levels == level] = ndimage.map_coordinates(image, where, order=1, mode="nearest")
        inside = min(row, column, _SIDE - 1 - row, _SIDE - 1 - column)
        n_rings[at] = np.count_nonzero(inside >= _RADII)
    harmonics = np.fft.rfft(values, axis=-1)
    harmonics[..., [0, 2]] = 0
    values = np.fft.irfft(harmonics, _DIRECTIONS, axis=-1).astype(np.float32)
    values -= ndimage.uniform_filter1d(values, 15, axis=-2)
    strength = np.sqrt(np.square(values).mean(axis=-1, keepdims=True))
    values /= ndimage.uniform_filter1d(strength, 7, axis=-2) + _FAINTEST
    values[np.arange(len(_RADII)) >= n_rings[:, None]] = 0
    return LogPolar(values, n_rings)


def scaled_candidates(
    queries: LogPolar,
    targets: LogPolar,
    *,
    n: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Candidate]:
    """Return the n pairs that correlate best at any scale, best first.

    Parameters
    ----------
    targets
        All with the same number of rings: around the middle.
    """
    best = np.full((len(queries.values), len(targets.values)), -1, np.float32)
    which = np.zeros(best.shape, np.int8)
    rings = int(targets.n_rings.min())
    energy = np.square(targets.values).sum(axis=2).cumsum(axis=1).T
    energy = np.vstack([np.zeros_like(energy[:1]), energy])
    for done, shift in enumerate(_SHIFTS, start=1):
        low, high = max(0, -shift), min(rings, rings - shift)
        mine = queries.values[:, low + shift : high + shift].reshape(len(best), -1)
        theirs = targets.values[:, low:high].reshape(best.shape[1], -1)
        top = np.clip(np.minimum(high, queries.n_rings - shift), low, None)
        common = top - low
        norm = np.sqrt((energy[top] - energy[low]) * np.square(mine).sum(axis=1)[:, None] + 1e-6)
        score = mine @ theirs.T / norm
        score *= np.minimum(1, np.sqrt(common / _ENOUGH_RINGS))[:, None]
        score[common < _FEWEST_RINGS] = -1
        better = score > best
        best[better] = score[better]
        which[better] = shift
        if progress is not None:
            progress(done, len(_SHIFTS))
    return [
        Candidate(q, t, float(best[q, t]), float(np.exp(_STEP * which[q, t]))) for q, t in best_pairs(best, n)
    ]


def likeness(
    query: NDArray[np.floating], target: NDArray[np.floating], centre: tuple[float, float], scale: float
) -> tuple[float, float]:
    """Return the correlation of the fine structure and of the images, at the best scale within 6 % of the one given.

    Both are brought to the coarser of their grids; any shift that overlaps by half counts.

    Parameters
    ----------
    query, target
        Grey counts, shape (128, 128).
    centre
        Where the target's middle lies in the query, (row, column).
    scale
        Pixels of the query per pixel of the target.
    """
    best = (-1.0, -1.0)
    for change in np.arange(-4, 5) * 0.015:
        pair = _common_grid(query, target, centre, scale * float(np.exp(change)))
        if pair[0].shape[0] < 24:
            continue
        fine = overlap_correlation(*(fine_structure(image) for image in pair))
        if fine > best[0]:
            best = (fine, overlap_correlation(*(np.sqrt(image) for image in pair)))
    return best


def _common_grid(
    query: NDArray[np.floating], target: NDArray[np.floating], centre: tuple[float, float], scale: float
) -> list[NDArray[np.float64]]:
    step = max(1.0, scale)
    inside = min(*centre, *(_SIDE - 1 - at for at in centre))
    half = int(min(inside / step, (_MIDDLE - 0.5) * scale / step))
    grid = (np.arange(2 * half) - half + 0.5) * step
    pair = []
    for image, (row, column), size in (
        (query, centre, 1.0),
        (target, (_MIDDLE, _MIDDLE), 1 / scale),
    ):
        wide = size * step
        # A pixel that stands for several takes their Gaussian mean.
        smooth = ndimage.gaussian_filter(np.asarray(image, float), 0.45 * wide) if wide > 1.05 else image
        where = np.meshgrid(row + grid * size, column + grid * size, indexing="ij")
        pair.append(np.maximum(ndimage.map_coordinates(smooth, where, order=1, mode="nearest"), 0))
    return pair
