"""A description with principal axes as one ONNX graph, beside the same sums in NumPy."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, checker, helper, numpy_helper

from training.pca import PrincipalAxes

__all__ = ["Description", "embed", "graph_bytes"]

# GridSample is called `linear` since opset 20; ONNX Runtime reads it since 1.18.
_OPSET = 20
_IR_VERSION = 10
# Added to the first coordinate: an image that *is* the mean gets a unit vector too, any other does not notice.
_NUDGE = np.float32(1e-12)


class Description(Protocol):
    """Numbers made from an image without learning, in NumPy or in ONNX."""

    @property
    def size(self) -> int:
        """P, numbers in one description."""

    def settings(self) -> dict[str, float]:
        """Return what the model card says about it."""

    def describe(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn images of shape (N, C, S, S) into (N, P)."""

    def nodes(self) -> tuple[list[NodeProto], list[TensorProto]]:
        """Return ONNX nodes from ``images`` to ``description``, with their constants."""


def embed(described: NDArray[np.float32], principal: PrincipalAxes) -> NDArray[np.float32]:
    """Centre, project, normalise: shape (N, P) to (N, K), float32, unit norm."""
    projected = (described - principal.mean.astype(np.float32)) @ principal.axes.astype(np.float32)
    projected[:, 0] += _NUDGE
    return np.asarray(projected / np.linalg.norm(projected, axis=1, keepdims=True), dtype=np.float32)


def graph_bytes(description: Description, principal: PrincipalAxes, *, n_bands: int, input_px: int) -> bytes:
    """Return the ONNX graph from ``images`` (N, C, S, S) to ``embedding`` (N, K), N dynamic."""
    described, constants = description.nodes()
    n_axes = principal.axes.shape[1]
    nudge = np.zeros(n_axes, dtype=np.float32)
    nudge[0] = _NUDGE
    head = {
        "mean": principal.mean.astype(np.float32),
        "axes": principal.axes.astype(np.float32),
        "nudge": nudge,
        "last_axis": np.array([-1], dtype=np.int64),
    }
    nodes = [
        *described,
        helper.make_node("Sub", ["description", "mean"], ["centred"]),
        helper.make_node("MatMul", ["centred", "axes"], ["projected"]),
        helper.make_node("Add", ["projected", "nudge"], ["nudged"]),
        helper.make_node("ReduceL2", ["nudged", "last_axis"], ["norm"], keepdims=1),
        helper.make_node("Div", ["nudged", "norm"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", n_bands, input_px, input_px])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", n_axes])],
        [*constants, *(numpy_helper.from_array(value, name) for name, value in head.items())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    model.producer_name = "skylike"
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))
