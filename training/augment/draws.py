"""Random numbers for a batch: which images are changed, and by how much."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Change", "chosen", "uniform"]


class Change(Protocol):
    """An augmentation of fields."""

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed fields of shape (N, C, F, F), same dtype and device; the argument stays as it is."""


def uniform(low: float, high: float, *shape: int, generator: torch.Generator) -> Tensor:
    """Draw float32 numbers from [low, high) on the generator's device."""
    return low + (high - low) * torch.rand(*shape, generator=generator, device=generator.device)


def chosen(n: int, probability: float, generator: torch.Generator) -> Tensor:
    """Draw which of n images are changed, shape (n, 1, 1, 1), bool.

    ``rand`` is below 1 always and below 0 never, so that the probabilities 1 and 0 mean every image and none.
    """
    return uniform(0, 1, n, 1, 1, 1, generator=generator) < probability
