"""The photo-z network: a pretrained trunk and aperture magnitudes beneath one head of bins or Gaussians."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from index.pdf import RedshiftGrid
from training.models.apertures import Apertures
from training.models.resnet import ResNet

__all__ = ["HeadKind", "PhotozHead", "PhotozNetwork"]

HeadKind = Literal["bins", "mixture"]
_TINY = 1e-12
# Principal axes of the magnitudes that scatter less than this are noise, and are not blown up to unit scatter.
_NOISE_MAG = 0.1
# Scatter of the trunk's numbers beside that of the axes: at 1 hundreds of them let the head learn its galaxies by heart.
_OTHERS = 0.2
_TINY_SPREAD = 1e-3


class PhotozHead(nn.Module):
    """From features to logits of redshift bins.

    Parameters
    ----------
    inside
        F, length of the features.
    hidden
        Width of both hidden layers.
    kind
        ``bins``: one logit a bin. ``mixture``: weights, means and widths of Gaussians, integrated over the bins, so that
        both kinds are trained, calibrated and compared in the same terms.
    components
        Gaussians of a mixture.

    References
    ----------
    Bishop 1994, Mixture density networks, Aston University NCRG/94/004.
    """

    edges: Tensor
    starts: Tensor
    #: Widths of Gaussians are ``LEAST_WIDTH + WIDTH softplus(number)``: they begin near the error that colours allow.
    LEAST_WIDTH, WIDTH = 0.002, 0.02

    def __init__(
        self,
        inside: int,
        grid: RedshiftGrid,
        *,
        hidden: int = 256,
        kind: HeadKind = "bins",
        components: int = 6,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.kind, self.components = kind, components
        outside = grid.n_bins if kind == "bins" else 3 * components
        self.layers = nn.Sequential(
            nn.Linear(inside, hidden),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, outside),
        )
        self.register_buffer("edges", torch.from_numpy(grid.edges).float(), persistent=False)
        # Means begin spread over the lower half of the grid.
        self.register_buffer("starts", torch.linspace(-3, 0, components), persistent=False)
        self.z_max = grid.z_max

    def forward(self, features: Tensor) -> Tensor:
        """Turn features (N, F) into logits (N, B)."""
        numbers: Tensor = self.layers(features)
        if self.kind == "bins":
            return numbers
        weight, mean, width = numbers.chunk(3, dim=1)
        mean = self.z_max * torch.sigmoid(mean + self.starts)
        width = self.LEAST_WIDTH + self.WIDTH * nn.functional.softplus(width)
        scaled = (self.edges[None, None] - mean[..., None]) / (width[..., None] * math.sqrt(2))
        share = torch.diff(torch.erf(scaled), dim=2) / 2
        probability = (torch.softmax(weight, dim=1)[..., None] * share).sum(dim=1)
        return torch.log(probability + _TINY)


class PhotozNetwork(nn.Module):
    """Trunk, magnitudes, head.

    Parameters
    ----------
    trunk
        Pretrained or not.
    apertures
        None leaves the magnitudes out.
    ebv
        Whether E(B-V) is a further input (Pasquet et al. 2019, A&A 621, A26).

    Attributes
    ----------
    centre
        Mean raw feature of the training part, shape (F,).
    mixing
        What the magnitudes less their mean are multiplied by, shape (P, P): their principal axes, each divided by its
        scatter. Magnitudes in 45 apertures are nearly one number; redshift is in the small differences.
    spread
        What the other features less their mean are divided by, shape (F - P,).
    """

    centre: Tensor
    mixing: Tensor
    spread: Tensor

    def __init__(
        self,
        trunk: ResNet | None,
        apertures: Apertures | None,
        grid: RedshiftGrid,
        *,
        ebv: bool = False,
        hidden: int = 256,
        kind: HeadKind = "bins",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.trunk, self.apertures, self.has_ebv = trunk, apertures, ebv
        length = (
            (0 if trunk is None else trunk.dimension) + (0 if apertures is None else apertures.n) + int(ebv)
        )
        self.head = PhotozHead(length, grid, hidden=hidden, kind=kind, dropout=dropout)
        self.n_photometry = 0 if apertures is None else apertures.n
        self.register_buffer("centre", torch.zeros(length))
        self.register_buffer("mixing", torch.eye(self.n_photometry))
        self.register_buffer("spread", torch.ones(length - self.n_photometry))

    def raw(self, images: Tensor, ebv: Tensor | None = None) -> Tensor:
        """Turn inputs (N, C, S, S) into numbers (N, F): magnitudes, the trunk's vector, E(B-V)."""
        parts = []
        if self.apertures is not None:
            # Sums in half precision are off by half a hundredth of a magnitude, as much as the colours that matter.
            with torch.autocast(images.device.type, enabled=False):
                parts.append(self.apertures(images))
        if self.trunk is not None:
            parts.append(self.trunk(images.contiguous(memory_format=torch.channels_last)).float())
        if self.has_ebv:
            assert ebv is not None, "this network reads E(B-V) too"
            parts.append(ebv[:, None].float())
        return torch.cat(parts, dim=1)

    def standardised(self, raw: Tensor) -> Tensor:
        """Bring raw features (N, F) to the scale of the training part."""
        centred = raw - self.centre
        magnitudes, others = torch.split(centred, [self.n_photometry, len(self.spread)], dim=1)
        with torch.autocast(raw.device.type, enabled=False):
            return torch.cat([magnitudes @ self.mixing, others / self.spread], dim=1)

    def standardise(self, raw: Tensor) -> None:
        """Learn the scale from raw features (N, F) of the training part."""
        self.centre.copy_(raw.mean(dim=0))
        magnitudes, others = torch.split(
            (raw - self.centre).double(), [self.n_photometry, len(self.spread)], dim=1
        )
        if self.n_photometry:
            variances, axes = torch.linalg.eigh(magnitudes.T @ magnitudes / len(raw))
            self.mixing.copy_(axes / (variances + _NOISE_MAG**2).sqrt())
        self.spread.copy_(others.square().mean(dim=0).sqrt().clamp_min(_TINY_SPREAD) / _OTHERS)

    def forward(self, images: Tensor, ebv: Tensor | None = None) -> Tensor:
        """Turn inputs (N, C, S, S) into logits (N, B)."""
        logits: Tensor = self.head(self.standardised(self.raw(images, ebv)))
        return logits
