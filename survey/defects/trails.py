"""Lines across the frame: satellites, aircraft and meteors that crossed while one band was exposed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from survey.defects.look import GAUSSIAN_MAD, Look
from survey.defects.verdict import Verdict
from survey.medians import medians

__all__ = ["trail"]

# A trail is a line across the frame with most of its pixels bright at both ends, far from the galaxy, and quiet
# sky on both sides. Of a noise line 2 % of the pixels exceed 2 sigma; neighbours cover one end, not two.
_SIGMA, _SHARE, _BESIDE, _ELSEWHERE, _GAP_PX = 2.0, 0.6, 0.3, 0.4, 8
# Where other bands tell that the line is in one of them alone, a bright neighbour may cover half of what is beside it.
_BESIDE_IN_ONE = 0.6
_ANGLES, _INNER, _MIN_SIDE, _MAX_SIDE = 60, 0.25, 24, 256
# In a picture it is light of one channel that the others do not have: sigma and counts that are not JPEG's chroma.
# Pictures show its wings too: the sky beside it is a tenth of a side away.
_PICTURE_SIGMA, _PICTURE_COUNTS, _PICTURE_GAP = 3.0, 15.0, 10
# A line is looked for where at least this share of the outer pixels is bright: a line one pixel wide has 1 %.
_MIN_BRIGHT = 0.005
# Of an end of a line, for it to count.
_MIN_USABLE = 0.5


def trail(look: Look) -> Iterator[Verdict]:
    """Look for the line with the most bright pixels at its poorer end, in each band."""
    if min(look.shape) < _MIN_SIDE:
        return
    bright = _bright(look)
    good = None if look.good.all() or bright.shape != look.good.shape else look.good
    gap = min(bright.shape[1:]) // _PICTURE_GAP if look.is_display else _GAP_PX
    beside = _BESIDE if look.is_display or len(look.names) == 1 else _BESIDE_IN_ONE
    found = _brightest_line(bright, good, gap=gap, beside=beside)
    # Bands are exposed one after the other: a line in more of them is a galaxy seen edge-on.
    if found.share >= _SHARE and (look.is_display or found.in_others < _ELSEWHERE):
        yield Verdict(
            "trail",
            "warning",
            f"A line across the image has {100 * found.share:.0f} % of its outer pixels bright in {look.names[found.band]}.",
        )


def _bright(look: Look) -> NDArray[np.bool_]:
    """Return the pixels that may belong to a trail, shape (C, H, W), no side above 256 px."""
    if not look.is_display or len(look.names) == 1:
        return np.asarray(_shrunk(look.significance) > _SIGMA)
    excess = np.stack(
        [plane - np.delete(look.flux, n, axis=0).max(axis=0) for n, plane in enumerate(look.flux)]
    )
    excess -= medians(excess.reshape(len(excess), -1))[:, None, None]
    noise = GAUSSIAN_MAD * medians(np.abs(excess).reshape(len(excess), -1))
    excess /= np.maximum(noise, _PICTURE_COUNTS / _PICTURE_SIGMA)[:, None, None]
    block = _block(excess)
    return np.asarray(_shrunk(excess) / block > _PICTURE_SIGMA)


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """The outer pixels of a frame, sorted into parallel lines at every angle.

    Attributes
    ----------
    outer
        Flat places of the pixels that count, shape (n,).
    lines
        Number of each pixel's line, ends apart, angle by angle, shape (n, A).
    weight
        One over the pixels of each end of each line, shape (A, 2, bins); 0 for ends too short to count.
    whole
        Lines of which both ends reach from the inner circle to the frame, shape (A, bins).
    """

    outer: NDArray[np.int64]
    lines: NDArray[np.int32]
    weight: NDArray[np.float32]
    whole: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Line:
    """The line most like a trail: its band, its share of bright pixels there and the largest in another band."""

    band: int
    share: float
    in_others: float


def _brightest_line(
    bright: NDArray[np.bool_], good: NDArray[np.bool_] | None, *, gap: int, beside: float
) -> _Line:
    """Return the line with the largest share of bright pixels at its poorer end among those with quiet parallels."""
    n_bands, height, width = bright.shape
    frame = _lines(height, width)
    half = frame.whole.shape[1] // 2
    # With one band alone a line through the middle may be the galaxy, seen edge-on.
    off_centre = np.abs(np.arange(2 * half + 1) - half) > (min(height, width) / 8 if n_bands == 1 else -1)
    able = (frame.whole & off_centre)[:, gap:-gap]
    shares = np.zeros((n_bands, *able.shape), np.float32)
    best = (0, 0.0, 0)
    for band, plane in enumerate(bright.reshape(n_bands, -1)):
        # Few pixels are bright: only these are counted.
        lit = np.flatnonzero(plane[frame.outer])
        if len(lit) < _MIN_BRIGHT * len(frame.outer):
            continue
        weight = frame.weight if good is None else _weight(frame, good[band])
        found = np.bincount(frame.lines[lit].ravel(), minlength=weight.size)
        ends = found.reshape(weight.shape).astype(np.float32) * weight
        share = np.minimum(ends[:, 0], ends[:, 1])[:, gap:-gap]
        shares[band] = share
        crossing = able & (share >= _SHARE)
        if not crossing.any():
            continue
        larger = np.maximum(ends[:, 0], ends[:, 1])
        crossing &= (larger[:, : -2 * gap] < beside) & (larger[:, 2 * gap :] < beside)
        at = int(np.argmax(np.where(crossing, share, 0)))
        if crossing.ravel()[at] and share.ravel()[at] > best[1]:
            best = (band, float(share.ravel()[at]), at)
    band, share_there, at = best
    others = np.delete(shares.reshape(n_bands, -1)[:, at], band)
    return _Line(band, share_there, float(others.max(initial=0.0)))


@lru_cache(maxsize=2)
def _lines(height: int, width: int) -> _Lines:
    y, x = np.mgrid[:height, :width].astype(np.float64)
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    outer = np.hypot(x, y) > _INNER * min(height, width)
    x, y = x[outer], y[outer]
    half = int(np.hypot(height, width) / 2) + 1
    bins = 2 * half + 1
    lines = np.empty((len(x), _ANGLES), dtype=np.int32)
    for n in range(_ANGLES):
        angle = n * np.pi / _ANGLES
        offset = np.rint(x * np.cos(angle) + y * np.sin(angle)).astype(np.int64) + half
        lines[:, n] = offset + bins * (y * np.cos(angle) > x * np.sin(angle)) + 2 * bins * n
    lengths = np.bincount(lines.ravel(), minlength=2 * bins * _ANGLES).reshape(_ANGLES, 2, bins)
    whole = np.asarray((lengths >= 0.8 * (0.5 - _INNER) * min(height, width)).all(axis=1))
    weight = (1 / np.maximum(lengths, 1)).astype(np.float32)
    return _Lines(np.flatnonzero(outer.ravel()), lines, weight, whole)


def _weight(frame: _Lines, good: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return one over the usable pixels of each end of each line; 0 where these are fewer than half."""
    usable = np.flatnonzero(good.ravel()[frame.outer])
    lengths = np.bincount(frame.lines[usable].ravel(), minlength=frame.weight.size).reshape(
        frame.weight.shape
    )
    enough = lengths * frame.weight >= _MIN_USABLE
    return np.where(enough, 1 / np.maximum(lengths, 1), 0).astype(np.float32)


def _block(planes: NDArray[np.float32]) -> int:
    return -(-max(int(side) for side in planes.shape[1:]) // _MAX_SIDE)


def _shrunk(significance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return sums of square blocks over their noise, so that no side exceeds 256 px: a line stays as significant."""
    block = _block(significance)
    if block == 1:
        return significance
    height, width = significance.shape[1:]
    rows, columns = height // block, width // block
    blocks = significance[:, : rows * block, : columns * block].reshape(-1, rows, block, columns, block)
    return np.asarray(blocks.sum(axis=(2, 4)) / block)
