"""The camera: pixel grid, seeing and noise, after the SDSS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import galsim
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from survey.simulate.recipe import FIELD_PX, PIXEL_SCALE

__all__ = [
    "ELECTRONS_PER_NMGY",
    "GRID",
    "PSF_FWHM_GRID",
    "KImage",
    "Observation",
    "Source",
    "add_noise",
    "draw_observation",
    "expose",
    "frequencies",
    "profile",
    "psf",
]

# Side of the Fourier grid in pixels: twice the field, so that what leaves one side returns outside it.
GRID = 2 * FIELD_PX
_DK = 2 * np.pi / (GRID * PIXEL_SCALE)
_BOUNDS = galsim.BoundsI(0, GRID // 2, -GRID // 2, GRID // 2 - 1)

# Medians of 136 real SDSS exposures: noise from the inverse-variance planes, gain / (nanomaggy per count).
SKY_SIGMA = np.array([0.051, 0.019, 0.029, 0.046, 0.171])  # nanomaggy per pixel, ugriz
ELECTRONS_PER_NMGY = np.array([162.0, 980.0, 919.0, 761.0, 144.0])

# Typical SDSS seeing per band in arcsec; one field's bands are seen minutes apart.
_FWHM = np.array([1.40, 1.34, 1.26, 1.20, 1.22])
PSF_FWHM_GRID = np.round(np.arange(1.05, 1.651, 0.05), 2)
_MOFFAT_BETA = 3.0

KImage = NDArray[np.complex64]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Light of one shape.

    Attributes
    ----------
    image
        Fourier transform at unit flux, shape (GRID, GRID // 2 + 1).
    flux
        Nanomaggies, shape (5,), ugriz.
    """

    image: KImage
    flux: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """Conditions under which one field was seen, ugriz.

    Attributes
    ----------
    fwhm
        Of the PSF in arcsec, values of `PSF_FWHM_GRID`, shape (5,).
    sky_sigma
        Noise of the sky in nanomaggies per pixel, shape (5,).
    """

    fwhm: NDArray[np.float64]
    sky_sigma: NDArray[np.float64]


def draw_observation(rng: np.random.Generator) -> Observation:
    """Draw seeing (8 % from field to field, 3 % between bands) and sky (12 % and 5 %)."""
    seeing = _FWHM * rng.lognormal(0.0, 0.08) * rng.lognormal(0.0, 0.03, 5)
    nearest = np.abs(PSF_FWHM_GRID - seeing[:, None]).argmin(axis=1)
    sky = SKY_SIGMA * rng.lognormal(0.0, 0.12) * rng.lognormal(0.0, 0.05, 5)
    return Observation(PSF_FWHM_GRID[nearest], sky)


def profile(light: galsim.GSObject) -> KImage:
    """Return the Fourier transform of a light profile on the common grid, shape (GRID, GRID // 2 + 1)."""
    image = light.drawKImage(bounds=_BOUNDS, scale=_DK, recenter=False).array
    return np.asarray(np.fft.ifftshift(image, axes=0), dtype=np.complex64)


@cache
def psf(fwhm: float) -> KImage:
    """Return the transform of a round Moffat PSF (beta 3) seen through one pixel."""
    moffat = galsim.Moffat(beta=_MOFFAT_BETA, fwhm=fwhm)
    return profile(galsim.Convolve(moffat, galsim.Pixel(PIXEL_SCALE)))


@cache
def frequencies() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ky (GRID, 1) and kx (1, GRID // 2 + 1) in radians per arcsec, in the order of the FFT."""
    ky = np.asarray(2 * np.pi * np.fft.fftfreq(GRID, PIXEL_SCALE), dtype=np.float64)
    kx = np.asarray(2 * np.pi * np.fft.rfftfreq(GRID, PIXEL_SCALE), dtype=np.float64)
    return ky[:, None], kx[None, :]


def expose(
    sources: Sequence[Source], observation: Observation, centre: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float32]:
    """Return the noise-free image of light sources.

    Parameters
    ----------
    centre
        Offset (x, y) in arcsec of the sources' common origin from the middle of the field.

    Returns
    -------
    ndarray
        Nanomaggy per pixel, shape (5, FIELD_PX, FIELD_PX); the origin lies at pixel
        ``(FIELD_PX - 1) / 2`` on both axes, plus ``centre``.
    """
    # Not a matrix product: on arrays this small BLAS threads double the processor time (12 ms a galaxy
    # become 30), and every worker would start its own.
    light = np.zeros((5, GRID, GRID // 2 + 1), dtype=np.complex64)
    for source in sources:
        light += source.flux.astype(np.float32)[:, None, None] * source.image
    ky, kx = frequencies()
    middle = (FIELD_PX - 1) / 2 * PIXEL_SCALE
    rows, columns = (
        np.exp(-1j * k * (middle + c)).astype(np.complex64) for k, c in ((ky, centre[1]), (kx, centre[0]))
    )
    light *= rows * columns
    light *= np.stack([psf(float(fwhm)) for fwhm in observation.fwhm])
    return np.asarray(fft.irfft2(light, s=(GRID, GRID))[:, :FIELD_PX, :FIELD_PX])


def add_noise(
    image: NDArray[np.float32], observation: Observation, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Add the noise of sky and source once; both are Gaussian at these counts."""
    variance = np.maximum(image, 0) / ELECTRONS_PER_NMGY.astype(np.float32)[:, None, None]
    variance += observation.sky_sigma.astype(np.float32)[:, None, None] ** 2
    return np.asarray(image + np.sqrt(variance) * rng.standard_normal(image.shape, dtype=np.float32))
