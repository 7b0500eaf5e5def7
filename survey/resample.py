"""Bring an image to another pixel grid with its flux conserved."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from survey.centring import centre, place_from, rest, start

__all__ = ["fill_holes", "middle_shift", "overlap_matrix", "place", "regrid", "resample"]

# A hair above one half: an output pixel is covered by more than half, however sums are rounded.
_HALF = 0.5001


def overlap_matrix(
    *, n_in: int, n_out: int, scale_ratio: float, centre_in: float | None = None
) -> NDArray[np.float64]:
    """Return how much of each input pixel falls into each output pixel, along one axis.

    Both grids are centred on the same point: the middle of the output, ``centre_in`` of the input.

    Parameters
    ----------
    n_in, n_out
        Pixels along the axis.
    scale_ratio
        Output pixel size over input pixel size.
    centre_in
        Position of the common centre in input pixels (0 is the middle of the first pixel);
        default the middle, ``(n_in - 1) / 2``.

    Returns
    -------
    ndarray
        Shape (n_out, n_in); entry (o, i) is the share of input pixel i inside output pixel o, 0..1.
        A column sums to 1 where the input pixel lies wholly inside the output grid: flux is conserved.
    """
    centre = (n_in - 1) / 2 if centre_in is None else centre_in
    edges_in = np.arange(n_in + 1) - 0.5 - centre
    edges_out = (np.arange(n_out + 1) - n_out / 2) * scale_ratio
    low = np.maximum(edges_out[:-1, None], edges_in[None, :-1])
    high = np.minimum(edges_out[1:, None], edges_in[None, 1:])
    return np.asarray(np.clip(high - low, 0.0, None))


def resample(
    planes: NDArray[np.float32],
    *,
    n_out: int,
    scale_ratio: float = 1.0,
    centre_in: tuple[float, float] | None = None,
) -> NDArray[np.float32]:
    """Resample planes onto a centred square grid by exact pixel overlap.

    The image is taken as constant inside each input pixel, so the flux inside any output pixel is the
    exact integral and the total is conserved (first-order "drizzle" with full-size drops; Fruchter &
    Hook 2002, PASP 114, 144). Outside the input there is nothing: zeros.

    Parameters
    ----------
    planes
        Flux per pixel, shape (C, H, W).
    n_out
        Side of the output in pixels.
    scale_ratio
        Output pixel size over input pixel size.
    centre_in
        (y, x) of the common centre in input pixels; default the middle.

    Returns
    -------
    ndarray
        Shape (C, n_out, n_out), float32.
    """
    centre_y, centre_x = centre_in if centre_in is not None else (None, None)
    rows = overlap_matrix(n_in=planes.shape[1], n_out=n_out, scale_ratio=scale_ratio, centre_in=centre_y)
    columns = overlap_matrix(n_in=planes.shape[2], n_out=n_out, scale_ratio=scale_ratio, centre_in=centre_x)
    return np.asarray(rows @ planes.astype(np.float64) @ columns.T, dtype=np.float32)


def fill_holes(
    flux: NDArray[np.float32], good: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Replace unusable pixels by the mean of the usable ones in the 5 × 5 around them.

    A saturated core or a cosmic ray would otherwise be a pit of zeros in the middle of a galaxy.

    Parameters
    ----------
    flux, good
        Shape (C, H, W).

    Returns
    -------
    flux, usable
        Same shapes; ``flux`` is 0 where ``usable`` is False: pixels with no usable one near.
    """
    clean = np.where(good, flux, np.float32(0))
    if good.all():
        return clean, good
    near = uniform_filter(good.astype(np.float64), size=(0, 5, 5), mode="constant")
    mean = uniform_filter(clean.astype(np.float64), size=(0, 5, 5), mode="constant") / np.maximum(near, 0.01)
    # One usable pixel of the 25 weighs 0.04; less is rounding.
    usable = good | (near > 0.03)
    return np.where(good, clean, np.where(usable, mean, 0.0)).astype(np.float32), usable


