"""Random numbers for a batch: which images are changed, and by how much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

# Devices on which it costs nothing to ask how many images are chosen.
_SEQUENTIAL = ("cpu",)

__all__ = ["Change", "change_rows", "chosen", "uniform"]


class Change(Protocol):
    """An augmentation of fields."""

    @property
    def reach_px(self) -> int:
        """How far beyond a pixel this change looks: so wide a margin makes a cropped field come out as a whole one."""

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed fields of shape (N, C, F, F), same dtype and device; may write into its argument."""


def uniform(low: float, high: float, *shape: int, generator: torch.Generator) -> Tensor:
    """Draw float32 numbers from [low, high) on the generator's device."""
    return low + (high - low) * torch.rand(*shape, generator=generator, device=generator.device)


def chosen(n: int, probability: float, generator: torch.Generator) -> Tensor:
    """Draw which of n images are changed, shape (n, 1, 1, 1), bool.

    ``rand`` is below 1 always and below 0 never, so that the probabilities 1 and 0 mean every image and none.
    """
    return uniform(0, 1, n, 1, 1, 1, generator=generator) < probability


def change_rows(
    fields: Tensor, is_chosen: Tensor, change: Callable[[Tensor, Tensor | slice], Tensor]
) -> Tensor:
    """Change the chosen images of a batch, in place where that is cheaper.

    On a CPU the others cost nothing. On a GPU all are computed and the chosen ones kept: to ask how many there are would
    make it wait.

    Parameters
    ----------
    is_chosen
        Shape (n, 1, 1, 1), bool.
    change
        Given images and their places in the batch, returns them changed.
    """
    if fields.device.type not in _SEQUENTIAL:
        return torch.where(is_chosen, change(fields, slice(None)), fields)
    rows = is_chosen.view(-1).nonzero().view(-1)
    if len(rows):
        fields[rows] = change(fields[rows], rows)
    return fields
