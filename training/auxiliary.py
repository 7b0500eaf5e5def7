"""Cheap numbers measured on each view, which the trunk must be able to tell: what InfoNCE alone throws away.

Size, concentration, ellipticity and asymmetry of the brightness summed over bands, all on the view that the network
sees, so that every augmentation is followed without being undone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["N_MEASURED", "AuxiliaryHead", "measure_views"]

#: Size, concentration, ellipticity, asymmetry: see :func:`measure_views`.
N_MEASURED = 4
_TINY = 1e-6


def measure_views(views: Tensor) -> Tensor:
    """Measure network inputs.

    Parameters
    ----------
    views
        Shape (N, C, S, S), stretched.

    Returns
    -------
    Tensor
        Shape (N, 4), float32, without gradient: the logarithm of the r.m.s. radius over S / 2; the logarithm of the ratio
        of the half-light to that radius; the ellipticity ``sqrt(e1^2 + e2^2)`` of the second moments; the asymmetry
        under half a turn, ``sum |I - I_180| / (2 sum |I|)`` (Conselice 2003, ApJS 147, 1, eq. 10, without its sky term).
        Brightness is taken above the median of the border and clipped at zero.
    """
    with torch.no_grad():
        image = views.float().mean(dim=1)
        n, side, _ = image.shape
        border = torch.cat([image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]], dim=1)
        image = (image - border.median(dim=1).values.view(n, 1, 1)).clamp(min=0)
        # Under a round window, or the corners would have a say in the shape.
        axis = (torch.arange(side, device=image.device) - (side - 1) / 2) / (side / 2)
        x, y = axis.view(1, 1, -1), axis.view(1, -1, 1)
        radius = torch.sqrt(x**2 + y**2)
        image = image * (radius < 1)
        total = image.sum(dim=(1, 2)) + _TINY
        moments = [(image * weight).sum(dim=(1, 2)) / total for weight in (x**2, y**2, x * y)]
        size2 = moments[0] + moments[1] + _TINY
        ellipticity = torch.sqrt((moments[0] - moments[1]) ** 2 + 4 * moments[2] ** 2) / size2
        half = _half_light(image, radius.expand_as(image), total)
        asymmetry = (image - image.flip(1, 2)).abs().sum(dim=(1, 2)) / (2 * total)
        size = torch.sqrt(size2)
        return torch.stack([torch.log(size), torch.log((half + 0.01) / size), ellipticity, asymmetry], dim=1)


def _half_light(image: Tensor, radius: Tensor, total: Tensor) -> Tensor:
    """Return the radius that holds half of the light, in units of half the side, shape (N,)."""
    rings = torch.linspace(0, 1, 33, device=image.device)[1:]
    inside = torch.stack([(image * (radius < ring)).sum(dim=(1, 2)) for ring in rings], dim=1)
    return (inside < 0.5 * total.view(-1, 1)).sum(dim=1) / len(rings)


class AuxiliaryHead(nn.Module):
    """A linear layer from the trunk to the measured numbers, compared after standardising them over the batch."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inside, N_MEASURED)
        self.standard = nn.BatchNorm1d(N_MEASURED, affine=False)

    def forward(self, trunk: Tensor, measured: Tensor) -> Tensor:
        """Return the mean squared error in standard deviations of each number (smooth beyond one: Huber)."""
        return nn.functional.smooth_l1_loss(self.linear(trunk.float()), self.standard(measured))
