"""Arms, clumps, tails and rings: the parts of galaxies that no analytic profile has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.simulate.light import canvas, painted, points
from survey.simulate.morphology import Shape
from survey.simulate.optics import KImage

__all__ = ["SpiralPattern", "arms", "clumps", "draw_pattern", "lumpy_disc", "ring", "tail"]

_Array = NDArray[np.floating]
# Half-light radius of an exponential disc over its scale length.
R50_PER_SCALE = 1.678


@dataclass(frozen=True, slots=True)
class SpiralPattern:
    """Logarithmic arms in the plane of a disc.

    Attributes
    ----------
    number
        Of arms.
    pitch_rad
        Positive: the arms trail counter-clockwise; negative: clockwise.
    sharpness
        Concentration of the arms in azimuth.
    inner, scale
        Where the arms begin and the scale length of the disc, arcsec.
    phase, lopsided_phase
        Azimuths in radians.
    """

    number: int
    pitch_rad: float
    sharpness: float
    inner: float
    scale: float
    phase: float
    lopsided_phase: float

    def crest(self, radius: _Array) -> _Array:
        """Return the azimuth of the first arm at a radius in arcsec."""
        return np.asarray(self.phase + np.log(radius / self.inner) / np.tan(self.pitch_rad))


def draw_pattern(shape: Shape, rng: np.random.Generator) -> SpiralPattern:
    """Draw arms: mostly two, wound tighter around larger bulges.

    References
    ----------
    Kennicutt 1981, AJ 86, 1847: pitch angles from 5 to 30 degrees, tighter in earlier types.
    """
    pitch = np.radians(np.clip(rng.normal(25 - 25 * shape.bulge_fraction, 4), 9, 32))
    scale = shape.r50_arcsec / R50_PER_SCALE
    return SpiralPattern(
        number=int(rng.choice([2, 2, 2, 2, 3, 4])),
        pitch_rad=float(pitch * rng.choice([-1, 1])),
        sharpness=float(rng.uniform(1.5, 4.0)),
        inner=float(scale * rng.uniform(0.5, 0.9)),
        scale=scale,
        phase=float(2 * np.pi * rng.random()),
        lopsided_phase=float(2 * np.pi * rng.random()),
    )


def arms(pattern: SpiralPattern, shape: Shape, rng: np.random.Generator) -> KImage:
    """Paint spiral arms that start at the inner radius, fade outwards and break into pieces."""
    radius, azimuth = _disc_plane(shape)
    winding = azimuth - pattern.crest(radius)
    crest = np.exp(pattern.sharpness * (np.cos(pattern.number * winding) - 1))
    extent = np.exp(-radius / (1.4 * pattern.scale) - (radius / (5 * pattern.scale)) ** 4)
    start = 1 - np.exp(-((radius / pattern.inner) ** 3))
    uneven = 1 + 0.3 * np.cos(azimuth - pattern.lopsided_phase)
    pieces = np.exp(0.35 * _ripples(winding, np.log(radius / pattern.inner), rng))
    return painted(crest * extent * start * uneven * pieces)


def clumps(pattern: SpiralPattern, shape: Shape, rng: np.random.Generator) -> KImage:
    """Scatter star-forming regions along the arms."""
    n = int(rng.integers(8, 40))
    radius = pattern.inner + rng.gamma(2.0, 0.75 * pattern.scale, n)
    arm = 2 * np.pi / pattern.number * rng.integers(0, pattern.number, n)
    azimuth = pattern.crest(radius) + arm + rng.normal(0, 0.18, n)
    x, y = _to_sky(radius, azimuth, shape)
    return points(x, y, rng.lognormal(0, 0.8, n), sigma=max(0.12, 0.08 * pattern.scale))


def lumpy_disc(shape: Shape, rng: np.random.Generator) -> KImage:
    """Paint an irregular galaxy: an off-centre disc broken into a few patches."""
    x, y = canvas()
    scale = shape.r50_arcsec / R50_PER_SCALE
    shift = 0.4 * scale * rng.standard_normal(2)
    cos, sin = np.cos(shape.turn_rad), np.sin(shape.turn_rad)
    shift = np.array([cos * shift[0] - sin * shift[1], sin * shift[0] + cos * shift[1]])
    radius, azimuth = _disc_plane(shape, shift=shift)
    light = np.exp(-radius / scale) * np.exp(0.4 * _ripples(azimuth, radius / scale, rng))
    for _ in range(int(rng.integers(2, 6))):
        px, py = _to_sky(np.array([scale * rng.gamma(2.0, 0.7)]), 2 * np.pi * rng.random(1), shape)
        width = scale * rng.uniform(0.25, 0.6)
        light += rng.uniform(0.3, 1.2) * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * width**2))
    return painted(light)


def tail(shape: Shape, rng: np.random.Generator, *, start: tuple[float, float] = (0.0, 0.0)) -> KImage:
    """Return a tidal tail: a fading arc that leaves ``start`` (arcsec) and bends away."""
    length = shape.r50_arcsec * rng.uniform(2.5, 5.0)
    s = np.linspace(0, 1, 60)
    heading = 2 * np.pi * rng.random() + rng.choice([-1, 1]) * rng.uniform(1.2, 2.6) * s
    heading += shape.turn_rad
    step = length / len(s)
    x, y = start[0] + np.cumsum(step * np.cos(heading)), start[1] + np.cumsum(step * np.sin(heading))
    return points(x, y, np.exp(-1.2 * s), sigma=0.18 * shape.r50_arcsec)


def ring(radius: float, shape: Shape, rng: np.random.Generator, *, width: float) -> KImage:
    """Return a knotty ring of ``radius`` and ``width`` arcsec in the plane of the disc."""
    azimuth = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    brightness = np.exp(0.3 * _ripples(azimuth, np.zeros_like(azimuth), rng))
    x, y = _to_sky(np.full(azimuth.shape, radius), azimuth, shape)
    return points(x, y, brightness, sigma=width)


def _disc_plane(shape: Shape, shift: _Array | None = None) -> tuple[_Array, _Array]:
    """Return radius (arcsec, never 0) and azimuth of the canvas in the plane of an inclined disc."""
    x, y = canvas()
    if shift is not None:
        x, y = x - shift[0], y - shift[1]
    cos, sin = np.cos(shape.angle_rad), np.sin(shape.angle_rad)
    major, minor = cos * x + sin * y, (cos * y - sin * x) / np.cos(shape.inclination_rad)
    return np.hypot(major, minor) + 1e-3, np.arctan2(minor, major)


def _to_sky(radius: _Array, azimuth: _Array, shape: Shape) -> tuple[_Array, _Array]:
    """Return x and y on the sky of places in the plane of the disc."""
    major = radius * np.cos(azimuth)
    minor = radius * np.sin(azimuth) * np.cos(shape.inclination_rad)
    cos, sin = np.cos(shape.angle_rad), np.sin(shape.angle_rad)
    return cos * major - sin * minor, sin * major + cos * minor


def _ripples(azimuth: _Array, height: _Array, rng: np.random.Generator) -> _Array:
    """Return smooth noise of unit variance, periodic in azimuth."""
    total = np.zeros_like(azimuth)
    for _ in range(6):
        wave, slope, phase = int(rng.integers(2, 9)), float(rng.normal(0, 4)), float(2 * np.pi * rng.random())
        total += np.cos(wave * azimuth + slope * height + phase)
    return np.asarray(total / np.sqrt(3))
