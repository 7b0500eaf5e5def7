"""Turn, mirror, shift and scale galaxies, with one interpolation for all of it.

Each class draws one matrix per image, which takes places of the new field to places of the old one; :class:`Geometry`
multiplies them and samples once, since every interpolation blurs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from training.augment.draws import chosen, uniform

__all__ = ["Flip", "Geometry", "Placement", "Rotate", "Scale", "Shift"]


class Placement(Protocol):
    """A random change of where a galaxy lies in its field."""

    def matrices(self, n: int, side_px: int, generator: torch.Generator) -> Tensor:
        """Return shape (n, 3, 3): (x, y, 1) of the new field to the old one, both in -1 .. 1 from edge to edge."""


@dataclass(frozen=True, slots=True)
class Rotate:
    """Turn by any angle about the middle."""

    probability: float = 1.0

    def matrices(self, n: int, side_px: int, generator: torch.Generator) -> Tensor:
        """Return rotations; see :class:`Placement`."""
        del side_px
        turn = chosen(n, self.probability, generator).view(n)
        angle = torch.where(turn, uniform(0, 2 * math.pi, n, generator=generator), 0.0)
        matrices = _identity(n, generator)
        matrices[:, 0, 0] = matrices[:, 1, 1] = torch.cos(angle)
        matrices[:, 1, 0] = torch.sin(angle)
        matrices[:, 0, 1] = -matrices[:, 1, 0]
        return matrices


@dataclass(frozen=True, slots=True)
class Flip:
    """Mirror left and right; with a rotation this gives every parity and angle."""

    probability: float = 0.5

    def matrices(self, n: int, side_px: int, generator: torch.Generator) -> Tensor:
        """Return reflections; see :class:`Placement`."""
        del side_px
        matrices = _identity(n, generator)
        matrices[:, 0, 0] = torch.where(chosen(n, self.probability, generator).view(n), -1.0, 1.0)
        return matrices


@dataclass(frozen=True, slots=True)
class Shift:
    """Move the galaxy off the middle (jitter crop).

    Attributes
    ----------
    pixels
        Largest shift along each axis, in field pixels; whole and fractional ones alike.
    """

    pixels: float
    probability: float = 1.0

    def matrices(self, n: int, side_px: int, generator: torch.Generator) -> Tensor:
        """Return translations; see :class:`Placement`."""
        moved = chosen(n, self.probability, generator).view(n, 1)
        step = 2 * self.pixels / side_px
        matrices = _identity(n, generator)
        matrices[:, :2, 2] = torch.where(moved, uniform(-step, step, n, 2, generator=generator), 0.0)
        return matrices


@dataclass(frozen=True, slots=True)
class Scale:
    """Make the galaxy larger or smaller, by one factor on both axes, drawn evenly in its logarithm.

    Attributes
    ----------
    low, high
        Range of the factor; above 1 the galaxy grows.
    """

    low: float
    high: float
    probability: float = 1.0

    def matrices(self, n: int, side_px: int, generator: torch.Generator) -> Tensor:
        """Return scalings; see :class:`Placement`."""
        del side_px
        grown = torch.exp(uniform(math.log(self.low), math.log(self.high), n, generator=generator))
        factor = torch.where(chosen(n, self.probability, generator).view(n), grown, 1.0)
        matrices = _identity(n, generator)
        matrices[:, 0, 0] = matrices[:, 1, 1] = 1 / factor
        return matrices


@dataclass(frozen=True, slots=True)
class Geometry:
    """Several placements as one resampling, bilinear; beyond the field there is nothing (zeros).

    Surface brightness is kept, as for a galaxy seen at another distance: a galaxy that is twice as large is four times
    as bright.

    Attributes
    ----------
    side_px
        Side of what is sampled, the middle of the new field: the rest of it costs nothing. The whole field if None.
    """

    placements: Sequence[Placement]
    side_px: int | None = None
    reach_px: ClassVar[int] = 0

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return fields placed anew, a new array; see :class:`training.augment.draws.Change`."""
        n, channels, side, _ = fields.shape
        sampled = self.side_px or side
        matrices = _identity(n, generator)
        for placement in self.placements:
            matrices = matrices @ placement.matrices(n, side, generator)
        # From edge to edge of the middle is so much less than from edge to edge of the field.
        matrices[:, :2, :2] *= sampled / side
        places = functional.affine_grid(
            matrices[:, :2].to(fields.dtype), [n, channels, sampled, sampled], align_corners=False
        )
        return functional.grid_sample(
            fields, places, mode="bilinear", padding_mode="zeros", align_corners=False
        )


def _identity(n: int, generator: torch.Generator) -> Tensor:
    return torch.eye(3, device=generator.device).repeat(n, 1, 1)
