"""What exposure and processing do to 8-bit colour pictures (counts 0..255); hue stays, it is the galaxy's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.augment.draws import chosen, uniform
from training.augment.flux import blur

__all__ = ["Brighten", "Grey", "PictureBlur", "PictureNoise", "Tint"]

_MOST_COUNTS = 255.0


@dataclass(frozen=True, slots=True)
class Brighten:
    """Expose longer or shorter: all counts times one factor, within ``1 - by`` and ``1 + by``."""

    by: float = 0.2
    probability: float = 0.8

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return counts clipped at white; see :class:`training.augment.draws.Change`."""
        n = len(fields)
        factor = uniform(1 - self.by, 1 + self.by, n, 1, 1, 1, generator=generator)
        factor = torch.where(chosen(n, self.probability, generator), factor, 1.0)
        return (fields * factor.to(fields.dtype)).clamp(max=_MOST_COUNTS)


@dataclass(frozen=True, slots=True)
class Tint:
    """Scale the channels apart by a few per cent, as zero points and dust do."""

    by: float = 0.05
    probability: float = 0.8

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return counts clipped at white; see :class:`training.augment.draws.Change`."""
        n, channels = fields.shape[:2]
        factor = uniform(1 - self.by, 1 + self.by, n, channels, 1, 1, generator=generator)
        factor = torch.where(chosen(n, self.probability, generator), factor, 1.0)
        return (fields * factor.to(fields.dtype)).clamp(max=_MOST_COUNTS)


@dataclass(frozen=True, slots=True)
class Grey:
    """Take the colour away: every channel becomes their mean."""

    probability: float = 0.1

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return pictures, some of them grey; see :class:`training.augment.draws.Change`."""
        grey = fields.mean(dim=1, keepdim=True).expand_as(fields)
        return torch.where(chosen(len(fields), self.probability, generator), grey, fields)


@dataclass(frozen=True, slots=True)
class PictureNoise:
    """Add Gaussian noise of up to ``most`` counts per pixel and channel."""

    most: float = 6.0
    probability: float = 0.5

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return counts clipped at black and white; see :class:`training.augment.draws.Change`."""
        n = len(fields)
        sigma = uniform(0, self.most, n, 1, 1, 1, generator=generator)
        noise = torch.randn(fields.shape, generator=generator, device=fields.device)
        noisy = (fields + (noise * sigma).to(fields.dtype)).clamp(0, _MOST_COUNTS)
        # Clipping alone must not change a picture that was not chosen.
        return torch.where(chosen(n, self.probability, generator), noisy, fields)


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
        n, channels = fields.shape[:2]
        sigma = uniform(self.least_px, self.most_px, n, 1, generator=generator)
        sigma = torch.where(chosen(n, self.probability, generator).view(n, 1), sigma, 0.0)
        return blur(fields, sigma.expand(n, channels), most=self.most_px)
