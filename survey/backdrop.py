"""The sky around a galaxy: its level, its noise, and whether it is a pedestal rather than the galaxy's halo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.cutout import MaskArray
from survey.medians import median

__all__ = ["Backdrop", "measure_backdrop"]

_GAUSSIAN_MAD = 1.4826
# Neighbours of resampled images share noise; at three pixels' distance little of that is left.
_LAG_PX = 3
# Of all good pixels by distance from the middle: the sky is looked for in the outermost tenth, and compared
# with the pixels between half and 70 % (about 0.45 of a side from the middle against 0.62).
_FAR, _NEAR = 0.9, (0.5, 0.7)
_MIN_PIXELS = 8
# The light of a galaxy between these two zones falls at least to 0.70 of itself (de Vaucouleurs profile with a
# half-light radius of a whole side, good pixels on a disc), a pedestal does not fall.
_FLATNESS, _PEDESTAL_SIGMA = 0.9, 10.0
# A Gaussian or exponential galaxy of several sides' half-light radius is as flat as that, but from the middle on: of its
# whole fall 0.3 or more lies between the two outer zones, of a galaxy that ends within the frame 0.05 or less.
_MAX_FALL, _MIDDLE = 0.15, 0.05
# Beside a band that is plainly one, less shows that another band stands on the sky too: its level is significant.
_LIKELY_FLATNESS, _LIKELY_SIGMA = 0.8, 3.0
# Standard error of a median of Gaussian noise, in sigma over the root of the number.
_MEDIAN_ERROR = 1.2533


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What one band's outermost pixels tell.

    Attributes
    ----------
    level
        The median of the medians of the far zone's four quarters, in the image's unit: no quarter with a
        neighbour in it counts, and noise is not biased.
    noise
        Standard deviation from differences of pixels three apart: no gradient or halo is in it, but
        correlated noise is underestimated.
    scatter
        1.4826 median absolute deviation within the far zone's quarters: all noise and any gradient.
    is_pedestal
        Whether the far zone stands more than ten times the noise off zero, nearly all of its pixels, and is
        as bright as the zone inside it, as no galaxy's halo is.
    may_be_pedestal
        Whether the far zone's level is significant (three times its error) and hardly fainter than the zone
        inside it: believed where another band is a pedestal.
    """

    level: float
    noise: float
    scatter: float
    is_pedestal: bool
    may_be_pedestal: bool = False

    @property
    def sigma(self) -> float:
        """The larger of both measures of the noise."""
        return max(self.noise, self.scatter)


def measure_backdrop(plane: NDArray[Any], good: MaskArray) -> Backdrop | None:
    """Measure the sky of one band; None where fewer than 8 outer pixels can be used.

    Parameters
    ----------
    plane, good
        Shape (H, W); pixels that are not good may hold anything.
    """
    zones = _zones(good)
    if zones is None:
        return None
    far, near, outer = zones
    values = np.where(good, plane, 0).astype(np.float64)
    quarters = [values[quarter] for quarter in _quarters(far)]
    levels = [median(quarter) for quarter in quarters]
    scatter = median(np.abs(np.concatenate([q - m for q, m in zip(quarters, levels, strict=True)])))
    level = median(np.array(levels))
    noise = _noise(values, outer)
    scatter *= _GAUSSIAN_MAD
    faint, bright = np.percentile(values[far], (5, 95))
    stands_off = min(abs(faint), abs(bright)) > _PEDESTAL_SIGMA * noise and faint * bright > 0
    inside = median(values[near])
    error = _MEDIAN_ERROR * max(noise, scatter) / float(np.sqrt(np.count_nonzero(far)))
    centre = median(values[_middle(good)])
    ends = abs(inside - level) <= max(_LIKELY_SIGMA * error, _MAX_FALL * abs(centre - level))
    is_pedestal = stands_off and ends and _is_flat(inside, level, _FLATNESS)
    is_level = _is_flat(inside, level, _LIKELY_FLATNESS) or abs(inside - level) <= _LIKELY_SIGMA * error
    may_be = is_pedestal or (ends and is_level and abs(level) > _LIKELY_SIGMA * error)
    return Backdrop(level, noise, scatter, bool(is_pedestal), bool(may_be))


def _is_flat(inside: float, level: float, flatness: float) -> bool:
    return inside * level > 0 and flatness <= level / inside <= 1 / flatness


def _middle(good: MaskArray) -> MaskArray:
    """Return the good pixels nearest to the middle, a twentieth of all."""
    distance = _distances(good.shape)
    return np.asarray(good & (distance <= _quantiles_of(good, (_MIDDLE,))[0]))


@lru_cache(maxsize=4)
def _distances(shape: tuple[int, ...]) -> NDArray[np.float64]:
    height, width = shape
    y, x = np.ogrid[:height, :width]
    return np.asarray(np.hypot(x - (width - 1) / 2, y - (height - 1) / 2))


def _zones(good: MaskArray) -> tuple[MaskArray, MaskArray, MaskArray] | None:
    """Return the outermost good pixels, those inside them, and the outer half of all; None if there are too few."""
    distance = _distances(good.shape)
    if np.count_nonzero(good) * (1 - _FAR) < _MIN_PIXELS:
        return None
    inner, outer, edge = _quantiles_of(good, (*_NEAR, _FAR))
    beyond = good & (distance >= inner)
    return good & (distance >= edge), beyond & (distance <= outer), beyond


def _quantiles_of(good: MaskArray, shares: tuple[float, ...]) -> NDArray[np.float64]:
    """Return quantiles of the good pixels' distances from the middle."""
    if good.all():
        return _quantiles_of_all(good.shape, shares)
    return np.asarray(np.quantile(_distances(good.shape)[good], shares))


@lru_cache(maxsize=8)
def _quantiles_of_all(shape: tuple[int, ...], shares: tuple[float, ...]) -> NDArray[np.float64]:
    return np.asarray(np.quantile(_distances(shape), shares))


def _quarters(zone: MaskArray) -> list[MaskArray]:
    """Split a zone into its quarters with enough pixels; the zone itself where none has."""
    height, width = zone.shape
    halves_y = (np.arange(height) < height / 2)[:, None], (np.arange(height) >= height / 2)[:, None]
    halves_x = (np.arange(width) < width / 2)[None], (np.arange(width) >= width / 2)[None]
    quarters = [zone & north & east for north in halves_y for east in halves_x]
    return [quarter for quarter in quarters if np.count_nonzero(quarter) >= _MIN_PIXELS] or [zone]


def _noise(values: NDArray[np.float64], good: MaskArray) -> float:
    steps = [
        (values[_LAG_PX:] - values[:-_LAG_PX])[good[_LAG_PX:] & good[:-_LAG_PX]],
        (values[:, _LAG_PX:] - values[:, :-_LAG_PX])[good[:, _LAG_PX:] & good[:, :-_LAG_PX]],
    ]
    step = np.concatenate(steps)
    if step.size < _MIN_PIXELS:
        return 0.0
    spread = _GAUSSIAN_MAD * median(np.abs(step - median(step)))
    # More than half of the differences of coarse integers are 0.
    return (spread if spread > 0 else float(np.std(step))) / float(np.sqrt(2))
