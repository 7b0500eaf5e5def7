"""Bands that an upload lacks, made up from those it has in the way of :meth:`index.domain.Domain.fill`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from index.colours import clipped_moments
from index.domain import Domain
from survey.contract import InputContract
from survey.measures import aperture_px, measure
from training.augment.draws import change_rows, chosen, uniform

__all__ = ["DropBand", "UsualBands"]

FloatArray = NDArray[np.float64]

_POGSON = 2.5 / math.log(10)
_GAUSSIAN_MAD = 1.4826
# The frame that counts as sky is this share of the side wide.
_FRAME = 16
# As in index.filling: no colour is larger; a lender is quiet up to this many times the usual noise.
_MAX_RATIO, _QUIET = 50.0, 1.5
# Wavelengths in nm are smaller: any quiet band comes before any loud one.
_LOUD = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class UsualBands:
    """What the galaxies of a survey have in each band.

    Attributes
    ----------
    mean, covariance
        Of the asinh magnitudes in the central aperture, outliers left out, shape (C,) and (C, C).
    low, high
        Smallest and largest magnitude of each band, shape (C,).
    softening
        Of the magnitudes, nanomaggy, shape (C,).
    noise
        Usual noise of a pixel, nanomaggy, shape (C,).
    pivots_nm
        Wavelengths, shape (C,).
    aperture_px
        Radius of the aperture.
    """

    mean: FloatArray
    covariance: FloatArray
    low: FloatArray
    high: FloatArray
    softening: FloatArray
    noise: FloatArray
    pivots_nm: FloatArray
    aperture_px: float

    @classmethod
    def fitted(cls, fields: NDArray[np.generic], contract: InputContract) -> UsualBands:
        """Measure a sample of stored fields, shape (n, C, F, F).

        Raises
        ------
        ValueError
            If fewer than 30 have all their bands.
        """
        whole = np.ones(fields.shape[1:], dtype=np.bool_)
        sample = [
            measure(field.astype(np.float32), whole, contract.bands, contract.pixel_scale_arcsec)
            for field in fields
        ]
        domain = Domain.fitted(sample)
        if domain is None:
            raise ValueError("too few galaxies have all their bands to learn how a missing one is made up")
        mean, covariance = clipped_moments(domain.magnitudes)
        return cls(
            mean=mean,
            covariance=covariance,
            low=domain.magnitudes.min(axis=0),
            high=domain.magnitudes.max(axis=0),
            softening=domain.softening,
            noise=domain.typical_noise,
            pivots_nm=np.array([band.pivot_nm for band in contract.bands]),
            aperture_px=aperture_px(contract.field_px),
        )

    def expected(self, flux: Tensor, lost: Tensor) -> Tensor:
        """Complete aperture fluxes by the mean of the Gaussian of magnitudes, given those that are there.

        A service takes the mean of the galaxies nearest in magnitude instead, which is that of all where colours follow
        from magnitudes in straight lines.

        Parameters
        ----------
        flux, lost
            Shape (n, C); True where a band is missing, not everywhere.

        Returns
        -------
        Tensor
            Shape (n, C); fluxes that are not missing come back as they are.
        """
        mean, covariance, low, high, softening = (
            torch.as_tensor(values, dtype=torch.float32, device=flux.device)
            for values in (self.mean, self.covariance, self.low, self.high, self.softening)
        )
        zero_point = torch.log(1e-9 * softening)
        magnitudes = -_POGSON * (torch.asinh(flux / (2 * softening)) + zero_point)
        there = (~lost).float()
        # A missing band stands in the system as a line of its own that says nothing of the others.
        system = covariance * there[:, :, None] * there[:, None, :] + torch.diag_embed(lost.float())
        weighed, _ = torch.linalg.solve_ex(system, ((magnitudes - mean) * there)[:, :, None])
        complete = mean + (covariance @ weighed).squeeze(2)
        complete = torch.minimum(torch.maximum(complete, low - 1), high + 1)
        made = 2 * softening * torch.sinh(-complete / _POGSON - zero_point)
        return torch.where(lost, made, flux)


@dataclass(frozen=True, slots=True)
class DropBand:
    """Lose up to ``most`` bands, which are made up from the others as an upload's are; to come before borders are masked.

    Attributes
    ----------
    usual
        Of the training galaxies.
    most
        The number lost is drawn evenly from 1 to this.
    """

    usual: UsualBands
    most: int = 1
    probability: float = 0.1
    reach_px: ClassVar[int] = 0

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return fields, some with bands replaced; see :class:`training.augment.draws.Change`."""
        n, bands = fields.shape[:2]
        count = uniform(1, self.most + 1, n, 1, generator=generator).floor()
        lost = uniform(0, 1, n, bands, generator=generator).argsort(dim=1).argsort(dim=1) < count
        return change_rows(
            fields,
            chosen(n, self.probability, generator),
            lambda some, rows: self.filled(some, lost[rows], generator),
        )

    def filled(self, fields: Tensor, lost: Tensor, generator: torch.Generator) -> Tensor:
        """Make bands up.

        The shape is that of the band nearest in wavelength whose noise, scaled, is not far above what the missing one has
        usually; noise is added up to that.

        Parameters
        ----------
        fields
            Shape (n, C, F, F), of which only the bands that are not lost are looked at.
        lost
            Shape (n, C), True somewhere but not everywhere.
        """
        typical, pivots = (
            torch.as_tensor(values, dtype=torch.float32, device=fields.device)
            for values in (self.usual.noise, self.usual.pivots_nm)
        )
        flux, noise = (fields * _disc(fields, self.usual.aperture_px)).sum(dim=(2, 3)), _noise(fields)
        target = self.usual.expected(flux, lost)
        # From here on (image, band that is made up, band that lends).
        is_bright = (flux[:, None, :] > 0) & (target[:, :, None] > 0)
        ratio = (target[:, :, None] / flux[:, None, :]).clamp(1 / _MAX_RATIO, _MAX_RATIO)
        ratio = torch.where(is_bright, ratio, 0.0)
        scaled = ratio * noise[:, None, :]
        away = (pivots[:, None] - pivots[None, :]).abs()
        rank = torch.where(scaled <= _QUIET * typical[:, None], away, _LOUD + scaled)
        lender = rank.masked_fill(lost[:, None, :], math.inf).argmin(dim=2, keepdim=True)
        ratio, scaled = (values.gather(2, lender)[..., None] for values in (ratio, scaled))
        lacking = torch.sqrt((typical[:, None, None] ** 2 - scaled**2).clamp(min=0))
        grain = torch.randn(fields.shape, generator=generator, device=fields.device)
        made = ratio * fields.gather(1, lender[..., None].expand_as(fields)) + lacking * grain
        return torch.where(lost[..., None, None], made.to(fields.dtype), fields)


def _disc(fields: Tensor, radius_px: float) -> Tensor:
    """Return 1 inside a disc around the middle and 0 elsewhere, shape (F, F)."""
    axis = torch.arange(fields.shape[-1], device=fields.device) - (fields.shape[-1] - 1) / 2
    return (torch.hypot(axis[:, None], axis[None, :]) <= radius_px).to(fields.dtype)


def _noise(fields: Tensor) -> Tensor:
    """Return 1.4826 times the median absolute deviation of the outermost pixels, shape (n, C)."""
    width = max(1, fields.shape[-1] // _FRAME)
    rows = torch.cat([fields[:, :, :width], fields[:, :, -width:]], dim=2).flatten(2)
    between = fields[:, :, width:-width]
    columns = torch.cat([between[..., :width], between[..., -width:]], dim=3).flatten(2)
    frame = torch.cat([rows, columns], dim=2)
    middle = frame.median(dim=2, keepdim=True).values
    return _GAUSSIAN_MAD * (frame - middle).abs().median(dim=2).values
