"""A band that was not sent, made up from those that were."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.colours import clipped_moments

__all__ = ["expected_magnitudes", "filled_plane", "shape_plane"]

FloatArray = NDArray[np.float64]

# Neighbours in magnitude space for a local straight line, and its ridge (in units of a neighbour).
_NEIGHBOURS, _RIDGE = 100, 1e-3
# No colour between two bands is larger: 10^(0.4 x 4 mag) and a bit.
_MAX_RATIO = 50.0
_SEED = 20261122


def expected_magnitudes(catalogue: FloatArray, given: FloatArray) -> FloatArray:
    """Complete magnitudes by what galaxies of like magnitudes have.

    A straight line through the 100 catalogue galaxies nearest in the given magnitudes (scaled by their clipped
    covariance), read off at the given ones: the local-linear neighbour estimate of photometric redshifts (Csabai et al.
    2007, AN 328, 852) with magnitudes for redshifts.

    Parameters
    ----------
    catalogue
        Finite, shape (N, C).
    given
        Shape (C,); NaN where a band is missing, at least one is not.

    Returns
    -------
    ndarray
        Shape (C,), finite; the given ones unchanged.
    """
    there = np.isfinite(given)
    known, wanted = catalogue[:, there], catalogue[:, ~there]
    mean, covariance = clipped_moments(known)
    scale = np.linalg.inv(np.linalg.cholesky(covariance)).T
    away = (known - mean) @ scale - (given[there] - mean) @ scale
    count = min(_NEIGHBOURS, len(catalogue))
    near = np.argpartition(np.einsum("nd,nd->n", away, away), count - 1)[:count]
    design = np.column_stack([np.ones(count), known[near] - given[there]])
    ridge = _RIDGE * count * np.diag([0.0, *np.ones(int(there.sum()))])
    line = np.linalg.solve(design.T @ design + ridge, design.T @ wanted[near])
    # Far outside the catalogue a straight line leads anywhere: no farther than the catalogue's own galaxies.
    complete = given.copy()
    complete[~there] = np.clip(line[0], wanted[near].min(axis=0) - 1, wanted[near].max(axis=0) + 1)
    return complete


def shape_plane(
    plane: int,
    *,
    flux: FloatArray,
    target: float,
    noise: FloatArray,
    typical_noise: float,
    pivots_nm: Sequence[float],
) -> int:
    """Choose the band that lends its shape: the nearest in wavelength that is quiet enough once it is scaled.

    Parameters
    ----------
    plane
        The missing band.
    flux
        Aperture fluxes, shape (C,), NaN where missing; at least one is not.
    target
        Aperture flux that the missing band should have.
    noise
        Of a pixel in each band, shape (C,).
    typical_noise
        Of a pixel in the missing band, in the catalogue.

    Returns
    -------
    int
        A plane that is present; the quietest one if none is quiet enough.
    """
    present = np.flatnonzero(np.isfinite(flux))
    scaled = np.array([_ratio(target, flux[p]) * np.nan_to_num(noise[p]) for p in present])
    quiet = present[scaled <= 1.5 * typical_noise]
    if not len(quiet):
        return int(present[scaled.argmin()])
    return int(min(quiet, key=lambda p: abs(pivots_nm[p] - pivots_nm[plane])))


def filled_plane(
    shape: NDArray[np.float32],
    known: NDArray[np.bool_],
    *,
    flux: float,
    target: float,
    noise: float,
    typical_noise: float,
    plane: int,
) -> NDArray[np.float32]:
    """Scale another band's plane to an aperture flux, and bring its noise up to what the band usually has.

    Without the noise a faint band would come out as a picture of a smoothness that no galaxy of the catalogue has, and
    the model would take it for another galaxy: benchmarks/missing_bands.py has the figures. The noise is the same
    for every image, so that the same image is answered alike twice.

    Parameters
    ----------
    shape, known
        The band that lends its shape and where it was observed, shape (F, F).
    flux, noise
        Its aperture flux and its noise a pixel.
    target, typical_noise
        The same of the missing band.
    plane
        Number of the missing band.
    """
    ratio = _ratio(target, flux)
    lacking = np.sqrt(max(typical_noise**2 - (ratio * float(np.nan_to_num(noise))) ** 2, 0.0))
    grain = np.random.default_rng((_SEED, plane)).standard_normal(shape.shape)
    return np.where(known, ratio * shape + lacking * grain, 0).astype(np.float32)


def _ratio(target: float, flux: float) -> float:
    """Quotient of two fluxes within what colours there are; noise may have made one of them zero or negative."""
    return float(np.clip(target / flux, 1 / _MAX_RATIO, _MAX_RATIO)) if flux > 0 and target > 0 else 0.0
