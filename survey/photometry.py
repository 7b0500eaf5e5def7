"""Flux, magnitudes and their errors.

A nanomaggy is the flux of an AB magnitude of 22.5: 3.631 microjansky (AB zero point 3631 Jy; Oke & Gunn 1983,
ApJ 266, 713).
"""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from survey.cutout import Cutout

__all__ = [
    "MICROJANSKY_PER_NANOMAGGY",
    "SDSS_SOFTENING",
    "ZEROPOINT_MAG",
    "aperture_flux",
    "asinh_mag_error",
    "asinh_mag_to_flux",
    "flux_to_asinh_mag",
    "flux_to_mag",
    "ivar_to_sigma",
    "mag_error",
    "mag_to_flux",
    "microjansky_to_nanomaggy",
    "nanomaggy_to_microjansky",
    "sigma_to_ivar",
]

FloatArray = NDArray[np.float64]

ZEROPOINT_MAG = 22.5
MICROJANSKY_PER_NANOMAGGY = 3.631
# Softening b in maggies: Stoughton et al. 2002, AJ 123, 485, table 21 (SDSS "asinh magnitudes" page).
SDSS_SOFTENING = {"u": 1.4e-10, "g": 0.9e-10, "r": 1.2e-10, "i": 1.8e-10, "z": 7.4e-10}
_POGSON = 2.5 / log(10)
_SUBPIXELS = 10


def flux_to_mag(flux: ArrayLike) -> FloatArray:
    """Return AB magnitudes of fluxes in nanomaggy; NaN where the flux is not positive."""
    values = np.asarray(flux, dtype=np.float64)
    positive = values > 0
    return np.where(positive, ZEROPOINT_MAG - 2.5 * np.log10(np.where(positive, values, 1.0)), np.nan)


def mag_to_flux(mag: ArrayLike) -> FloatArray:
    """Return fluxes in nanomaggy of AB magnitudes."""
    return np.asarray(10.0 ** (0.4 * (ZEROPOINT_MAG - np.asarray(mag, dtype=np.float64))))


def flux_to_asinh_mag(flux: ArrayLike, softening: ArrayLike) -> FloatArray:
    """Return asinh magnitudes ("luptitudes"), which stay finite at zero and negative flux.

    Parameters
    ----------
    flux
        Nanomaggy.
    softening
        b in maggies, see :data:`SDSS_SOFTENING`; broadcasts against ``flux``.

    References
    ----------
    Lupton, Gunn & Szalay 1999, AJ 118, 1406.
    """
    b = np.asarray(softening, dtype=np.float64)
    maggies = 1e-9 * np.asarray(flux, dtype=np.float64)
    return np.asarray(-_POGSON * (np.arcsinh(maggies / (2 * b)) + np.log(b)))


def asinh_mag_to_flux(mag: ArrayLike, softening: ArrayLike) -> FloatArray:
    """Return fluxes in nanomaggy of asinh magnitudes; the inverse of :func:`flux_to_asinh_mag`."""
    b = np.asarray(softening, dtype=np.float64)
    return np.asarray(2e9 * b * np.sinh(-np.asarray(mag, dtype=np.float64) / _POGSON - np.log(b)))


def nanomaggy_to_microjansky(flux: ArrayLike) -> FloatArray:
    """Return microjansky of nanomaggy."""
    return np.asarray(MICROJANSKY_PER_NANOMAGGY * np.asarray(flux, dtype=np.float64))


def microjansky_to_nanomaggy(flux: ArrayLike) -> FloatArray:
    """Return nanomaggy of microjansky."""
    return np.asarray(np.asarray(flux, dtype=np.float64) / MICROJANSKY_PER_NANOMAGGY)


def ivar_to_sigma(ivar: ArrayLike) -> FloatArray:
    """Return standard deviations of inverse variances; infinity where the value is unknown (not positive)."""
    values = np.asarray(ivar, dtype=np.float64)
    known = values > 0
    return np.where(known, 1 / np.sqrt(np.where(known, values, 1.0)), np.inf)


