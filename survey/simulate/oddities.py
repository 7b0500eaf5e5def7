"""Planted oddities of named kinds, for the anomaly score to find."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from survey.simulate.galaxies import BULGE_COLOUR, CLUMP_COLOUR
from survey.simulate.light import Component, ellipse, points
from survey.simulate.morphology import Shape
from survey.simulate.optics import Observation, Source
from survey.simulate.recipe import FIELD_PX, PIXEL_SCALE
from survey.simulate.structures import ring
from survey.simulate.surroundings import flux_from_colours, star_colours

__all__ = [
    "ODDITIES",
    "bright_star",
    "draw_oddity",
    "extra_source",
    "ring_galaxy",
    "saturate",
    "spoil",
    "streak",
]

ODDITIES = ("ring", "arc", "satellite_trail", "missing_band", "blend", "saturated_star")
_RATE = 0.015
# Nanomaggies per pixel at which an SDSS CCD is full (3e5 electrons, less in the noisy u and z chains).
_FULL_WELL = np.array([1200.0, 330.0, 330.0, 400.0, 1500.0])
_AXIS = (np.arange(FIELD_PX) - (FIELD_PX - 1) / 2) * PIXEL_SCALE
_Image = NDArray[np.float32]


def draw_oddity(rng: np.random.Generator, rate: float = _RATE) -> str | None:
    """Return the kind planted in an object, or None for all but ``rate`` of them."""
    kind = str(rng.choice(ODDITIES))
    return kind if rng.random() < rate else None


def ring_galaxy(shape: Shape, rng: np.random.Generator) -> list[Component]:
    """Return a yellow core inside a detached blue ring, as in Hoag's object."""
    radius = float(np.clip(2.0 * shape.r50_arcsec, 3.5, 9.0))
    core = ellipse(index=2.5, r50=0.22 * radius, axis_ratio=max(shape.axis_ratio, 0.7), angle=shape.angle_rad)
    knots = ring(radius, shape, rng, width=0.12 * radius)
    return [Component(core, 0.45, 0.8 * BULGE_COLOUR), Component(knots, 0.55, 0.8 * CLUMP_COLOUR)]


def extra_source(kind: str, flux: NDArray[np.float64], rng: np.random.Generator) -> Source:
    """Return what an ``arc`` or a ``blend`` adds to the sky."""
    return _arc(flux, rng) if kind == "arc" else _blend(flux, rng)


def _arc(flux: NDArray[np.float64], rng: np.random.Generator) -> Source:
    """Return a blue tangential arc of the width of the PSF, with a counter-image."""
    radius, centre = rng.uniform(3.0, 5.5), 2 * np.pi * rng.random()
    half = rng.uniform(0.5, 1.1)
    azimuth = np.concatenate([np.linspace(centre - half, centre + half, 40), [centre + np.pi] * 6])
    reach = np.concatenate([np.full(40, radius), np.full(6, 0.7 * radius)])
    image = points(reach * np.cos(azimuth), reach * np.sin(azimuth), np.ones(46), sigma=0.2)
    source = flux_from_colours(
        22.5 - 2.5 * np.log10(flux[2] * rng.uniform(0.08, 0.2)), np.array([0.2, 0.1, 0.05, 0.0])
    )
    return Source(image, source)


def _blend(flux: NDArray[np.float64], rng: np.random.Generator) -> Source:
    """Return a foreground or background galaxy of other colour over the target."""
    distance, angle = rng.uniform(1.8, 4.0), 2 * np.pi * rng.random()
    x, y = np.array([distance * np.cos(angle)]), np.array([distance * np.sin(angle)])
    tilt = rng.choice([-1, 1]) * rng.uniform(0.3, 0.7) * np.array([1.4, 0.8, 0.0, -0.3, -0.5])
    other = ellipse(
        index=rng.choice([1.0, 4.0]),
        r50=rng.uniform(1.0, 2.5),
        axis_ratio=rng.uniform(0.3, 0.9),
        angle=np.pi * rng.random(),
    )
    share = flux * rng.uniform(0.4, 1.3) * 10 ** (-0.4 * tilt)
    return Source(other * points(x, y, np.ones(1), sigma=0.0), share)


def bright_star(image: _Image, observation: Observation, rng: np.random.Generator) -> _Image:
    """Return the image with a star of r = 10 to 12 a few arcsec away: core, halo and diffraction spikes."""
    distance, angle = rng.uniform(8.0, 14.0), 2 * np.pi * rng.random()
    dx, dy = _AXIS[None, :] - distance * np.cos(angle), _AXIS[:, None] - distance * np.sin(angle)
    radius = np.hypot(dx, dy)
    spikes = sum(
        np.exp(-0.5 * (across / 0.5) ** 2) / (1 + (along / 3) ** 2)
        for across, along in ((dx + dy, dx - dy), (dx - dy, dx + dy))
    )
    star = flux_from_colours(rng.uniform(10.0, 12.0), star_colours(rng))
    width = observation.fwhm[:, None, None] / 2 / np.sqrt(2 ** (1 / 2.5) - 1)
    core = 1.5 / (np.pi * width**2) * (1 + (radius / width) ** 2) ** -2.5
    halo = 3e-5 / (1 + (radius / 8) ** 2)
    # Flux per square arcsec of a unit star, times the pixel's area.
    shape = (core + halo + 4e-5 * spikes) * PIXEL_SCALE**2
    return np.asarray(image + star[:, None, None] * shape, dtype=np.float32)


def streak(image: _Image, rng: np.random.Generator) -> _Image:
    """Return the image with a satellite trail in one band: drift scans see the bands minutes apart."""
    band = int(rng.choice([1, 2, 3]))
    angle, offset = np.pi * rng.random(), rng.uniform(-6, 6)
    distance = np.cos(angle) * _AXIS[None, :] + np.sin(angle) * _AXIS[:, None] - offset
    peak = rng.uniform(0.15, 1.0)
    trailed = image.copy()
    trailed[band] += peak * np.exp(-0.5 * (distance / 0.65) ** 2)
    return trailed


def saturate(image: _Image) -> _Image:
    """Return the image with full pixels capped and their charge bled along the columns."""
    bled = image.copy()
    for band, full in enumerate(_FULL_WELL):
        excess = np.maximum(image[band] - full, 0).sum(axis=0)
        for column in np.flatnonzero(excess > 0):
            row = int(np.argmax(image[band][:, column]))
            reach = int(min(excess[column] / full / 2 + 1, FIELD_PX))
            bled[band, max(0, row - reach) : row + reach + 1, column] = full
    return np.asarray(np.minimum(bled, _FULL_WELL[:, None, None]), dtype=np.float32)


def spoil(image: _Image, rng: np.random.Generator) -> _Image:
    """Return the image with one band missing (NaN); never r, in which galaxies are chosen."""
    spoilt = image.copy()
    spoilt[int(rng.choice([0, 1, 3, 4]))] = np.nan
    return spoilt
