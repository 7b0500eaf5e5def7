"""Stars and galaxies that happen to lie in the field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from survey.simulate.light import ellipse, points
from survey.simulate.optics import KImage, Source
from survey.simulate.recipe import FIELD_PX, PIXEL_SCALE

__all__ = ["flux_from_colours", "neighbours", "star_colours"]

_HALF = FIELD_PX * PIXEL_SCALE / 2
# Sources of r < 22.5 per 33 arcsec field at high latitude: about 4 stars and 4 galaxies per square arcminute.
_STARS, _GALAXIES = 1.2, 1.2
_COMPANION = 0.08
# Nearer ones would have been one source to the SDSS deblender.
_NEAREST_ARCSEC = 4.0


def flux_from_colours(r_mag: float, colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return nanomaggies in ugriz from r and (u-g, g-r, r-i, i-z)."""
    u_g, g_r, r_i, i_z = colours
    mags = r_mag + np.array([u_g + g_r, g_r, 0.0, -r_i, -r_i - i_z])
    return np.asarray(10 ** (0.4 * (22.5 - mags)))


def star_colours(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw colours along the stellar locus.

    References
    ----------
    Covey et al. 2007, AJ 134, 2398, table 3, in straight pieces of g - r.
    """
    g_r = rng.uniform(0.25, 1.4)
    # M dwarfs pile up at g - r = 1.4 while r - i goes on.
    r_i = 0.4 * g_r if g_r < 1.2 else rng.uniform(0.5, 1.6)
    return np.array([0.6 + 1.45 * g_r, g_r, r_i, 0.55 * r_i])


def neighbours(galaxy_flux: NDArray[np.float64], rng: np.random.Generator) -> list[Source]:
    """Return unrelated sources in the field and, for some galaxies, a companion of like colour."""
    found = [
        Source(_point(rng), flux_from_colours(_r_mag(rng, 17.0, 0.2), star_colours(rng)))
        for _ in range(rng.poisson(_STARS))
    ]
    for _ in range(rng.poisson(_GALAXIES)):
        colours = rng.normal([1.2, 0.7, 0.35, 0.25], [0.3, 0.25, 0.1, 0.1])
        flux = flux_from_colours(_r_mag(rng, 18.5, 0.4), colours)
        found.append(Source(_point(rng) * _faint_galaxy(rng, rng.lognormal(-0.1, 0.4)), flux))
    if rng.random() < _COMPANION:
        bluer = rng.normal(0, 0.15) * np.array([2.0, 1.0, 0.0, -0.3, -0.5])
        flux = galaxy_flux * rng.uniform(0.05, 0.3) * 10 ** (-0.4 * bluer)
        found.append(Source(_point(rng) * _faint_galaxy(rng, rng.lognormal(0.1, 0.3)), flux))
    return found


def _point(rng: np.random.Generator) -> KImage:
    """Return a point somewhere in the field, not upon the target."""
    while True:
        x, y = rng.uniform(-_HALF - 1, _HALF + 1, 2)
        if np.hypot(x, y) > _NEAREST_ARCSEC:
            return points(np.array([x]), np.array([y]), np.ones(1), sigma=0.0)


def _faint_galaxy(rng: np.random.Generator, r50: float) -> KImage:
    return ellipse(
        index=rng.choice([1.0, 1.0, 4.0]),
        r50=r50,
        axis_ratio=rng.uniform(0.3, 1.0),
        angle=np.pi * rng.random(),
    )


def _r_mag(rng: np.random.Generator, bright: float, slope: float) -> float:
    """Draw a magnitude between ``bright`` and 22.5 from counts that grow as 10**(slope m)."""
    low, high = 10 ** (slope * bright), 10 ** (slope * 22.5)
    return float(np.log10(rng.uniform(low, high)) / slope)
