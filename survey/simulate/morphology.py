"""What kind of galaxy it is, and how large, seen from which side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from survey.simulate.population import Galaxy
from survey.simulate.sizes import draw_radius_kpc

__all__ = ["KINDS", "Shape", "draw_shape", "early_probability"]

KINDS = ("elliptical", "lenticular", "spiral", "edge_on", "irregular", "merger")

# Width of the step from late to early types in rest-frame u - r, magnitudes: the stated scatter of
# morphology at fixed colour and luminosity (a tenth of galaxies are of the "wrong" type 0.33 mag away).
_COLOUR_SCATTER = 0.15
_EDGE_ON_COS = 0.22
_MERGERS = 0.03
# Within the 33 arcsec field; smaller than the smallest the PSF leaves measurable is no loss.
_LEAST_ARCSEC, _LARGEST_ARCSEC = 0.6, 7.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A galaxy's appearance, apart from its details.

    Attributes
    ----------
    kind
        One of `KINDS`.
    r50_arcsec
        Half-light radius along the major axis, before the PSF.
    bulge_fraction
        Share of the r light in the bulge, 0..1; 1 for ellipticals.
    inclination_rad
        0 face-on to pi/2 edge-on.
    axis_ratio
        Of an elliptical or a bulge.
    angle_rad
        Position angle of the major axis, from +x.
    gradient
        Strength of the colour differences between bulge, disc and arms; 1 is typical.
    turn_rad
        By how much the whole galaxy is turned on the sky; already part of ``angle_rad``.
    """

    kind: str
    r50_arcsec: float
    bulge_fraction: float
    inclination_rad: float
    axis_ratio: float
    angle_rad: float
    gradient: float
    turn_rad: float = 0.0

    def turned(self, by_rad: float) -> Shape:
        """Return the same galaxy at another position angle."""
        return replace(self, angle_rad=self.angle_rad + by_rad, turn_rad=self.turn_rad + by_rad)


def early_probability(rest_u_r: float, abs_mag_r: float) -> float:
    """Return the probability of an early type.

    A logistic step of width 0.15 mag about the divider between the red and the blue sequence.

    References
    ----------
    Baldry et al. 2004, ApJ 600, 681, equation 11.
    """
    divider = 2.06 - 0.244 * np.tanh((abs_mag_r + 20.07) / 1.09)
    return float(1 / (1 + np.exp(-(rest_u_r - divider) / _COLOUR_SCATTER)))


def draw_shape(galaxy: Galaxy, rng: np.random.Generator) -> Shape:
    """Draw the kind of a galaxy from its colour and luminosity, its size from its luminosity."""
    is_early = bool(rng.random() < early_probability(galaxy.rest_u_r, galaxy.abs_mag_r))
    cos_inclination = float(rng.random())
    kind = _kind(galaxy, rng, is_early=is_early, cos_inclination=cos_inclination)
    if kind == "spiral":
        # Below this a spiral would be classed edge-on.
        cos_inclination = max(cos_inclination, _EDGE_ON_COS)
    radius = draw_radius_kpc(galaxy.abs_mag_r, is_early=is_early, rng=rng) * galaxy.arcsec_per_kpc
    return Shape(
        kind=kind,
        r50_arcsec=float(np.clip(radius, _LEAST_ARCSEC, _LARGEST_ARCSEC)),
        bulge_fraction=_bulge_fraction(kind, galaxy, rng),
        inclination_rad=float(np.arccos(cos_inclination)),
        axis_ratio=float(np.clip(rng.normal(0.78, 0.14), 0.4, 0.98)),
        angle_rad=float(rng.random() * np.pi),
        gradient=float(rng.lognormal(0.0, 0.3)),
    )


def _kind(galaxy: Galaxy, rng: np.random.Generator, *, is_early: bool, cos_inclination: float) -> str:
    if rng.random() < _MERGERS:
        return "merger"
    if is_early and rng.random() < np.clip(0.45 + 0.15 * (-21.0 - galaxy.abs_mag_r), 0.2, 0.9):
        return "elliptical"
    faintness = 1 / (1 + np.exp(-(galaxy.abs_mag_r + 18.8) / 0.5))
    if not is_early and rng.random() < 0.8 * faintness:
        return "irregular"
    if cos_inclination < _EDGE_ON_COS:
        return "edge_on"
    return "lenticular" if is_early else "spiral"


def _bulge_fraction(kind: str, galaxy: Galaxy, rng: np.random.Generator) -> float:
    """Draw B/T: rising with redness in discs, scatter 0.1."""
    if kind == "elliptical":
        return 1.0
    typical = {"lenticular": 0.5, "irregular": 0.0, "merger": 0.35}.get(
        kind, float(np.clip(0.12 + 0.25 * (galaxy.rest_u_r - 1.6), 0.05, 0.45))
    )
    if kind == "irregular":
        return 0.0
    return float(np.clip(rng.normal(typical, 0.1), 0.02, 0.8))
