"""A description with principal axes as one ONNX graph, beside the same sums in NumPy."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from training.graph_writer import GraphWriter
from training.pca import PrincipalAxes

__all__ = ["Description", "embed", "graph_bytes", "write_embedding"]

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


def write_embedding(
    graph: GraphWriter, described: str, principal: PrincipalAxes, *, output: str | None = None
) -> str:
    """Write the same from a description (N, P); return the name of the unit vectors (N, K)."""
    nudge = np.zeros(principal.axes.shape[1], dtype=np.float32)
    nudge[0] = _NUDGE
    centred = graph.add("Sub", described, graph.constant(principal.mean.astype(np.float32)))
    projected = graph.add("MatMul", centred, graph.constant(principal.axes.astype(np.float32)))
    return graph.normalised(graph.add("Add", projected, graph.constant(nudge)), output=output)


def graph_bytes(description: Description, principal: PrincipalAxes, *, n_bands: int, input_px: int) -> bytes:
    """Return the ONNX graph from ``images`` (N, C, S, S) to ``embedding`` (N, K), N dynamic."""
    graph = GraphWriter()
    nodes, constants = description.nodes()
    graph.nodes += nodes
    graph.constants += constants
    write_embedding(graph, "description", principal, output="embedding")
    return graph.finished(
        images=(n_bands, input_px, input_px), outputs={"embedding": principal.axes.shape[1]}
    )
