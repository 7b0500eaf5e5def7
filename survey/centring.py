"""Pixels moved so that the galaxy lies exactly in the middle of a field: whole ones, or by a spline where they must."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

__all__ = ["KEPT_PX", "centre", "place_from", "rest", "start"]

#: A galaxy nearer than this to a whole pixel stays there. What a tenth of a pixel costs is in docs/decisions/0003.
KEPT_PX = 0.05
# Of orders 3, 4 and 5 the fifth leaves most of the noise as it was, and so an embedding (docs/decisions/0003).
_ORDER: Final = 5
# Weights of quintic splines fall by 0.43 a pixel: a millionth is left after this many.
_MARGIN_PX = 16
# Where a bad pixel has this share of a bilinear mean: everywhere on the pixel itself (a corner has a quarter).
_BAD_SHARE = 0.2499
_ROUNDING = 1e-6


def start(shape: tuple[int, ...], n_out: int, offset_px: tuple[float, float]) -> tuple[float, float]:
    """Return (y, x) of the output's first pixel, counted in the input's, when the target is in the output's middle.

    Parameters
    ----------
    shape
        (H, W) of the input.
    n_out
        Side of the output in pixels.
    offset_px
        (y, x) of the target from the input's middle.
    """
    y, x = ((n - n_out) / 2 + offset for n, offset in zip(shape, offset_px, strict=True))
    return y, x


def rest(first: tuple[float, float]) -> tuple[float, float]:
    """Return (y, x) of what whole pixels leave of a :func:`start`; (0, 0) if neither is above ``KEPT_PX``."""
    y, x = (at - _whole(at) for at in first)
    return (y, x) if max(abs(y), abs(x)) > KEPT_PX else (0.0, 0.0)


def _whole(at: float) -> int:
    return int(np.floor(at + 0.5))


def place_from(planes: NDArray[Any], n_out: int, first: tuple[float, float], fill: float) -> NDArray[Any]:
    """Cut a square of whole pixels that begins nearest to ``first``; beyond the planes is ``fill``."""
    out = np.full((planes.shape[0], n_out, n_out), fill, dtype=planes.dtype)
    spans = []
    for n_in, at in zip(planes.shape[1:], first, strict=True):
        low = _whole(at)
        begin, end = max(low, 0), min(low + n_out, n_in)
        if begin >= end:
            return out
        spans.append((slice(begin, end), slice(begin - low, end - low)))
    (y_in, y_out), (x_in, x_out) = spans
    out[:, y_out, x_out] = planes[:, y_in, x_in]
    return out


def centre(
    flux: NDArray[np.float32], masks: list[NDArray[np.bool_]], n_out: int, first: tuple[float, float]
) -> tuple[NDArray[np.float32], list[NDArray[np.bool_]], NDArray[np.bool_]]:
    """Sample pixels once, by quintic splines, on a square that begins at a fraction of a pixel.

    Splines conserve the flux (their weights add up to 1 everywhere) but for what lies across the edges.

    Parameters
    ----------
    flux
        Flux per pixel without holes (:func:`survey.resample.fill_holes`), shape (C, H, W).
    masks
        True where a pixel is good, each of shape (C, H, W).
    n_out, first
        Side of the output; (y, x) of its first pixel in the input.

    Returns
    -------
    flux, masks
        Shape (C, n_out, n_out). Good is what has three quarters of good pixels under it.
    covered
        True where at least half of the output pixel lies in the image, shape (n_out, n_out).
    """
    shape = flux.shape[1:]
    # A spline is fitted to all that it is given, and images are larger than fields.
    low = [min(max(0, _whole(at) - _MARGIN_PX), n - 1) for at, n in zip(first, shape, strict=True)]
    high = [
        max(begin + 1, min(n, _whole(at) + n_out + _MARGIN_PX))
        for at, n, begin in zip(first, shape, low, strict=True)
    ]
    window = (slice(low[0], high[0]), slice(low[1], high[1]))
    offset = np.subtract(first, low)

    def sampled(plane: NDArray[Any], order: Literal[1, 5]) -> NDArray[np.float64]:
        return np.asarray(
            affine_transform(
                plane[window].astype(np.float64),
                np.ones(2),
                offset=offset,
                output_shape=(n_out, n_out),
                order=order,
                mode="reflect",
            )
        )

    axes = [
        (at + np.arange(n_out) >= -0.5 - _ROUNDING) & (at + np.arange(n_out) <= n - 0.5 + _ROUNDING)
        for at, n in zip(first, shape, strict=True)
    ]
    covered = axes[0][:, None] & axes[1]
    moved = np.stack([np.where(covered, sampled(plane, _ORDER), 0) for plane in flux]).astype(np.float32)
    kept = [
        np.stack([covered & (sampled(~plane, 1) <= _BAD_SHARE) for plane in mask])
        if not mask.all()
        else np.broadcast_to(covered, moved.shape).copy()
        for mask in masks
    ]
    return moved, kept, covered
