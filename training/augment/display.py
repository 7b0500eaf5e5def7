"""What exposure and processing do to 8-bit colour pictures (counts 0..255); hue is never turned, it is the galaxy's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from training.augment.blurring import blur, reach_of
from training.augment.draws import change_rows, chosen, uniform

__all__ = ["Brighten", "Grey", "PictureBlur", "PictureNoise", "Tint"]

_MOST_COUNTS = 255.0


@dataclass(frozen=True, slots=True)
class Brighten:
    """Expose longer or shorter: all counts times one factor, within ``1 - by`` and ``1 + by``."""

    by: float = 0.2
    probability: float = 0.8
    reach_px: ClassVar[int] = 0

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return counts clipped at white; see :class:`training.augment.draws.Change`."""
        return _exposed(fields, self.by, self.probability, generator, channels=1)


@dataclass(frozen=True, slots=True)
class Tint:
    """Scale the channels apart by a few per cent, as zero points and dust do."""

    by: float = 0.05
    probability: float = 0.8
    reach_px: ClassVar[int] = 0

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return counts clipped at white; see :class:`training.augment.draws.Change`."""
        return _exposed(fields, self.by, self.probability, generator, channels=fields.shape[1])


@dataclass(frozen=True, slots=True)
class Grey:
    """Take the colour away: every channel becomes their mean."""

    probability: float = 0.1
    reach_px: ClassVar[int] = 0

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return pictures, some of them grey; see :class:`training.augment.draws.Change`."""
        is_chosen = chosen(len(fields), self.probability, generator)
        return change_rows(fields, is_chosen, lambda some, _: some.mean(dim=1, keepdim=True).expand_as(some))


@dataclass(frozen=True, slots=True)
class PictureNoise:
    """Add Gaussian noise of up to ``most`` counts per pixel and channel."""

    most: float = 6.0
    probability: float = 0.5
    reach_px: ClassVar[int] = 0

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return counts clipped at black and white; see :class:`training.augment.draws.Change`."""
        n = len(fields)
        sigma = uniform(0, self.most, n, 1, 1, 1, generator=generator)

        # Clipping alone must not change a picture that was not chosen.
        def noisy(some: Tensor, rows: Tensor | slice) -> Tensor:
            noise = torch.randn(some.shape, generator=generator, device=some.device)
            return (some + noise.mul_(sigma[rows]).to(some.dtype)).clamp_(0, _MOST_COUNTS)

        return change_rows(fields, chosen(n, self.probability, generator), noisy)


@dataclass(frozen=True, slots=True)
class PictureBlur:
    """Smear with a Gaussian of sigma ``least_px`` to ``most_px`` field pixels, all channels alike.

    Less than 0.4 px does not reach the next pixel.
    """

    least_px: float = 0.4
    most_px: float = 1.5
    probability: float = 0.5

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return blurred pictures; see :class:`training.augment.draws.Change`."""
        n = len(fields)
        sigma = uniform(self.least_px, self.most_px, n, 1, generator=generator)
        return change_rows(
            fields,
            chosen(n, self.probability, generator),
            lambda some, rows: blur(some, sigma[rows], most=self.most_px),
        )

    @property
    def reach_px(self) -> int:
        """Return the kernel's arm; see :class:`training.augment.draws.Change`."""
        return reach_of(self.most_px)


def _exposed(
    fields: Tensor, by: float, probability: float, generator: torch.Generator, *, channels: int
) -> Tensor:
    n = len(fields)
    factor = uniform(1 - by, 1 + by, n, channels, 1, 1, generator=generator)
    factor = torch.where(chosen(n, probability, generator), factor, 1.0)
    return fields.mul_(factor.to(fields.dtype)).clamp_(max=_MOST_COUNTS)
