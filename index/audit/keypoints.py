"""What pictures show around their brightest points, as short vectors that two views of one sky share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Keypoints", "Matches", "find_keypoints", "matches"]

# 12 points a picture: two views of 128 px that share an eighth of the frame still have one or two in common.
_POINTS, _APART_PX, _HALF_PX = 12, 5, 10
_SMOOTH_PX = 1.0
# Of the 441 numbers of a patch 48 principal axes, their spread made even but for the last hundredth: what all stars and
# all galactic nuclei have in common then counts no more than what tells two of them apart.
_AXES, _FLOOR = 48, 0.01
_SAMPLE = 50_000
# Real pairs reach 0.82 in 99 of 100 cases, two of a million strangers reach 0.75 (gz1_fixed51).
_ALIKE = 0.75
_TILE = (1024, 32_768)
# Of one tile: where thousands of pictures show one artefact, their pairs would fill the memory.
_MOST_A_TILE = 100_000
_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """Points of many pictures, by rising picture.

    Attributes
    ----------
    rows
        Picture of each point, int64, shape (n,).
    places
        (y, x) in pixels, int64, shape (n, 2).
    vectors
        Unit vectors, float32, shape (n, 48) or less.
    """

    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Two pictures and a shift that lays a point of one on a like point of the other.

    Attributes
    ----------
    rows
        The lower first, int64, shape (m, 2).
    shifts
        Place in the first less place in the second, (dy, dx), int64, shape (m, 2).
    """

    rows: NDArray[np.int64]
    shifts: NDArray[np.int64]


def find_keypoints(planes: NDArray[np.int8], *, progress: Callable[[int, int], None]) -> Keypoints:
    """Describe the brightest points of every picture.

    Parameters
    ----------
    planes
        Fine structure, shape (N, C, S, S).

    References
    ----------
    Lowe 2004, IJCV 60, 91, for matching images by points, with maxima of a difference of Gaussians; whitened principal
    axes of the patch in place of his histograms, as the pictures keep their scale and orientation.
    """
    half = min(_HALF_PX, planes.shape[-1] // 6)
    rows, places, patches = [], [], []
    for first in range(0, len(planes), _BATCH):
        # Bands are added: where one is noise, others still show the point.
        total = planes[first : first + _BATCH].mean(axis=1, dtype=np.float32)
        owner, y, x = _brightest(total, half)
        windows = np.lib.stride_tricks.sliding_window_view(total, (2 * half + 1,) * 2, axis=(1, 2))
        rows.append(owner + first)
        places.append(np.stack([y, x], axis=1))
        patches.append(windows[owner, y - half, x - half].reshape(len(owner), -1).astype(np.float16))
        progress(min(first + _BATCH, len(planes)), len(planes))
    return Keypoints(np.concatenate(rows), np.concatenate(places), _whitened(np.concatenate(patches)))


def matches(keypoints: Keypoints) -> Iterator[tuple[Matches, int, int]]:
    """Yield like points of different pictures, a block of points at a time, with how many points are done, of how many."""
    rows, places, vectors = keypoints.rows, keypoints.places, keypoints.vectors
    n = len(rows)
    for first in range(0, n, _TILE[0]):
        mine = vectors[first : first + _TILE[0]]
        found = []
        for start in range(first, n, _TILE[1]):
            alike = mine @ vectors[start : start + _TILE[1]].T
            at = np.flatnonzero(alike > _ALIKE)
            a, b = np.divmod(at, alike.shape[1])
            other = rows[a + first] < rows[b + start]
            at, a, b = at[other], a[other] + first, b[other] + start
            if len(at) > _MOST_A_TILE:
                best = np.argpartition(-alike.ravel()[at], _MOST_A_TILE)[:_MOST_A_TILE]
                a, b = a[best], b[best]
            found.append(np.column_stack([rows[a], rows[b], places[a] - places[b]]))
        unique = np.unique(np.concatenate(found), axis=0)
        yield Matches(unique[:, :2], unique[:, 2:]), min(first + _TILE[0], n), n


def _brightest(
    total: NDArray[np.float32], half: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return picture, y and x of the highest maxima whose patch lies inside."""
    smooth = ndimage.gaussian_filter(total, _SMOOTH_PX, axes=(1, 2))
    peak = smooth == ndimage.maximum_filter(smooth, size=_APART_PX, axes=(1, 2))
    height = np.where(peak, smooth, 0)
    side = total.shape[-1]
    inside = np.zeros((side, side), np.bool_)
    inside[half : side - half, half : side - half] = True
    flat = np.where(inside, height, 0).reshape(len(total), -1)
    n = min(_POINTS, flat.shape[1] - 1)
    top = np.argpartition(-flat, n, axis=1)[:, :n]
    owner, which = np.nonzero(np.take_along_axis(flat, top, axis=1) > 0)
    y, x = np.divmod(top[owner, which], side)
    return owner.astype(np.int64), y.astype(np.int64), x.astype(np.int64)


def _whitened(patches: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return patches on their principal axes, each axis divided by its spread, of norm 1."""
    step = max(1, len(patches) // _SAMPLE)
    sample = patches[::step].astype(np.float32)
    if not len(sample):
        return np.empty((0, 1), np.float32)
    middle = sample.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(sample.T, bias=True))
    spread, axes = spread[::-1][:_AXES], axes[:, ::-1][:, :_AXES]
    axes = (axes / np.sqrt(spread + _FLOOR * max(spread[0], 1e-12))).astype(np.float32)
    vectors = np.concatenate(
        [
            (patches[n : n + _SAMPLE].astype(np.float32) - middle) @ axes
            for n in range(0, len(patches), _SAMPLE)
        ]
    )
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
