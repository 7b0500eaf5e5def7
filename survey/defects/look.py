"""A cutout prepared for its detectors: the bands that are there, their sky, their pixels in units of the noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.cutout import Cutout, FluxArray, MaskArray
from survey.medians import median, medians

__all__ = ["GAUSSIAN_MAD", "Look", "look_at"]

#: From the median absolute deviation to the standard deviation of a Gaussian.
GAUSSIAN_MAD = 1.4826
# The frame that counts as sky is a sixth of each side wide.
_FRAME = 6


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What detectors are given; C counts the bands that have a usable pixel.

    Attributes
    ----------
    names, missing
        Bands that are there and bands that are not.
    flux, good
        Pixels and which of them can be used, shape (C, H, W).
    sky, sigma
        Median and 1.4826 MAD of the frame's pixels, shape (C,).
    significance
        Light above the sky over the noise, 0 where unusable or without noise, float32, shape (C, H, W).
    is_display
        Whether these are counts of a picture.
    pixel_scale_arcsec
        None where it is unknown.
    """

    names: tuple[str, ...]
    missing: tuple[str, ...]
    flux: FluxArray
    good: MaskArray
    sky: NDArray[np.float64]
    sigma: NDArray[np.float64]
    significance: NDArray[np.float32]
    is_display: bool
    pixel_scale_arcsec: float | None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.flux.shape[1]), int(self.flux.shape[2])


def look_at(cutout: Cutout) -> Look:
    """Prepare a cutout; a band of nothing but zeros beside others counts as missing."""
    good = cutout.good()
    flux = cutout.flux
    present = np.asarray(good.any(axis=(1, 2)))
    filled = present & np.asarray(((flux != 0) & good).any(axis=(1, 2)))
    if filled.any():
        present = filled
    names = cutout.bands.names
    if not present.all():
        flux, good = flux[present], good[present]
    sky, sigma = _sky(flux, good)
    scale = np.where(sigma > 0, sigma, np.inf).astype(np.float32)[:, None, None]
    with np.errstate(invalid="ignore", over="ignore"):
        significance = np.asarray((flux - sky.astype(np.float32)[:, None, None]) / scale, dtype=np.float32)
    if not good.all():
        significance[~good] = 0
    there = present.tolist()
    return Look(
        names=tuple(name for name, has in zip(names, there, strict=True) if has),
        missing=tuple(name for name, has in zip(names, there, strict=True) if not has),
        flux=flux,
        good=good,
        sky=sky,
        sigma=sigma,
        significance=significance,
        is_display=cutout.bands.is_display,
        pixel_scale_arcsec=cutout.pixel_scale_arcsec,
    )


@lru_cache(maxsize=8)
def _frame(height: int, width: int) -> NDArray[np.bool_]:
    frame = np.ones((height, width), dtype=np.bool_)
    margin_y, margin_x = max(1, height // _FRAME), max(1, width // _FRAME)
    frame[margin_y : height - margin_y, margin_x : width - margin_x] = False
    return frame


def _sky(flux: FluxArray, good: MaskArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the level and the noise of each band's outer pixels, shape (C,)."""
    frame = _frame(*flux.shape[1:])
    if len(flux) and good.all():
        values = flux[:, frame]
        level = medians(values).astype(np.float64)
        return level, GAUSSIAN_MAD * medians(np.abs(values - level[:, None].astype(np.float32))).astype(
            np.float64
        )
    level, noise = np.zeros(len(flux)), np.zeros(len(flux))
    for n, (plane, use) in enumerate(zip(flux, good, strict=True)):
        # A target at the edge of the data may have no frame: then all there is.
        known: NDArray[Any] = plane[use & frame] if (use & frame).any() else plane[use]
        level[n] = median(known)
        noise[n] = GAUSSIAN_MAD * median(np.abs(known - level[n]))
    return level, noise