def regrid(
    flux: NDArray[np.float32],
    usable: NDArray[np.bool_],
    good: NDArray[np.bool_],
    *,
    n_out: int,
    ratio: float,
    offset_px: tuple[float, float] = (0.0, 0.0),
    is_kept: bool = False,
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Bring flux per pixel to a square grid around the target, with what is known of it.

    Parameters
    ----------
    flux, usable
        As from :func:`fill_holes`, shape (C, H, W).
    good
        True where a pixel was observed, shape (C, H, W).
    n_out, ratio
        Side of the output; output pixel size over input pixel size. At 1, images are cut or padded without
        interpolation where whole pixels bring the target to the middle, else shifted once by splines
        (:mod:`survey.centring`).
    offset_px
        (y, x) of the target from the middle of the input.
    is_kept
        Keep pixels at a ratio of 1 whatever is left (:func:`place`): pictures are not interpolated.

    Returns
    -------
    flux
        Shape (C, n_out, n_out): sums over output pixels, scaled up where less than half of one is unknown, 0
        elsewhere.
    known
        True where more than half of the output pixel was observed, shape (C, n_out, n_out).
    covered
        True where more than half of the output pixel lies in the image, shape (n_out, n_out).
    """
    height, width = flux.shape[1:]
    inside = np.ones((1, height, width), dtype=np.bool_)
    if ratio == 1.0 and is_kept:
        return place(flux, n_out, 0), place(good, n_out, 0), place(inside, n_out, 0)[0]
    if ratio == 1.0:
        first = start((height, width), n_out, offset_px)
        if any(rest(first)):
            moved, (filled, known), covered = centre(flux, [usable, good], n_out, first)
            return np.where(filled, moved, np.float32(0)), known, covered
        cut, known, covers = (place_from(planes, n_out, first, 0) for planes in (flux, good, inside))
        return cut, known, covers[0]
    centre_in = (height - 1) / 2 + offset_px[0], (width - 1) / 2 + offset_px[1]

    def share(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        found = resample(mask.astype(np.float32), n_out=n_out, scale_ratio=ratio, centre_in=centre_in)
        return found / np.float32(ratio**2)

    weight = share(usable)
    total = resample(flux, n_out=n_out, scale_ratio=ratio, centre_in=centre_in)
    scaled = np.where(weight > _HALF, total / np.maximum(weight, _HALF), 0).astype(np.float32)
    return scaled, share(good) > _HALF, share(inside)[0] > _HALF


def place(planes: NDArray[Any], n_out: int, fill: float) -> NDArray[Any]:
    """Cut planes to a square about their middle, or surround them with ``fill``; no value is changed.

    Where the sides differ by an odd number the middles cannot meet and lie half a pixel apart
    (:func:`middle_shift`): a mean of neighbours would halve the noise and blur what a model looks at.
    """
    height, width = planes.shape[1:]
    out = np.full((planes.shape[0], n_out, n_out), fill, dtype=planes.dtype)
    y_out, y_in, n_y = _overlap(height, n_out)
    x_out, x_in, n_x = _overlap(width, n_out)
    out[:, y_out : y_out + n_y, x_out : x_out + n_x] = planes[:, y_in : y_in + n_y, x_in : x_in + n_x]
    return out


def middle_shift(n_in: int, n_out: int) -> float:
    """Return how far from the output's middle :func:`place` puts the input's along an axis: 0 or ±0.5 pixels."""
    y_out, y_in, _ = _overlap(n_in, n_out)
    return (n_in - 1) / 2 - y_in + y_out - (n_out - 1) / 2


def _overlap(n_in: int, n_out: int) -> tuple[int, int, int]:
    """Start in the output, start in the input, length of the common middle.

    Where they cannot meet, the input's middle lies below the output's, whichever is larger: a stamp that grew
    corners by being turned stays where it was.
    """
    return max(0, (n_out - n_in) // 2), max(0, (n_in - n_out + 1) // 2), min(n_in, n_out)
