"""What the sky, the dust and the telescope do to linear flux."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from training.augment.blurring import blur, reach_of
from training.augment.draws import change_rows, chosen, uniform

__all__ = ["MaskBorder", "Redden", "WorsenNoise", "WorsenPSF"]


@dataclass(frozen=True, slots=True)
class Redden:
    """Lay Galactic dust before the galaxy; to be used on de-reddened flux.

    Attributes
    ----------
    coefficients
        A_b / E(B-V) per band (Schlafly & Finkbeiner 2011, ApJ 737, 103, table 6), from the contract's bands.
    most_ebv
        E(B-V) is drawn evenly from 0 to this, in magnitudes on the SFD98 scale. Hayat et al. 2021 take 0.5, which
        makes the vectors blind to colour; 0.2 covers what is left of a wrong correction.
    """

    coefficients: Sequence[float]
    most_ebv: float = 0.2
    probability: float = 1.0
    reach_px: ClassVar[int] = 0

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return ``flux * 10**(-0.4 A_b)``; see :class:`training.augment.draws.Change`."""
        n = len(fields)
        ebv = uniform(0, self.most_ebv, n, 1, 1, 1, generator=generator)
        ebv = torch.where(chosen(n, self.probability, generator), ebv, 0.0)
        per_band = torch.tensor(self.coefficients, device=fields.device).view(1, -1, 1, 1)
        return fields.mul_((10 ** (-0.4 * per_band * ebv)).to(fields.dtype))


@dataclass(frozen=True, slots=True)
class WorsenPSF:
    """Smear to a worse point-spread function, never to a better one.

    Attributes
    ----------
    sigma_px
        The survey's own PSF per band, Gaussian sigma in field pixels.
    worst
        The new PSF is drawn evenly from the survey's own to this many times it.
    """

    sigma_px: Sequence[float]
    worst: float = 1.5
    probability: float = 0.5

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Convolve with the quadrature difference of both; see :class:`training.augment.draws.Change`."""
        n, bands = fields.shape[:2]
        own = torch.tensor(self.sigma_px, device=fields.device).view(1, bands)
        # One seeing for all bands of an image, as in drift scans.
        factor = uniform(1, self.worst, n, 1, generator=generator)
        sigma = own * torch.sqrt(factor**2 - 1)
        return change_rows(
            fields,
            chosen(n, self.probability, generator),
            lambda some, rows: blur(some, sigma[rows], most=self._most_px),
        )

    @property
    def reach_px(self) -> int:
        """Return the widest kernel's arm; see :class:`training.augment.draws.Change`."""
        return reach_of(self._most_px)

    @property
    def _most_px(self) -> float:
        return max(self.sigma_px) * math.sqrt(self.worst**2 - 1)


@dataclass(frozen=True, slots=True)
class WorsenNoise:
    """Add noise up to a shallower exposure's.

    Attributes
    ----------
    sigma
        The survey's own noise per band, field units per pixel.
    worst
        The new noise is drawn evenly from the survey's own to this many times it.
    """

    sigma: Sequence[float]
    worst: float = 2.0
    probability: float = 0.5
    reach_px: ClassVar[int] = 0

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Add Gaussian noise of the quadrature difference; see :class:`training.augment.draws.Change`."""
        n, bands = fields.shape[:2]
        factor = uniform(1, self.worst, n, 1, 1, 1, generator=generator)
        own = torch.tensor(self.sigma, device=fields.device).view(1, bands, 1, 1)
        sigma = own * torch.sqrt(factor**2 - 1)

        def noisy(some: Tensor, rows: Tensor | slice) -> Tensor:
            noise = torch.randn(some.shape, generator=generator, device=some.device)
            return some + noise.mul_(sigma[rows]).to(some.dtype)

        return change_rows(fields, chosen(n, self.probability, generator), noisy)


@dataclass(frozen=True, slots=True)
class MaskBorder:
    """Leave a smaller field, as a small stamp gives it: what lies outside is 0, as the contract has it (``partial_field``).

    It is the last of the changes: what the sky does to a galaxy, it does inside of the stamp.

    Attributes
    ----------
    least_px, most_px
        The side that stays is drawn evenly between them.
    """

    least_px: int
    most_px: int
    probability: float = 0.3
    reach_px: ClassVar[int] = 0

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return fields with an empty border; see :class:`training.augment.draws.Change`."""
        n, _, side, _ = fields.shape
        kept = uniform(self.least_px, self.most_px, n, 1, 1, 1, generator=generator)
        kept = torch.where(chosen(n, self.probability, generator), kept, float(side))
        off = (torch.arange(side, device=fields.device) - (side - 1) / 2).abs()
        inside = torch.maximum(off.view(1, 1, -1, 1), off.view(1, 1, 1, -1)) <= kept / 2
        return fields.mul_(inside)
