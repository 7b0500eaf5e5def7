"""One galaxy of the demo survey: from its true flux to noisy pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from survey.simulate.galaxies import build_galaxy
from survey.simulate.light import Component, combine, points
from survey.simulate.morphology import Shape, draw_shape
from survey.simulate.oddities import (
    bright_star,
    draw_oddity,
    extra_source,
    ring_galaxy,
    saturate,
    spoil,
    streak,
)
from survey.simulate.optics import Observation, add_noise, draw_observation, expose
from survey.simulate.population import Galaxy
from survey.simulate.surroundings import neighbours

__all__ = ["Rendered", "galaxy_generator", "render_galaxy"]

# Cutouts of real frames are cut at whole pixels; ours keep a little of that.
_OFF_CENTRE_ARCSEC = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A picture and how it came about.

    Attributes
    ----------
    image
        Nanomaggy per pixel, float32, shape (5, FIELD_PX, FIELD_PX); NaN in a missing band.
    oddity
        One of `survey.simulate.oddities.ODDITIES`, or None.
    """

    image: NDArray[np.float32]
    shape: Shape
    observation: Observation
    oddity: str | None


def galaxy_generator(seed: int, index: int) -> np.random.Generator:
    """Return a galaxy's own random numbers, whoever renders it, in whatever order."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, index)))


def render_galaxy(
    galaxy: Galaxy,
    *,
    seed: int,
    oddity_rate: float | None = None,
    realisation: int = 0,
    seeing: float = 1.0,
    as_point: bool = False,
) -> Rendered:
    """Draw shape, conditions and surroundings of a galaxy and render it; a function of its arguments.

    Parameters
    ----------
    realisation
        0 is the survey itself. Any other shows the same galaxy, part for part, as it would be seen elsewhere: at another
        position angle and place on the pixel grid, with other seeing, noise and surroundings.
    seeing
        By how much the PSF is wider than that drawn.
    as_point
        Show its light as that of a star.
    """
    rng = galaxy_generator(seed, galaxy.index)
    oddity = draw_oddity(rng) if oddity_rate is None else draw_oddity(rng, oddity_rate)
    shape, observation = draw_shape(galaxy, rng), draw_observation(rng)
    # What belongs to the galaxy comes from ``rng``, what belongs to the look at it from ``seen``.
    seen = rng
    if realisation:
        seen = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2, realisation, galaxy.index)))
        shape, observation = shape.turned(2 * np.pi * seen.random()), draw_observation(seen)
    observation = replace(observation, fwhm=seeing * observation.fwhm)
    parts = ring_galaxy(shape, rng) if oddity == "ring" else build_galaxy(shape, rng)
    if as_point:
        parts = [Component(points(np.zeros(1), np.zeros(1), np.ones(1), sigma=0.0), 1.0, np.zeros(5))]
    sources = combine(parts, galaxy.flux) + neighbours(galaxy.flux, seen)
    if oddity in ("arc", "blend"):
        sources.append(extra_source(oddity, galaxy.flux, seen))
    x, y = seen.normal(0, _OFF_CENTRE_ARCSEC, 2)
    clean = expose(sources, observation, (x, y))
    if oddity == "saturated_star":
        clean = bright_star(clean, observation, seen)
    if oddity == "satellite_trail":
        clean = streak(clean, seen)
    image = add_noise(clean, observation, seen)
    if oddity == "saturated_star":
        image = saturate(image)
    if oddity == "missing_band":
        image = spoil(image, seen)
    return Rendered(image, shape, observation, oddity)
