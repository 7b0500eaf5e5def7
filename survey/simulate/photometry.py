"""Forced photometry on the pixels: one profile measured in r, its amplitude fitted in every band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from survey.simulate.optics import ELECTRONS_PER_NMGY, Observation
from survey.simulate.recipe import PIXEL_SCALE

__all__ = ["Photometry", "measure"]

_R = 2
# All bands are brought to this seeing, the worst of the grid, so that colours compare the same aperture.
_COMMON_FWHM = 1.65
_PETROSIAN_RATIO = 0.2
_PETROSIAN_EXTENT = 2.0
_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Photometry:
    """What was measured on one object's pixels.

    Attributes
    ----------
    flux, ivar
        Nanomaggies, not de-reddened, and inverse variance, shape (5,); NaN and 0 in a missing band, and in
        all of them if nothing shines at the centre.
    r50_arcsec
        Circular half-light radius of the r model, seeing included.
    """

    flux: _Array
    ivar: _Array
    r50_arcsec: float


def measure(image: NDArray[np.float32], observation: Observation) -> Photometry:
    """Measure the object at the centre of a field.

    As with SDSS model magnitudes the shape comes from r and only the amplitude is free in other bands.
    The shape is not a fitted law but the median profile in elliptical annuli out to two Petrosian radii,
    which neighbours and spiral arms leave alone.

    Parameters
    ----------
    image
        Nanomaggy per pixel, shape (5, F, F), ugriz.
    """
    pixels = np.asarray(image, dtype=np.float64)
    blurs = np.sqrt(np.maximum(_COMMON_FWHM**2 - observation.fwhm**2, 0)) / 2.3548 / PIXEL_SCALE
    reference = gaussian_filter(pixels[_R], blurs[_R], mode="nearest")
    radius = _elliptical_radius(reference)
    model = _profile_model(reference, radius)
    good = _unblended(reference, model, observation.sky_sigma[_R])
    flux, ivar = np.full(5, np.nan), np.zeros(5)
    if not (model * good).any():
        return Photometry(flux, ivar, float("nan"))
    for band in np.flatnonzero(np.isfinite(pixels).all(axis=(1, 2))):
        # Sum of model times blurred image = sum of blurred model times image, whose noise is white.
        weight = gaussian_filter(model * good, blurs[band], mode="constant")
        scale = model.sum() / (model**2 * good).sum()
        variance = observation.sky_sigma[band] ** 2 + np.maximum(pixels[band], 0) / ELECTRONS_PER_NMGY[band]
        flux[band] = scale * (weight * pixels[band]).sum()
        ivar[band] = 1 / (scale**2 * (weight**2 * variance).sum())
    return Photometry(flux, ivar, _half_light_radius(model))


def _offsets(side: int) -> tuple[_Array, _Array]:
    axis = np.asarray(np.arange(side) - (side - 1) / 2, dtype=np.float64)
    return axis[None, :], axis[:, None]


def _elliptical_radius(image: _Array) -> _Array:
    """Return the radius in pixels along the major axis of the image's own ellipse, from weighted moments."""
    x, y = _offsets(image.shape[0])
    x0 = y0 = 0.0
    width = 4.0
    matrix = np.eye(2)
    for _ in range(4):
        weight = np.maximum(image, 0) * np.exp(-0.5 * ((x - x0) ** 2 + (y - y0) ** 2) / width**2)
        total = weight.sum()
        if total <= 0:
            break
        dx, dy = x - x0, y - y0
        matrix = (
            np.array([[(weight * dx**2).sum(), (weight * dx * dy).sum()], [0, (weight * dy**2).sum()]])
            / total
        )
        matrix[1, 0] = matrix[0, 1]
        x0, y0 = (np.clip(v, -3, 3) for v in ((weight * x).sum() / total, (weight * y).sum() / total))
        # A weight twice as wide as the light within it keeps the outskirts' noise out.
        width = float(np.clip(1.5 * np.sqrt(np.trace(matrix)), 3.0, 12.0))
    # The round weight hides part of the flattening: take it out again (Gaussian algebra).
    values, axes = np.linalg.eigh(matrix)
    values = 1 / np.maximum(1 / np.maximum(values, 1e-3) - 1 / width**2, 1e-3)
    ratio = float(np.clip(np.sqrt(values[0] / values[1]), 0.15, 1.0))
    major = axes[0, 1] * (x - x0) + axes[1, 1] * (y - y0)
    minor = axes[0, 0] * (x - x0) + axes[1, 0] * (y - y0)
    return np.asarray(np.hypot(major, minor / ratio))


def _profile_model(image: _Array, radius: _Array) -> _Array:
    """Return the median profile in annuli one pixel wide, drawn again as an image and cut at 2 r_P."""
    annulus = radius.astype(np.int64).ravel()
    order = np.lexsort((image.ravel(), annulus))
    # Sorted by annulus and brightness within it: the medians lie in the middle of each run.
    starts = np.searchsorted(annulus[order], np.arange(image.shape[0] // 2 + 1))
    counts = np.diff(starts)
    filled = counts > 0
    middles = (starts[:-1] + counts // 2)[filled]
    at, counts = np.flatnonzero(filled) + 0.5, counts[filled]
    level = np.maximum(np.minimum.accumulate(image.ravel()[order[middles]]), 0)
    mean_inside = np.cumsum(level * counts) / np.cumsum(counts)
    below = np.flatnonzero(level < _PETROSIAN_RATIO * mean_inside)
    petrosian = at[below[0]] if len(below) else at[-1]
    model = np.interp(radius, at, level)
    return np.where(radius <= _PETROSIAN_EXTENT * petrosian, model, 0.0)


def _unblended(image: _Array, model: _Array, sigma: float) -> NDArray[np.bool_]:
    """Return False where another source outshines the model by far."""
    return np.asarray(image - model < 5 * sigma + 1.5 * model)


def _half_light_radius(model: _Array) -> float:
    x, y = _offsets(model.shape[0])
    radius, half = np.hypot(x, y), 0.5 * model.sum()
    low, high = 0.0, model.shape[0] / np.sqrt(2)
    while high - low > 0.01:
        middle = (low + high) / 2
        # A pixel across the edge of the aperture counts by the part that lies inside.
        is_short = (model * np.clip(middle - radius + 0.5, 0, 1)).sum() < half
        low, high = (middle, high) if is_short else (low, middle)
    return float((low + high) / 2 * PIXEL_SCALE)
