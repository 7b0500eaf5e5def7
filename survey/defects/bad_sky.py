"""Sky that real sky never is: a pedestal, a gradient, stripes, sides of different noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.defects.look import GAUSSIAN_MAD, Look
from survey.defects.verdict import Verdict
from survey.medians import medians

__all__ = ["bad_sky"]

# Corners are a sixth of a side wide; smaller images have none.
_CORNER, _MIN_SIDE = 6, 24
# In units of a pixel's noise, of the ratio of two noises, and of what white noise gives. Of 4,200 simulated galaxies 0.1 %
# have a pedestal of 0.6 or a gradient of 0.6 sigma, sides that differ by 1.5 or stripes of 1.7; KiDS stamps reach 1.2,
# 2.5 and 2.0 where a bright star stands in a corner.
_PEDESTAL_SIGMA, _GRADIENT_SIGMA, _NOISE_RATIO, _STRIPES = 2.0, 1.5, 3.0, 2.5
# A galaxy's outskirts fall from the middles of the sides to the corners, 1.4 times as far out, by more than this.
_FLATNESS = 0.8
# Standard error of a median of Gaussian noise, in sigma over the root of the number.
_MEDIAN_ERROR = 1.2533
# Counts of a picture: of all corners, of one channel above the others (at least this share of it), from side to side.
_PICTURE_LEVEL, _PICTURE_COLOUR, _PICTURE_PURITY, _PICTURE_GRADIENT = 40.0, 15.0, 0.3, 60.0


@dataclass(frozen=True, slots=True, eq=False)
class _Corners:
    """Levels and noises of the corners, first row left and right, last row left and right, shape (4, C)."""

    level: NDArray[np.float64]
    noise: NDArray[np.float64]

    def steps(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how much both corners of one side exceed both of the side opposite, the larger way, shape (C,)."""
        sides = [(0, 1), (2, 3), (0, 2), (1, 3)]
        low = np.array([values[list(pair)].min(axis=0) for pair in sides])
        high = np.array([values[list(pair)].max(axis=0) for pair in sides])
        return np.asarray(np.maximum(low - high[[1, 0, 3, 2]], 0).max(axis=0))


def bad_sky(look: Look) -> Iterator[Verdict]:
    """Compare the four corners and the rows of the frame with each other and with zero."""
    if min(look.shape) < _MIN_SIDE or not look.good.all():
        return
    found = _in_picture(look) if look.is_display else _in_flux(look)
    if found:
        yield Verdict("bad_sky", "warning", found)


def _in_flux(look: Look) -> str | None:
    corners = _corners(look)
    # A source in a corner makes it noisier: the second quietest is the sky's.
    noise = np.sort(corners.noise, axis=0)[1]
    noise = np.where(noise > 0, noise, np.inf)
    pedestal = _pedestal(look, corners) / noise
    gradient = corners.steps(corners.level) / noise
    logs = np.log(np.maximum(corners.noise, 1e-30))
    ratio = np.exp(np.where(np.isfinite(noise), corners.steps(logs), 0))
    stripes = _stripes(look) / noise
    for value, limit, text in (
        (pedestal, _PEDESTAL_SIGMA, "The sky of {band} stands {value:.2g} times its noise off zero, to the corners."),
        (gradient, _GRADIENT_SIGMA, "The sky of {band} rises by {value:.2g} times its noise from side to side."),
        (ratio, _NOISE_RATIO, "The sky of {band} is {value:.2g} times as noisy on one side as on the other."),
        (stripes, _STRIPES, "Rows or columns of {band} scatter {value:.2g} times as much as their noise."),
    ):  # fmt: skip
        worst = int(value.argmax())
        if value[worst] > limit:
            return text.format(band=look.names[worst], value=value[worst])
    return None


def _in_picture(look: Look) -> str | None:
    level = _corners(look).level
    darkest = float(level.max(axis=1).min())
    if darkest > _PICTURE_LEVEL:
        return f"Even the darkest corner has {darkest:.0f} counts."
    # A galaxy's outskirts are yellow, grey or bluish: never is one channel far above both others.
    ordered = np.sort(level, axis=1)
    tint = ordered[:, -1] - ordered[:, -2]
    tint[tint < _PICTURE_PURITY * ordered[:, -1]] = 0
    # One corner alone may hold a star.
    colour = float(np.sort(tint)[-2])
    if colour > _PICTURE_COLOUR:
        return f"The sky is coloured: one channel stands {colour:.0f} counts above the others in two corners."
    gradient = float(_Corners(level, level).steps(level).max())
    if gradient > _PICTURE_GRADIENT:
        return f"The sky rises by {gradient:.0f} counts from side to side."
    return None


def _corners(look: Look) -> _Corners:
    height, width = look.shape[0] // _CORNER, look.shape[1] // _CORNER
    boxes = np.stack(
        [
            look.flux[:, rows, columns].reshape(len(look.names), -1)
            for rows in (slice(height), slice(-height, None))
            for columns in (slice(width), slice(-width, None))
        ]
    )
    level = medians(boxes)
    noise = GAUSSIAN_MAD * medians(np.abs(boxes - level[..., None].astype(np.float32)))
    return _Corners(level.astype(np.float64), noise.astype(np.float64))


def _pedestal(look: Look, corners: _Corners) -> NDArray[np.float64]:
    """Return how far all corners stand off zero, 0 where they do not agree or the light falls towards them."""
    same = (corners.level > 0).all(axis=0) | (corners.level < 0).all(axis=0)
    height, width = look.shape[0] // _CORNER, look.shape[1] // _CORNER
    y, x = (look.shape[0] - height) // 2, (look.shape[1] - width) // 2
    middles = np.stack(
        [
            look.flux[:, rows, columns].reshape(len(look.names), -1)
            for rows, columns in (
                (slice(height), slice(x, x + width)),
                (slice(-height, None), slice(x, x + width)),
                (slice(y, y + height), slice(width)),
                (slice(y, y + height), slice(-width, None)),
            )
        ]
    )
    level = np.abs(corners.level).min(axis=0)
    inside = np.abs(medians(medians(middles).T))
    return np.where(same & (level > _FLATNESS * inside), level, 0.0)


def _stripes(look: Look) -> NDArray[np.float64]:
    """Return the scatter from row to row, and from column to column, of medians far from the galaxy, over its error."""
    worst = np.zeros(len(look.names))
    for planes in (look.flux, look.flux.transpose(0, 2, 1)):
        quarter = planes.shape[2] // 4
        outer = np.concatenate([planes[:, :, :quarter], planes[:, :, -quarter:]], axis=2)
        # Second differences, of variance 6, leave out what changes smoothly: a galaxy that reaches so far.
        steps = np.abs(np.diff(medians(outer), n=2, axis=1))
        scatter = GAUSSIAN_MAD / np.sqrt(6) * medians(steps)
        worst = np.maximum(worst, scatter * np.sqrt(2 * quarter) / _MEDIAN_ERROR)
    return worst
