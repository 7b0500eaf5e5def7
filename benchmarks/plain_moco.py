"""MoCo v2 as one writes it in an afternoon: what the trained code is compared with (benchmarks/pretraining_speed.py).

Algorithm 1 of He et al. 2020 (arXiv:1911.05722) on one device, without groups and without regressions, images in the usual
layout; the augmentations of sdss-rgb.toml one after the other on whole fields, every image of the batch.
"""

from __future__ import annotations

import math
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PlainMoCo", "plain_view"]


class PlainMoCo(nn.Module):
    """Two encoders and a queue, with the optimiser's step included."""

    queue: Tensor

    def __init__(
        self, encoder: nn.Module, *, dimension: int, queue_size: int, momentum: float, temperature: float
    ) -> None:
        super().__init__()
        self.encoder_q, self.encoder_k = encoder, deepcopy(encoder)
        self.momentum, self.temperature = momentum, temperature
        self.register_buffer("queue", functional.normalize(torch.randn(dimension, queue_size), dim=0))
        self.pointer = 0

    def loss(self, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return InfoNCE of two views, and the keys."""
        q = functional.normalize(self.encoder_q(queries).float(), dim=1)
        with torch.no_grad():
            k = functional.normalize(self.encoder_k(keys).float(), dim=1)
        positive = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
        negative = torch.einsum("nc,ck->nk", q, self.queue.clone().detach())
        logits = torch.cat([positive, negative], dim=1) / self.temperature
        labels = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
        return functional.cross_entropy(logits, labels), k

    def step(self, optimiser: torch.optim.Optimizer, queries: Tensor, keys: Tensor) -> Tensor:
        """Do one step of training."""
        with torch.autocast(queries.device.type, dtype=torch.bfloat16, enabled=queries.is_cuda):
            loss, k = self.loss(queries, keys)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        optimiser.step()
        with torch.no_grad():
            for slow, fast in zip(self.encoder_k.parameters(), self.encoder_q.parameters(), strict=True):
                slow.data = slow.data * self.momentum + fast.data * (1 - self.momentum)
            self.queue[:, self.pointer : self.pointer + len(k)] = k.T
            self.pointer = (self.pointer + len(k)) % self.queue.shape[1]
        return loss


def plain_view(fields: Tensor, side: int) -> Tensor:
    """Return one random view of uint8 pictures (N, 3, F, F): float32 (N, 3, S, S)."""
    n, device = len(fields), fields.device
    images = _placed(fields.float())
    sigma = torch.where(
        _happens(n, 0.5, device), _between(0.4, 1.5, n, device), torch.zeros(n, device=device)
    )
    images = _blurred(images, sigma)
    factor = torch.where(
        _happens(n, 0.8, device), _between(0.8, 1.2, n, device), torch.ones(n, device=device)
    )
    images = torch.clamp(images * factor.view(n, 1, 1, 1), max=255)
    tint = 0.95 + 0.1 * torch.rand(n, 3, 1, 1, device=device)
    tint = torch.where(_happens(n, 0.8, device).view(n, 1, 1, 1), tint, torch.ones_like(tint))
    images = torch.clamp(images * tint, max=255)
    grey = images.mean(dim=1, keepdim=True).expand_as(images)
    images = torch.where(_happens(n, 0.1, device).view(n, 1, 1, 1), grey, images)
    noise = torch.randn_like(images) * _between(0, 6, n, device).view(n, 1, 1, 1)
    images = torch.where(
        _happens(n, 0.5, device).view(n, 1, 1, 1), torch.clamp(images + noise, 0, 255), images
    )
    first = (images.shape[-1] - side) // 2
    return images[:, :, first : first + side, first : first + side] / 255


def _placed(images: Tensor) -> Tensor:
    """Turn, mirror, shift by up to 3 px and scale by 0.8 to 1.25, in one interpolation."""
    n, device = len(images), images.device
    angle = _between(0, 2 * math.pi, n, device)
    scale = torch.exp(_between(math.log(0.8), math.log(1.25), n, device))
    mirror = torch.where(_happens(n, 0.5, device), -1.0, 1.0)
    matrix = torch.zeros(n, 2, 3, device=device)
    matrix[:, 0, 0], matrix[:, 0, 1] = mirror * angle.cos() / scale, -angle.sin() / scale
    matrix[:, 1, 0], matrix[:, 1, 1] = mirror * angle.sin() / scale, angle.cos() / scale
    matrix[:, :, 2] = (2 * torch.rand(n, 2, device=device) - 1) * 2 * 3 / images.shape[-1]
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def _blurred(images: Tensor, sigma: Tensor) -> Tensor:
    """Convolve every image with its own Gaussian, channels alike."""
    n, channels, side, _ = images.shape
    offsets = torch.arange(-5, 6, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma.clamp(min=1e-3).view(n, 1)) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    planes = functional.pad(images.reshape(1, n * channels, side, side), (5, 5, 5, 5), mode="replicate")
    planes = functional.conv2d(planes, kernel[:, None, None, :], groups=n * channels)
    planes = functional.conv2d(planes, kernel[:, None, :, None], groups=n * channels)
    return planes.reshape(n, channels, side, side)


def _happens(n: int, probability: float, device: torch.device) -> Tensor:
    return torch.rand(n, device=device) < probability


def _between(low: float, high: float, n: int, device: torch.device) -> Tensor:
    return low + (high - low) * torch.rand(n, device=device)
