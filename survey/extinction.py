"""Galactic extinction: E(B-V) to magnitudes, reddening and its undoing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from survey.bands import BandMismatch, BandSet
from survey.cutout import FluxArray

__all__ = ["SDSS_DR12_COEFFICIENTS", "deredden", "ebv_from_sdss_extinction", "extinction_mag", "redden"]

# A_b/E(B-V) used in SDSS data releases up to DR12 (Schlegel, Finkbeiner & Davis 1998, ApJ 500, 525, table 6):
# the EXTINCTION columns of those releases are these times E(B-V), *not* the recalibrated coefficients.
SDSS_DR12_COEFFICIENTS = (5.155, 3.793, 2.751, 2.086, 1.479)


def extinction_mag(ebv: float | NDArray[np.floating], bands: BandSet) -> NDArray[np.float64]:
    """Return A_b in magnitudes.

    Parameters
    ----------
    ebv
        E(B-V) in magnitudes on the unscaled SFD98 map, at least 0; scalar or shape (N,).
        The coefficients already contain the 14 % recalibration: never scale the map by 0.86 as well.
    bands
        C bands.

    Returns
    -------
    ndarray
        Shape (C,) or (N, C).

    Raises
    ------
    ValueError
        If any E(B-V) is negative or not finite.

    References
    ----------
    Schlafly & Finkbeiner 2011, ApJ 737, 103, table 6.
    """
    values = np.asarray(ebv, dtype=np.float64)
    if not np.all(np.isfinite(values)) or np.any(values < 0):
        raise ValueError(f"E(B-V) must be finite and at least 0, got {ebv}")
    return np.multiply.outer(values, np.asarray(bands.extinction, dtype=np.float64))


def _transmission(flux: NDArray[np.floating], ebv: float, bands: BandSet) -> NDArray[np.float64]:
    if flux.shape[0] != len(bands):
        raise BandMismatch(f"{flux.shape[0]} planes for {len(bands)} bands")
    factor: NDArray[np.float64] = 10 ** (-0.4 * extinction_mag(ebv, bands))
    return factor.reshape((-1,) + (1,) * (flux.ndim - 1))


def deredden(flux: FluxArray, ebv: float, bands: BandSet) -> FluxArray:
    """Undo Galactic extinction.

    Parameters
    ----------
    flux
        Nanomaggy, first axis C in the order of ``bands``.
    ebv
        E(B-V) in magnitudes on the unscaled SFD98 map, at least 0.

    Returns
    -------
    FluxArray
        ``flux * 10**(0.4 * A_b)``, same shape; a new array.

    Raises
    ------
    BandMismatch
        If ``flux`` has not as many planes as ``bands``.
    ValueError
        If E(B-V) is negative or not finite.
    """
    return np.asarray(flux / _transmission(flux, ebv, bands), dtype=np.float32)


def redden(flux: FluxArray, ebv: float, bands: BandSet) -> FluxArray:
    """Apply Galactic extinction; the inverse of :func:`deredden`, same parameters and errors."""
    return np.asarray(flux * _transmission(flux, ebv, bands), dtype=np.float32)


def ebv_from_sdss_extinction(extinction: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return E(B-V) from the five EXTINCTION columns of SDSS DR12 and earlier.

    Parameters
    ----------
    extinction
        A_u, A_g, A_r, A_i, A_z in magnitudes on the *old* coefficients, shape (..., 5).

    Returns
    -------
    ndarray
        Mean of the five ratios, shape (...).
    """
    return np.asarray(np.mean(np.asarray(extinction, dtype=np.float64) / SDSS_DR12_COEFFICIENTS, axis=-1))