def sigma_to_ivar(sigma: ArrayLike) -> FloatArray:
    """Return inverse variances of standard deviations; 0 (unknown) where these are not positive and finite."""
    values = np.asarray(sigma, dtype=np.float64)
    known = np.isfinite(values) & (values > 0)
    return np.where(known, 1 / np.square(np.where(known, values, 1.0)), 0.0)


def mag_error(flux: ArrayLike, ivar: ArrayLike) -> FloatArray:
    """Return first-order errors of AB magnitudes; NaN where flux or ivar is not positive."""
    values = np.asarray(flux, dtype=np.float64)
    sigma = ivar_to_sigma(ivar)
    known = (values > 0) & np.isfinite(sigma)
    return np.where(known, _POGSON * np.where(known, sigma, 0.0) / np.where(known, values, 1.0), np.nan)


def asinh_mag_error(flux: ArrayLike, ivar: ArrayLike, softening: ArrayLike) -> FloatArray:
    """Return first-order errors of asinh magnitudes; NaN where ivar is not positive."""
    values = np.asarray(flux, dtype=np.float64)
    sigma = ivar_to_sigma(ivar)
    known = np.isfinite(sigma)
    scale = np.hypot(values, 2e9 * np.asarray(softening, dtype=np.float64))
    return np.where(known, _POGSON * np.where(known, sigma, 0.0) / scale, np.nan)


def aperture_flux(
    cutout: Cutout, radius_arcsec: float, *, offset_px: tuple[float, float] = (0.0, 0.0)
) -> tuple[FloatArray, FloatArray]:
    """Sum a cutout inside a circle around its target.

    Parameters
    ----------
    radius_arcsec
        Radius; pixels on the rim count by the covered share of a 10 × 10 subgrid.
    offset_px
        (y, x) of the target from the middle of the image, in pixels.

    Returns
    -------
    flux, ivar
        Nanomaggy and nanomaggy^-2, shape (C,). Unusable pixels are replaced by the mean of the usable ones;
        where these are less than half of the circle (or the circle leaves the image that far), flux is NaN and
        ivar 0. Without a known ivar, ivar is NaN.

    Raises
    ------
    ValueError
        If the cutout has no pixel scale or the radius is not positive.
    """
    if cutout.pixel_scale_arcsec is None or not radius_arcsec > 0:
        raise ValueError(
            f"an aperture needs a pixel scale and a positive radius, not {radius_arcsec:g} arcsec"
        )
    radius_px = radius_arcsec / cutout.pixel_scale_arcsec
    weight = _circle(cutout.shape, radius_px, offset_px) * cutout.good()
    covered = weight.sum(axis=(1, 2))
    area = np.pi * radius_px**2
    enough = covered > 0.5 * area
    total = np.sum(weight * np.where(weight > 0, cutout.flux, 0.0), axis=(1, 2), dtype=np.float64)
    # The subgrid's area differs from the circle's by a per mille: a complete aperture is not rescaled.
    missing = np.where(enough, area / np.where(enough, covered, 1.0), 1.0)
    scale = np.where(missing > 1.02, missing, 1.0)
    flux = np.where(enough, total * scale, np.nan)
    if cutout.ivar is None:
        return flux, np.where(enough, np.nan, 0.0)
    variance = np.where(weight > 0, 1 / np.where(weight > 0, cutout.ivar, 1.0), 0.0)
    noise = np.sum(weight**2 * variance, axis=(1, 2), dtype=np.float64) * scale**2
    return flux, np.where(enough, 1 / np.where(enough, noise, 1.0), 0.0)


def _circle(shape: tuple[int, int], radius_px: float, offset_px: tuple[float, float]) -> FloatArray:
    """Return the share of each pixel inside a circle about the middle plus ``offset_px``, shape (H, W)."""
    fine = (np.arange(_SUBPIXELS) + 0.5) / _SUBPIXELS - 0.5
    y, x = (
        (np.arange(n)[:, None] + fine - (n - 1) / 2 - shift).ravel()
        for n, shift in zip(shape, offset_px, strict=True)
    )
    inside = (y[:, None] ** 2 + x[None, :] ** 2) <= radius_px**2
    blocks = inside.reshape(shape[0], _SUBPIXELS, shape[1], _SUBPIXELS)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float64)
