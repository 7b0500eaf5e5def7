"""Magnitudes in apertures, measured on the network's own input: what a colour photo-z would be given."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from survey.contract import InputContract
from training.graph_writer import GraphWriter

__all__ = ["LIGHT_PX", "RADII_PX", "Apertures", "aperture_names"]

#: Radii of the round apertures in model pixels; the last one fits into an input of 64 px.
RADII_PX = (1.5, 3.0, 4.5, 6.5, 9.0, 13.0, 18.0, 26.0)
# Light in one smoothed image weighs the same pixels of every band: colours with the least noise.
_BLUR_PX, _WEIGHT_PX = 1.5, 8.0
#: A weighted sum is given in units of a blurred point's: its weight covers 4 pi sigma^2 pixels.
LIGHT_PX = float(np.sqrt(4 * np.pi) * _BLUR_PX)
_POGSON = float(2.5 / np.log(10))
_ZEROPOINT = 22.5
_TINY = 1e-6


def aperture_names(contract: InputContract) -> list[str]:
    """Return the names of the magnitudes in order: band and radius in pixels, ``light`` for the weighted one."""
    bands = [identifier.rsplit(":", 1)[-1] for identifier in contract.bands.ids]
    return [f"{band}_{radius:g}px" for radius in RADII_PX for band in bands] + [
        f"{band}_light" for band in bands
    ]


class Apertures(nn.Module):
    """Asinh magnitudes of an ``asinh``-stretched input.

    The stretch is undone, flux is summed in round apertures with an edge one pixel wide, and once weighted by the galaxy's
    own smoothed light. Each sum F becomes ``22.5 - 2.5 / ln 10 (asinh(F / 2b) + ln b)``, b being the contract's softening
    times the root of the number of pixels: linear in F where the noise reigns, never undefined.

    Parameters
    ----------
    contract
        With the stretch ``asinh``.

    Raises
    ------
    ValueError
        If the contract is one of display images: they have no flux.

    References
    ----------
    Lupton, Gunn & Szalay 1999, AJ 118, 1406, eq. 3.
    """

    masks: Tensor
    weight: Tensor
    blur: Tensor
    stretch: Tensor
    softening: Tensor

    def __init__(self, contract: InputContract) -> None:
        super().__init__()
        if contract.stretch != "asinh":
            raise ValueError(
                "display images have no flux to measure magnitudes of; photo-z needs linear flux"
            )
        side, bands = contract.input_px, len(contract.bands)
        radius = _radius(side)
        masks = np.stack([np.clip(size + 0.5 - radius, 0, 1) for size in RADII_PX])
        pixels = np.append(masks.sum(axis=(1, 2)), LIGHT_PX**2)
        stretch = np.asarray(contract.softening)
        self.n_bands = bands
        for name, value in {
            "masks": masks.reshape(len(masks), -1),
            "weight": np.exp(-0.5 * (radius / _WEIGHT_PX) ** 2)[None, None],
            "blur": _blur(side),
            "stretch": stretch[None, :, None, None],
            "softening": (np.sqrt(pixels)[:, None] * stretch[None]).ravel(),
        }.items():
            self.register_buffer(
                name, torch.from_numpy(np.asarray(value, dtype=np.float32)), persistent=False
            )

    @property
    def n(self) -> int:
        """P, magnitudes of one image."""
        return self.n_bands * (len(RADII_PX) + 1)

    def forward(self, images: Tensor) -> Tensor:
        """Turn inputs (N, C, S, S) into magnitudes (N, P), in the order of :func:`aperture_names`."""
        scaled = torch.sinh(images.float())
        flux = scaled * self.stretch
        sums = torch.matmul(flux.flatten(2), self.masks.T).transpose(1, 2)
        # Blurred by a matrix on either side.
        light = torch.relu(self.blur @ scaled.mean(dim=1, keepdim=True) @ self.blur) * self.weight
        # Of unit norm: the noise of the weighted sum is that of one pixel.
        light = light / (light.square().sum(dim=(2, 3), keepdim=True).sqrt() + _TINY)
        weighted = (flux * light).sum(dim=(2, 3)) * LIGHT_PX
        total = torch.cat([sums.flatten(1), weighted], dim=1)
        return _ZEROPOINT - _POGSON * (torch.asinh(total / (2 * self.softening)) + torch.log(self.softening))

    def write(self, graph: GraphWriter, images: str) -> str:
        """Write the same sums as ONNX nodes; return the name of the magnitudes (N, P)."""

        def constant(value: Tensor | float) -> str:
            return graph.constant(np.asarray(value, dtype=np.float32))

        def integers(*values: int) -> str:
            return graph.constant(np.array(values, dtype=np.int64))

        side, n = self.blur.shape[0], self.n_bands
        scaled = graph.add("Sinh", images)
        flux = graph.add("Mul", scaled, constant(self.stretch))
        flat = graph.add("Reshape", flux, integers(-1, n, side * side))
        sums = graph.add("MatMul", flat, constant(self.masks.T))
        sums = graph.add("Flatten", graph.add("Transpose", sums, perm=[0, 2, 1]), axis=1)
        light = graph.add("ReduceMean", scaled, integers(1), keepdims=1)
        light = graph.add("MatMul", graph.add("MatMul", constant(self.blur), light), constant(self.blur))
        light = graph.add("Mul", graph.add("Relu", light), constant(self.weight))
        norm = graph.add("Add", graph.add("ReduceL2", light, integers(2, 3), keepdims=1), constant(_TINY))
        weighted = graph.add("Mul", flux, graph.add("Div", light, norm))
        weighted = graph.add("ReduceSum", weighted, integers(2, 3), keepdims=0)
        weighted = graph.add("Mul", weighted, constant(LIGHT_PX))
        total = graph.add("Concat", sums, weighted, axis=1)
        curve = graph.add("Asinh", graph.add("Div", total, constant(2 * self.softening)))
        curve = graph.add("Add", curve, constant(torch.log(self.softening)))
        return graph.add("Sub", constant(_ZEROPOINT), graph.add("Mul", curve, constant(_POGSON)))


def _radius(side: int) -> NDArray[np.float64]:
    axis = np.arange(side) - (side - 1) / 2
    return np.asarray(np.hypot(axis[:, None], axis[None]), dtype=np.float64)


def _blur(side: int) -> NDArray[np.float64]:
    """Return the matrix (S, S) that blurs along one axis by a Gaussian cut at three sigma; nothing lies beyond the edge."""
    apart = np.abs(np.subtract.outer(np.arange(side), np.arange(side)))
    kernel = np.where(apart <= 3 * _BLUR_PX, np.exp(-0.5 * (apart / _BLUR_PX) ** 2), 0.0)
    return np.asarray(kernel / kernel[side // 2].sum(), dtype=np.float64)
