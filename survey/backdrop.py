"""The sky around a galaxy: its level, its noise, and whether it is a pedestal rather than the galaxy's halo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.cutout import MaskArray

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


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What one band's outermost pixels tell.

    Attributes
    ----------
    level
        The least of the medians of the far zone's four quarters, in the image's unit.
    noise
        Standard deviation from differences of pixels three apart: no gradient or halo is in it, but
        correlated noise is underestimated.
    scatter
        1.4826 median absolute deviation within the far zone's quarters: all noise and any gradient.
    is_pedestal
        Whether the far zone stands more than ten times the noise off zero, nearly all of its pixels, and is
        as bright as the zone inside it, as no galaxy's halo is.
    """

    level: float
    noise: float
    scatter: float
    is_pedestal: bool

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
    medians = [float(np.median(quarter)) for quarter in quarters]
    scatter = float(
        np.median(np.abs(np.concatenate([q - m for q, m in zip(quarters, medians, strict=True)])))
    )
    level = min(medians, key=abs)
    noise = _noise(values, outer)
    inside = float(np.median(values[near]))
    faint, bright = np.percentile(values[far], (5, 95))
    stands_off = min(abs(faint), abs(bright)) > _PEDESTAL_SIGMA * noise and faint * bright > 0
    is_flat = inside * level > 0 and _FLATNESS <= level / inside <= 1 / _FLATNESS
    return Backdrop(level, noise, _GAUSSIAN_MAD * scatter, bool(stands_off and is_flat))


def _zones(good: MaskArray) -> tuple[MaskArray, MaskArray, MaskArray] | None:
    """Return the outermost good pixels, those inside them, and the outer half of all; None if there are too few."""
    height, width = good.shape
    y, x = np.ogrid[:height, :width]
    distance = np.hypot(x - (width - 1) / 2, y - (height - 1) / 2)
    of_good = distance[good]
    if of_good.size * (1 - _FAR) < _MIN_PIXELS:
        return None
    inner, outer, edge = np.quantile(of_good, (*_NEAR, _FAR))
    beyond = good & (distance >= inner)
    return good & (distance >= edge), beyond & (distance <= outer), beyond


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
    spread = _GAUSSIAN_MAD * float(np.median(np.abs(step - np.median(step))))
    # More than half of the differences of coarse integers are 0.
    return (spread if spread > 0 else float(np.std(step))) / float(np.sqrt(2))
