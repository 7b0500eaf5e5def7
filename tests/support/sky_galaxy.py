"""A galaxy that is known at every point of the sky, drawn through any WCS."""

from __future__ import annotations

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from support.fits_files import DEC, RA, tan_header

__all__ = ["TOTAL", "draw", "sky_header"]

#: Flux of the galaxy in nanomaggies.
TOTAL = 100.0
# Gaussians: share of the flux, sigma along the major axis in arcsec. The sharpest is a seeing of 1.4 arcsec
# (FWHM), and SDSS pixels of 0.396 arcsec sample it as well as they do in SDSS.
_PARTS = ((0.2, 0.6), (0.5, 1.4), (0.3, 2.6))
_AXIS_RATIO, _POSITION_ANGLE_DEG = 0.6, 30.0
# A companion north-east of it tells a mirror image from a turn.
_EAST, _NORTH, _COMPANION = 4.0, 3.0, 0.15
_OVERSAMPLING = 4


def sky_header(
    side, *, scale=0.4, angle=0.0, mirrored=False, shift=(0.0, 0.0), ra=RA, dec=DEC, stretch=1.0, **more
):
    """A TAN header: north at ``angle`` degrees from +y towards -x, then left and right swapped if ``mirrored``.

    The target lies ``shift`` px (x, y) off the middle; ``stretch`` makes pixels longer along y at the same area.
    """
    turn, sx, sy = np.deg2rad(angle), scale / 3600 / np.sqrt(stretch), scale / 3600 * np.sqrt(stretch)
    flip = 1 if mirrored else -1
    return tan_header(
        side, ra=ra, dec=dec, crpix=((side + 1) / 2 + shift[0], (side + 1) / 2 + shift[1]),
        CD1_1=flip * sx * np.cos(turn), CD1_2=-sy * np.sin(turn),
        CD2_1=flip * sx * np.sin(turn), CD2_2=sy * np.cos(turn), **more,
    )  # fmt: skip


def draw(header: fits.Header, side: int, *, ra=RA, dec=DEC, noise=0.0, seed=0):
    """Integrate the galaxy at (ra, dec) over the pixels of a WCS, nanomaggy per pixel, float32, shape (side, side)."""
    n = side * _OVERSAMPLING
    axis = (np.arange(n) + 0.5) / _OVERSAMPLING - 0.5
    x, y = np.meshgrid(axis, axis)
    # One arcsec a pixel, east to the left: world positions become offsets on the tangent plane.
    plane = WCS(tan_header(1, ra=ra, dec=dec, scale=1.0, crpix=(1, 1)))
    minus_east, north = plane.all_world2pix(*WCS(header).all_pix2world(x, y, 0), 0)
    surface = _surface(-minus_east, north)
    (ey, ex), (ny, nx) = np.gradient(minus_east), np.gradient(north)
    flux = surface * np.abs(ex * ny - ey * nx)
    image = flux.reshape(side, _OVERSAMPLING, side, _OVERSAMPLING).sum(axis=(1, 3))
    return (image + np.random.default_rng(seed).normal(0, noise, image.shape)).astype(np.float32)


def _surface(east, north):
    turn = np.deg2rad(_POSITION_ANGLE_DEG)
    along, across = north * np.cos(turn) + east * np.sin(turn), east * np.cos(turn) - north * np.sin(turn)
    light = 0.0
    for share, sigma in _PARTS:
        narrow = max(sigma * _AXIS_RATIO, 0.6)
        light = light + share * _gaussian(along, across, sigma, narrow)
    companion = _gaussian(east - _EAST, north - _NORTH, 0.6, 0.6)
    return TOTAL * ((1 - _COMPANION) * light + _COMPANION * companion)


def _gaussian(u, v, sigma_u, sigma_v):
    return np.exp(-0.5 * ((u / sigma_u) ** 2 + (v / sigma_v) ** 2)) / (2 * np.pi * sigma_u * sigma_v)
