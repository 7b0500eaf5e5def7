"""Ellipses fitted to a galaxy at several isophotes: the features that Astronomaly looks for odd galaxies with."""

from __future__ import annotations

import numpy as np
import sep
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["N_FEATURES", "ellipse_features"]

# Percentiles of the galaxy's own pixels that the isophotes are drawn at, outermost first.
_PERCENTILES = (0, 20, 40, 60, 80, 90)
_SIGMA_DETECTED, _LEAST_PIXELS, _SMOOTHED_PX = 2.0, 5, 1.0
# A JPEG without noise has none to measure: half a grey level is the least.
_LEAST_RMS = 0.5
N_FEATURES = 4 * len(_PERCENTILES)


def ellipse_features(picture: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return misfit, offset, axis ratio and turn of the ellipse at every isophote, shape (24,).

    The galaxy is what `sep` detects at the centre of the grey picture; its neighbours are left out. At each percentile of its
    brightness the connected isophote around its peak gets the ellipse of the same second moments and area. *Misfit* is the
    area between isophote and ellipse in units of the isophote's; *offset* the distance of its centre from that of the outermost
    one, in units of that one's major axis; *turn* the angle between their major axes, 0 to 1 for 90 degrees.

    Parameters
    ----------
    picture
        Display values, shape (C, H, W).

    Returns
    -------
    NDArray
        NaN throughout where nothing is detected.

    References
    ----------
    Lochner & Bassett 2021, Astronomy and Computing 36, 100481, §3.2.1 (contours by OpenCV there, moments here).
    """
    grey = np.ascontiguousarray(picture.mean(axis=0), dtype=np.float64)
    galaxy = _central(grey)
    if galaxy is None:
        return np.full(N_FEATURES, np.nan)
    light = ndimage.gaussian_filter(np.where(galaxy, grey, grey[~galaxy].min(initial=0.0)), _SMOOTHED_PX)
    peak = np.unravel_index(np.argmax(np.where(galaxy, light, -np.inf)), light.shape)
    found = [
        _ellipse(_around(galaxy & (light >= level), peak))
        for level in np.percentile(light[galaxy], _PERCENTILES)
    ]
    _, outer_x, outer_y, outer_axis, _, outer_angle = found[0]
    told = []
    for misfit, x, y, major, minor, angle in found:
        turn = abs((angle - outer_angle + np.pi / 2) % np.pi - np.pi / 2) / (np.pi / 2)
        told += [misfit, np.hypot(x - outer_x, y - outer_y) / outer_axis, minor / major, turn]
    return np.asarray(told)


def _central(grey: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Return the pixels of the source nearest the centre."""
    background = sep.Background(grey)
    objects, segments = sep.extract(
        grey - background.back(),
        _SIGMA_DETECTED,
        err=max(background.globalrms, _LEAST_RMS),
        minarea=_LEAST_PIXELS,
        segmentation_map=True,
    )
    if not len(objects):
        return None
    height, width = grey.shape
    nearest = np.argmin(np.hypot(objects["x"] - (width - 1) / 2, objects["y"] - (height - 1) / 2))
    galaxy = segments == nearest + 1
    return galaxy if galaxy.sum() >= _LEAST_PIXELS else None


def _around(mask: NDArray[np.bool_], peak: tuple[np.intp, ...]) -> NDArray[np.bool_]:
    parts, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    return np.asarray(parts == parts[peak])


def _ellipse(mask: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return misfit, centre x and y, axes and angle of the ellipse with the mask's moments and area."""
    y, x = np.nonzero(mask)
    # A pixel is a square: 1/12 keeps a line of pixels from having no width.
    xx, yy, xy = x.var() + 1 / 12, y.var() + 1 / 12, ((x - x.mean()) * (y - y.mean())).mean()
    mean, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    major, minor, angle = np.sqrt(mean + half), np.sqrt(mean - half), np.arctan2(2 * xy, xx - yy) / 2
    # Semi-axes in the ratio of the moments that enclose the mask's area.
    scale = np.sqrt(len(x) / (np.pi * major * minor))
    rows, columns = np.indices(mask.shape)
    along = (columns - x.mean()) * np.cos(angle) + (rows - y.mean()) * np.sin(angle)
    across = (rows - y.mean()) * np.cos(angle) - (columns - x.mean()) * np.sin(angle)
    inside = (along / (scale * major)) ** 2 + (across / (scale * minor)) ** 2 <= 1
    misfit = float((inside != mask).sum() / len(x))
    return misfit, float(x.mean()), float(y.mean()), float(scale * major), float(scale * minor), float(angle)
