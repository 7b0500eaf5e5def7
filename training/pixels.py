"""The plainest description of an image: its pixels, averaged down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from survey.resample import overlap_matrix

__all__ = ["ShrunkPixels"]


@dataclass(frozen=True, slots=True)
class ShrunkPixels:
    """Area means of the image on a coarser grid.

    Attributes
    ----------
    n_bands
        C, planes of the image.
    input_px
        S, side of the image.
    side_px
        Side of the coarse grid, at most S.
    """

    n_bands: int
    input_px: int
    side_px: int = 32

    def __post_init__(self) -> None:
        if not 0 < self.side_px <= self.input_px:
            raise ValueError(f"{self.input_px} px cannot be averaged down to {self.side_px} px")

    @property
    def size(self) -> int:
        """P, numbers in one description."""
        return self.n_bands * self.side_px**2

    def settings(self) -> dict[str, float]:
        """Return what the model card says about the description."""
        return {"side_px": self.side_px}

    def describe(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Describe images in NumPy: shape (N, C, S, S) to (N, P), bands slowest, columns fastest."""
        mean = self._mean()
        return np.asarray((mean @ images @ mean.T).reshape(len(images), self.size), dtype=np.float32)

    def nodes(self) -> tuple[list[NodeProto], list[TensorProto]]:
        """Return the same steps as ONNX nodes from ``images`` to ``description``, with their constants."""
        mean = self._mean()
        constants = {
            "rows": mean,
            "columns": np.ascontiguousarray(mean.T),
            "flat": np.array([0, self.size], dtype=np.int64),
        }
        nodes = [
            helper.make_node("MatMul", ["images", "columns"], ["narrow"]),
            helper.make_node("MatMul", ["rows", "narrow"], ["shrunk"]),
            helper.make_node("Reshape", ["shrunk", "flat"], ["description"]),
        ]
        return nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()]

    def _mean(self) -> NDArray[np.float32]:
        """Return what takes S pixels to area means, shape (side, S)."""
        ratio = self.input_px / self.side_px
        overlaps = overlap_matrix(n_in=self.input_px, n_out=self.side_px, scale_ratio=ratio)
        return (overlaps / ratio).astype(np.float32)
