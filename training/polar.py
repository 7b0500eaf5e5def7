"""The rotation-invariant description of an image: moduli of its angular Fourier transform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

__all__ = ["PolarModuli"]

# A modulus whose true value is 0 is pure rounding, and the square root would lift it to 1e-4: this floor keeps
# two implementations within 1e-6 of each other. It lies a hundred times below the noise of any image here.
_FLOOR = np.float32(1e-4)


@dataclass(frozen=True, slots=True)
class PolarModuli:
    """Square roots of angular Fourier moduli on rings around the centre.

    A rotation shifts each ring, a reflection reverses it: neither changes a modulus.

    Attributes
    ----------
    n_bands
        C, planes of the image.
    input_px
        S, side of the image.
    radius_px
        Radius of the outermost ring in pixels, at most (S - 1) / 2. The rings lie in equal steps of the
        logarithm from one pixel outwards: the bright inner parts get as many as the faint outer ones.
    n_rings, n_angles, n_orders
        Rings, samples on a ring (a multiple of 4, so that a quarter turn is exact), orders from 0 up.
    """

    n_bands: int
    input_px: int
    radius_px: float
    n_rings: int = 24
    n_angles: int = 64
    n_orders: int = 9

    def __post_init__(self) -> None:
        if not 1 < self.radius_px <= (self.input_px - 1) / 2:
            raise ValueError(f"radius of {self.radius_px} px does not fit an input of {self.input_px} px")

    @property
    def size(self) -> int:
        """P, numbers in one description."""
        return self.n_bands * self.n_rings * self.n_orders

    def settings(self) -> dict[str, float]:
        """Return what the model card says about the description."""
        return {
            "rings": self.n_rings,
            "inner_radius_px": 1.0,
            "outer_radius_px": self.radius_px,
            "angles": self.n_angles,
            "orders": self.n_orders,
        }

    def describe(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Describe images in NumPy.

        Parameters
        ----------
        images
            Shape (N, C, S, S), float32.

        Returns
        -------
        ndarray
            Shape (N, P), bands slowest, orders fastest.
        """
        real, imaginary = self.transform(images)
        power = np.square(real) + np.square(imaginary) + np.square(_FLOOR)
        return np.asarray(np.sqrt(np.sqrt(power)).reshape(len(images), self.size), dtype=np.float32)

    def transform(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return real and imaginary parts of the angular Fourier transform, each (N, C, rings, orders)."""
        x, y = self._positions()
        x0, y0 = (np.minimum(np.floor(v), self.input_px - 2).astype(np.intp) for v in (x, y))
        dx, dy = ((v - v0).astype(np.float32) for v, v0 in ((x, x0), (y, y0)))
        low = images[..., y0, x0] * (1 - dx) + images[..., y0, x0 + 1] * dx
        high = images[..., y0 + 1, x0] * (1 - dx) + images[..., y0 + 1, x0 + 1] * dx
        rings = low * (1 - dy) + high * dy
        cosine, sine = self._waves()
        return (
            np.asarray(rings @ cosine, dtype=np.float32),
            np.asarray(rings @ sine, dtype=np.float32),
        )

    def nodes(self) -> tuple[list[NodeProto], list[TensorProto]]:
        """Return the same steps as ONNX nodes from ``images`` to ``description``, with their constants."""
        x, y = self._positions()
        # With align_corners the range -1..1 runs from the middle of the first pixel to that of the last.
        grid = np.stack([x, y], axis=-1) * (2 / (self.input_px - 1)) - 1
        cosine, sine = self._waves()
        constants = {
            "grid": grid.astype(np.float32)[None],
            "grid_tail": np.array([self.n_rings, self.n_angles, 2], dtype=np.int64),
            "cosine": cosine,
            "sine": sine,
            "floor": np.square(_FLOOR),
            "flat": np.array([0, self.size], dtype=np.int64),
        }
        nodes = [
            helper.make_node("Shape", ["images"], ["n"], start=0, end=1),
            helper.make_node("Concat", ["n", "grid_tail"], ["grid_shape"], axis=0),
            helper.make_node("Expand", ["grid", "grid_shape"], ["grids"]),
            helper.make_node(
                "GridSample",
                ["images", "grids"],
                ["rings"],
                mode="linear",
                padding_mode="border",
                align_corners=1,
            ),
            helper.make_node("MatMul", ["rings", "cosine"], ["real"]),
            helper.make_node("MatMul", ["rings", "sine"], ["imaginary"]),
            helper.make_node("Mul", ["real", "real"], ["real_squared"]),
            helper.make_node("Mul", ["imaginary", "imaginary"], ["imaginary_squared"]),
            helper.make_node("Add", ["real_squared", "imaginary_squared"], ["squared"]),
            helper.make_node("Add", ["squared", "floor"], ["power"]),
            helper.make_node("Sqrt", ["power"], ["moduli"]),
            helper.make_node("Sqrt", ["moduli"], ["roots"]),
            helper.make_node("Reshape", ["roots", "flat"], ["description"]),
        ]
        return nodes, [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]

    def _positions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return sampling positions (x, y) in pixels, each of shape (rings, angles)."""
        radii = np.geomspace(1.0, self.radius_px, self.n_rings)[:, None]
        angles = 2 * np.pi * np.arange(self.n_angles) / self.n_angles
        centre = (self.input_px - 1) / 2
        edge = self.input_px - 1
        return np.clip(centre + radii * np.cos(angles), 0, edge), np.clip(
            centre + radii * np.sin(angles), 0, edge
        )

    def _waves(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return cosines and sines, each of shape (angles, orders), scaled so that order 0 is the mean of the ring."""
        phase = 2 * np.pi * np.outer(np.arange(self.n_angles), np.arange(self.n_orders)) / self.n_angles
        return (np.cos(phase) / self.n_angles).astype(np.float32), (np.sin(phase) / self.n_angles).astype(
            np.float32
        )
