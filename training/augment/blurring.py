"""Gaussian smearing of whole batches as two products of matrices, which a CPU does several times faster than convolving."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["blur", "reach_of"]

# A Gaussian is cut off here, in sigmas: 0.05 % of its light lies beyond.
_REACH_SIGMA = 3.5


def reach_of(most_px: float) -> int:
    """Return how many pixels away a Gaussian of at most so large a sigma still takes light from."""
    return max(1, round(_REACH_SIGMA * most_px))


def blur(fields: Tensor, sigma_px: Tensor, *, most: float) -> Tensor:
    """Convolve each plane with its own Gaussian, normalised on its pixels; 0 leaves a plane as it is.

    Beyond the edge the outermost pixels go on.

    Parameters
    ----------
    fields
        Shape (N, C, F, F).
    sigma_px
        Shape (N, C), or (N, 1) for all planes alike; 0 to ``most``.
    """
    side = fields.shape[-1]
    matrices = _smearing(sigma_px.to(fields.dtype), side, reach_of(most))
    return matrices @ fields @ matrices.mT


def _smearing(sigma_px: Tensor, side: int, reach: int) -> Tensor:
    """Return the matrices (N, C, side, side) whose row i says what pixel i takes from every pixel along one axis."""
    offsets = torch.arange(-reach, reach + 1, device=sigma_px.device)
    kernel = torch.exp(-0.5 * (offsets / sigma_px.clamp(min=1e-3).unsqueeze(-1)) ** 2)
    kernel = kernel / kernel.sum(dim=-1, keepdim=True)
    # Written one after the other, kernels that are followed by ``side`` zeros lie on the diagonals of a matrix whose
    # rows are one number shorter than kernel and zeros.
    row = side + 2 * reach
    diagonals = torch.cat([kernel, kernel.new_zeros(*kernel.shape[:-1], side)], dim=-1).repeat(1, 1, side)
    padded = diagonals[..., : side * row].reshape(*kernel.shape[:-1], side, row)
    matrices: Tensor = padded[..., reach:-reach].clone()
    matrices[..., 0] += padded[..., :reach].sum(dim=-1)
    matrices[..., -1] += padded[..., -reach:].sum(dim=-1)
    return matrices
