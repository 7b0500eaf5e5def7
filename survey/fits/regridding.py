"""Pixels brought to a new grid on the sky, with their flux, noise and masks."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray
from reproject import reproject_interp

from survey.cutout import FluxArray, MaskArray
from survey.fits.grids import SkyGrid
from survey.fits.sights import Sight
from survey.fits.target import Window
from survey.resample import fill_holes

__all__ = ["Planes", "area_ratio", "regrid", "window_for"]

# Splines reach far, but their weights fall by 0.27 a pixel: nothing is left after this many.
_MARGIN_PX = 16
# A spline through a saturated filler would ring over the whole image; no pixel of the sky is as bright.
_ABSURD_FLUX = 1e12
# Where a bad pixel has this share of a bilinear mean: everywhere on the pixel itself (a corner has a quarter),
# and nowhere beyond its neighbours.
_BAD_SHARE = 0.2499


@dataclass(slots=True, eq=False)
class Planes:
    """Bands on one set of pixels.

    Attributes
    ----------
    flux
        Flux per pixel, shape (C, H, W).
    ivar
        Inverse variance of it, or None.
    mask
        True where a pixel is useless.
    """

    flux: FluxArray
    ivar: FluxArray | None
    mask: MaskArray


def window_for(sight: Sight, grid: SkyGrid) -> Window:
    """Return the part of a band's image that a grid lies on, with a margin; a new grid is small, frames are not."""
    assert sight.jacobian is not None
    half = np.array([grid.width, grid.height]) * grid.pixel_scale_arcsec / 2
    reach_x, reach_y = np.abs(np.linalg.inv(sight.jacobian)) @ half + _MARGIN_PX
    height, width = sight.shape
    x0, y0 = max(0, math.floor(sight.target.x - reach_x)), max(0, math.floor(sight.target.y - reach_y))
    x1, y1 = (
        min(width, math.ceil(sight.target.x + reach_x) + 1),
        min(height, math.ceil(sight.target.y + reach_y) + 1),
    )
    return Window(y0, x0, y1 - y0, x1 - x0)


def area_ratio(sight: Sight, grid: SkyGrid) -> float:
    """Return the area of a grid's pixel over that of a band's at the target."""
    assert sight.jacobian is not None
    return grid.pixel_scale_arcsec**2 / abs(float(np.linalg.det(sight.jacobian)))


def regrid(planes: Planes, sight: Sight, grid: SkyGrid) -> Planes:
    """Bring bands to a grid by cubic splines, with flux per pixel scaled by the pixels' areas.

    Parameters
    ----------
    planes
        What :func:`window_for` cuts from the bands' images. Useless pixels are filled from around them before, so
        that they spread nothing, and masked again after.
    sight
        Of these bands; they share one set of pixels.

    Returns
    -------
    Planes
        Of the grid's size; NaN and masked outside the image. Inverse variances are those of the pixels there were,
        scaled by the areas: what interpolation takes from the variance of a pixel (a quarter) it puts into the
        covariance with its neighbours, so that the noise of an aperture comes out right.

    References
    ----------
    Why splines and not ``reproject_adaptive``: docs/decisions/0008-one-grid-north-up.md.
    """
    wcs, factor = _wcs(sight, window_for(sight, grid)), area_ratio(sight, grid)
    bad = planes.mask | ~(np.abs(planes.flux) < _ABSURD_FLUX)
    if planes.ivar is not None:
        bad |= ~(planes.ivar > 0)
    flux = _sample(_filled(planes.flux, bad), wcs, grid, "bicubic") * np.float32(factor)
    mask = np.isnan(flux)
    if planes.ivar is None and not bad.any():
        return Planes(flux, None, mask)
    known = [bad.astype(np.float32)]
    if planes.ivar is not None:
        known.append(planes.ivar / np.float32(factor**2))
    # Together, since finding the pixels costs more than interpolating them.
    found = _sample(np.concatenate(known), wcs, grid, "bilinear")
    mask |= ~(found[: len(bad)] <= _BAD_SHARE)
    ivar = None if planes.ivar is None else np.where(mask, np.float32(0), found[len(bad) :])
    return Planes(flux, ivar, mask)


def _wcs(sight: Sight, window: Window) -> WCS:
    """Return the WCS of the window: the header's, or as the sender scales it."""
    assert sight.sky.wcs is not None
    assert sight.jacobian is not None
    own = sight.sky.jacobian_at(sight.target.x, sight.target.y)
    if own is not None and np.allclose(own, sight.jacobian, rtol=1e-9, atol=0):
        return sight.sky.wcs.slice(
            (slice(window.y0, window.y0 + window.height), slice(window.x0, window.x0 + window.width))
        )
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.radesys = "ICRS"
    wcs.wcs.crval = [sight.target.ra_deg, sight.target.dec_deg]
    wcs.wcs.crpix = [sight.target.x - window.x0 + 1, sight.target.y - window.y0 + 1]
    wcs.wcs.cd = sight.jacobian / 3600
    wcs.wcs.set()
    return wcs


def _filled(flux: FluxArray, bad: MaskArray) -> FluxArray:
    """Fill useless pixels: by those around them as far as those reach, then by the sky (the median)."""
    clean = np.where(bad, np.float32(0), flux)
    # One band at a time: a mean of a frame in double precision takes as much memory as five bands.
    for n in np.flatnonzero(bad.any(axis=(1, 2))):
        plane, good = clean[n : n + 1], ~bad[n : n + 1]
        sky = np.median(plane[good]) if good.any() else np.float32(0)
        for _ in range(2):
            plane, good = fill_holes(plane, good)
        clean[n] = np.where(good, plane, sky)[0]
    return clean


def _sample(planes: NDArray[np.float32], wcs: WCS, grid: SkyGrid, order: str) -> NDArray[np.float32]:
    found = np.empty((len(planes), grid.height, grid.width), np.float32)
    with warnings.catch_warnings():
        # Distortions that do not converge far from the image are no news to the sender.
        warnings.simplefilter("ignore")
        # In this thread, into an array of ours: its own would be of double precision. No footprint is written, but
        # one is made where none is given.
        reproject_interp(
            (planes, wcs),
            grid.wcs(),
            shape_out=found.shape,
            order=order,
            roundtrip_coords=False,
            output_array=found,
            output_footprint=found,
            return_footprint=False,
            parallel=False,
        )
    return found
