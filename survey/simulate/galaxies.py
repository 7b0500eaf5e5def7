"""From a shape to the parts of a galaxy, each with its light and colour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from survey.simulate.light import Component, disc, ellipse, points
from survey.simulate.morphology import Shape
from survey.simulate.optics import KImage
from survey.simulate.structures import arms, clumps, draw_pattern, lumpy_disc, tail

__all__ = ["BULGE_COLOUR", "CLUMP_COLOUR", "build_galaxy"]

# Magnitudes relative to the whole galaxy, ugriz, at gradient 1. Bulges are redder and arms bluer than the
# disc between them by amounts typical of nearby spirals (de Jong 1996, A&A 313, 377, figure 5).
_Colour = NDArray[np.float64]
BULGE_COLOUR = np.array([0.30, 0.13, 0.0, -0.05, -0.08])
_DISC_COLOUR = np.array([-0.05, -0.02, 0.0, 0.01, 0.02])
_ARM_COLOUR = np.array([-0.35, -0.18, 0.0, 0.06, 0.10])
CLUMP_COLOUR = np.array([-0.95, -0.45, 0.0, 0.15, 0.25])
_HALO_COLOUR = np.array([-0.10, -0.05, 0.0, 0.02, 0.03])
_DUST_COLOUR = np.array([-0.45, -0.25, 0.0, 0.20, 0.35])
_BARRED = 0.4
_STREAMS = 0.04


def build_galaxy(shape: Shape, rng: np.random.Generator) -> list[Component]:
    """Return the parts of a galaxy; weights need not sum to 1."""
    return _BUILDERS[shape.kind](shape, rng)


def _elliptical(shape: Shape, rng: np.random.Generator) -> list[Component]:
    body = ellipse(
        index=rng.normal(3.8, 0.7),
        r50=shape.r50_arcsec,
        axis_ratio=shape.axis_ratio,
        angle=shape.angle_rad,
    )
    halo = ellipse(
        index=1.0,
        r50=2.2 * shape.r50_arcsec,
        axis_ratio=min(1.0, shape.axis_ratio * 0.95),
        angle=shape.angle_rad,
    )
    parts = [
        Component(body, 1.0, np.zeros(5)),
        Component(halo, rng.uniform(0.03, 0.15), shape.gradient * _HALO_COLOUR),
    ]
    if rng.random() < _STREAMS:
        parts.append(
            Component(tail(shape, rng, start=_place(2.0 * shape.r50_arcsec, shape, rng)), 0.06, _HALO_COLOUR)
        )
    return parts


def _lenticular(shape: Shape, rng: np.random.Generator) -> list[Component]:
    return [
        _bulge(shape, index=rng.normal(3.0, 0.6), size=0.45),
        Component(_disc(shape, thickness=0.22), 1 - shape.bulge_fraction, np.zeros(5)),
    ]


def _spiral(shape: Shape, rng: np.random.Generator) -> list[Component]:
    pattern = draw_pattern(shape, rng)
    rest = 1 - shape.bulge_fraction
    arm_share, clump_share = rng.uniform(0.3, 0.55), rng.uniform(0.02, 0.10)
    parts = [
        _bulge(shape, index=rng.normal(2.0, 0.7), size=0.25),
        Component(
            _disc(shape, thickness=0.12), rest * (1 - arm_share - clump_share), shape.gradient * _DISC_COLOUR
        ),
        Component(arms(pattern, shape, rng), rest * arm_share, shape.gradient * _ARM_COLOUR),
        Component(clumps(pattern, shape, rng), rest * clump_share, shape.gradient * CLUMP_COLOUR),
    ]
    if rng.random() < _BARRED:
        # A bar ends where the arms begin, at the azimuth of the first.
        bar_angle = _seen_angle(pattern.phase, shape)
        bar = ellipse(index=0.5, r50=0.75 * pattern.inner, axis_ratio=0.3, angle=bar_angle)
        parts.append(Component(bar, rest * rng.uniform(0.08, 0.2), 0.7 * shape.gradient * BULGE_COLOUR))
    return parts


def _edge_on(shape: Shape, rng: np.random.Generator) -> list[Component]:
    share = shape.bulge_fraction
    parts = [
        _bulge(shape, index=2.0, size=0.2),
        Component(_disc(shape, thickness=rng.uniform(0.08, 0.14)), 1 - share, shape.gradient * _DISC_COLOUR),
    ]
    if rng.random() < 0.5:
        lane = disc(
            r50=0.9 * shape.r50_arcsec,
            inclination=shape.inclination_rad,
            angle=shape.angle_rad,
            thickness=0.02,
        )
        parts.append(Component(lane, -rng.uniform(0.05, 0.14) * (1 - share), _DUST_COLOUR))
    return parts


def _irregular(shape: Shape, rng: np.random.Generator) -> list[Component]:
    pattern = draw_pattern(shape, rng)
    return [
        Component(lumpy_disc(shape, rng), 0.85, np.zeros(5)),
        Component(clumps(pattern, shape, rng), rng.uniform(0.05, 0.2), shape.gradient * CLUMP_COLOUR),
    ]


def _merger(shape: Shape, rng: np.random.Generator) -> list[Component]:
    """Two discs within a few radii of each other, with tails."""
    ratio = rng.uniform(0.25, 0.9)
    x, y = _place(shape.r50_arcsec * rng.uniform(1.2, 2.6), shape, rng)
    parts = [
        _bulge(shape, index=2.5, size=0.3),
        Component(lumpy_disc(shape, rng), 0.5, shape.gradient * _DISC_COLOUR),
    ]
    other = ellipse(
        index=rng.choice([1.0, 2.0, 4.0]),
        r50=shape.r50_arcsec * np.sqrt(ratio) * 0.7,
        axis_ratio=rng.uniform(0.4, 0.95),
        angle=np.pi * rng.random() + shape.turn_rad,
    )
    moved = points(np.array([x]), np.array([y]), np.ones(1), sigma=0.0) * other
    parts.append(Component(moved, ratio, rng.normal(0, 0.3) * BULGE_COLOUR))
    parts += [
        Component(tail(shape, rng, start=start), rng.uniform(0.08, 0.2), shape.gradient * _ARM_COLOUR)
        for start in ((0.0, 0.0), (x, y))
    ]
    return parts


def _bulge(shape: Shape, *, index: float, size: float) -> Component:
    image = ellipse(
        index=index,
        r50=size * shape.r50_arcsec,
        axis_ratio=max(shape.axis_ratio, 0.35 + 0.65 * np.cos(shape.inclination_rad)),
        angle=shape.angle_rad,
    )
    return Component(image, shape.bulge_fraction, shape.gradient * BULGE_COLOUR)


def _disc(shape: Shape, *, thickness: float) -> KImage:
    # The bulge inside pulls the whole galaxy's half-light radius in; the disc makes up for it.
    r50 = shape.r50_arcsec * (1 + 0.5 * shape.bulge_fraction)
    return disc(r50=r50, inclination=shape.inclination_rad, angle=shape.angle_rad, thickness=thickness)


def _place(distance: float, shape: Shape, rng: np.random.Generator) -> tuple[float, float]:
    angle = 2 * np.pi * rng.random() + shape.turn_rad
    return float(distance * np.cos(angle)), float(distance * np.sin(angle))


def _seen_angle(azimuth: float, shape: Shape) -> float:
    """Return the position angle on the sky of a direction in the plane of the disc."""
    minor = np.sin(azimuth) * np.cos(shape.inclination_rad)
    return float(shape.angle_rad + np.arctan2(minor, np.cos(azimuth)))


_BUILDERS: dict[str, Callable[[Shape, np.random.Generator], list[Component]]] = {
    "elliptical": _elliptical,
    "lenticular": _lenticular,
    "spiral": _spiral,
    "edge_on": _edge_on,
    "irregular": _irregular,
    "merger": _merger,
}
