"""Building blocks of a picture: smooth profiles, painted discs and points, each of unit flux."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import galsim
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from survey.simulate.optics import GRID, KImage, Source, frequencies, profile
from survey.simulate.recipe import FIELD_PX, PIXEL_SCALE

__all__ = ["Component", "canvas", "combine", "disc", "ellipse", "painted", "points"]

_OVERSAMPLING = 2
# GalSim tabulates every new Sersic index anew (0.2 s at n = 5), so indices are rounded to halves.
_INDEX_STEP = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """One part of a galaxy.

    Attributes
    ----------
    image
        Transform of unit flux, shape (GRID, GRID // 2 + 1).
    weight
        Share of the galaxy's r light; the weights of a galaxy are normalised when combined.
    colour
        Magnitudes in ugriz relative to the galaxy as a whole; negative u is bluer.
    """

    image: KImage
    weight: float
    colour: NDArray[np.float64]


def combine(components: list[Component], flux: NDArray[np.float64]) -> list[Source]:
    """Return the sources that make up a galaxy of total ``flux`` in nanomaggies, shape (5,)."""
    share = np.array([part.weight * 10 ** (-0.4 * part.colour) for part in components])
    share *= flux / share.sum(axis=0)
    return [Source(part.image, light) for part, light in zip(components, share, strict=True)]


def ellipse(*, index: float, r50: float, axis_ratio: float, angle: float) -> KImage:
    """Return a Sersic profile; ``r50`` in arcsec along the major axis, ``angle`` from +x in radians."""
    rounded = float(np.clip(round(index / _INDEX_STEP) * _INDEX_STEP, 0.5, 5.0))
    # A shear keeps the area: the circular radius is the geometric mean of the axes.
    light = galsim.Sersic(n=rounded, half_light_radius=r50 * np.sqrt(axis_ratio))
    return profile(light.shear(q=axis_ratio, beta=angle * galsim.radians))


def disc(*, r50: float, inclination: float, angle: float, thickness: float) -> KImage:
    """Return an exponential disc of scale height ``thickness`` times its scale length, inclined."""
    light = galsim.InclinedExponential(
        inclination=inclination * galsim.radians, half_light_radius=r50, scale_h_over_r=thickness
    )
    return profile(light.rotate(angle * galsim.radians))


def points(
    x: NDArray[np.floating], y: NDArray[np.floating], flux: NDArray[np.floating], *, sigma: float
) -> KImage:
    """Return Gaussian blobs of one size at (x, y) arcsec from the centre, normalised to unit flux."""
    ky, kx = frequencies()
    columns = np.exp(-1j * kx * x[:, None] - 0.5 * sigma**2 * kx**2).astype(np.complex64)
    rows = np.exp(-1j * ky * y[None, :] - 0.5 * sigma**2 * ky**2) * (flux / flux.sum())
    image = np.zeros((GRID, GRID // 2 + 1), dtype=np.complex64)
    # Not a matrix product: BLAS would start threads that cost more than they save.
    for row, column in zip(rows.T.astype(np.complex64), columns, strict=True):
        image += row[:, None] * column
    return image


@cache
def canvas() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return x and y in arcsec of the pixels that `painted` takes, at twice the camera's resolution."""
    side = FIELD_PX * _OVERSAMPLING
    axis = (np.arange(side) - (side - 1) / 2) * PIXEL_SCALE / _OVERSAMPLING
    x, y = np.meshgrid(axis.astype(np.float32), axis.astype(np.float32))
    return x, y


def painted(image: NDArray[np.floating]) -> KImage:
    """Return a picture painted on the `canvas`, normalised to unit flux."""
    side = GRID * _OVERSAMPLING
    transform = fft.rfft2(np.asarray(image / image.sum(), dtype=np.float32), s=(side, side))
    half = GRID // 2
    low = np.concatenate([transform[:half], transform[-half:]])[:, : half + 1]
    ky, kx = frequencies()
    # The first pixel of the canvas is not the origin.
    corner = -float(canvas()[0][0, 0])
    return np.asarray(low * (np.exp(1j * ky * corner) * np.exp(1j * kx * corner)), dtype=np.complex64)
