"""From a trained backbone to one ONNX graph: normalisation folded in, views averaged, projected, joined, unit norm.

The graph is written node by node from the network's own modules: it needs no tracing, comes out the same bytes for the
same weights, and holds nothing that ONNX Runtime would have to optimise away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.fusion import RingPart, joined
from training.graph_writer import GraphWriter
from training.models.resnet import ResNet

__all__ = ["Head", "Projection", "encoder_graph", "write_backbone", "write_orbit"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """What follows the backbone.

    Attributes
    ----------
    mean
        Taken off, shape (D,).
    axes
        Columns, each already scaled by its eigenvalue to the card's power, shape (D, K).
    views
        1, or 8 for the mean over rotations by quarter turns and reflections.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    views: int = 8


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Everything between the backbone and the unit vector.

    Attributes
    ----------
    projection
        Of the backbone's vector, brought to unit norm afterwards.
    rings, weight
        A description joined to it with this weight; None for a model that is no hybrid.
    removal
        What the whole vector is multiplied by to take directions out, shape (K, K); None to leave it.
    """

    projection: Projection
    rings: RingPart | None = None
    weight: float = 0.0
    removal: Floats | None = None

    @property
    def dimension(self) -> int:
        """Length of the embedding."""
        return int(self.projection.axes.shape[1]) + (0 if self.rings is None else self.rings.dimension)

    def apply(self, trunk: Floats, inputs: Floats | None = None) -> Floats:
        """Turn backbone vectors (N, D), a hybrid's with the network inputs (N, C, S, S), into embeddings (N, K)."""
        vectors = _unit((trunk - self.projection.mean) @ self.projection.axes)
        if self.rings is not None:
            assert inputs is not None, "a hybrid reads the images too"
            vectors = joined(vectors, self.rings.vectors(inputs), self.weight)
        return vectors if self.removal is None else _unit(vectors @ self.removal)


def encoder_graph(network: ResNet, head: Head, *, bands: int, input_px: int) -> bytes:
    """Return the ONNX graph from ``images`` (N, C, S, S) to ``embedding`` (N, K), float32, N dynamic."""
    network = network.cpu().eval()
    graph = GraphWriter()
    images, projection = "images", head.projection
    if projection.views == 8:
        images = graph.add("Concat", *write_orbit(graph, images), axis=0)
    trunk = write_backbone(graph, network, images)
    if projection.views == 8:
        shape = graph.constant(np.array([8, -1, network.dimension], dtype=np.int64))
        axes = graph.constant(np.array([0], dtype=np.int64))
        trunk = graph.add("ReduceMean", graph.add("Reshape", trunk, shape), axes, keepdims=0)
    centred = graph.add("Sub", trunk, graph.constant(projection.mean.astype(np.float32)))
    vectors = graph.add("MatMul", centred, graph.constant(projection.axes.astype(np.float32)))
    if head.rings is not None:
        weight = graph.constant(np.array(head.weight, dtype=np.float32))
        weighted = graph.add("Mul", head.rings.write(graph), weight)
        vectors = graph.add("Concat", graph.normalised(vectors), weighted, axis=1)
    if head.removal is not None:
        removal = graph.constant(head.removal.astype(np.float32))
        vectors = graph.add("MatMul", graph.normalised(vectors), removal)
    graph.normalised(vectors, output="embedding")
    return graph.finished(images=(bands, input_px, input_px), outputs={"embedding": head.dimension})


def _unit(vectors: NDArray[np.floating]) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def write_orbit(graph: GraphWriter, images: str) -> list[str]:
    """Return the eight images that quarter turns and reflections make of one."""
    return [
        _reversed(graph, source, axes) if axes else graph.add("Identity", source)
        for source in (images, graph.add("Transpose", images, perm=[0, 1, 3, 2]))
        for axes in ((), (2,), (3,), (2, 3))
    ]


def _reversed(graph: GraphWriter, images: str, axes: tuple[int, ...]) -> str:
    n = len(axes)
    limits = [np.full(n, -1), np.full(n, np.iinfo(np.int64).min), np.array(axes), np.full(n, -1)]
    return graph.add("Slice", images, *(graph.constant(limit.astype(np.int64)) for limit in limits))


def write_backbone(graph: GraphWriter, network: ResNet, images: str) -> str:
    """Write a backbone; return the name of its vectors (N, ``network.dimension``)."""
    features = graph.add("Relu", _convolution(graph, images, network.conv1, network.bn1))
    if isinstance(network.pool, nn.MaxPool2d):
        features = graph.add("MaxPool", features, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage in range(1, 5):
        for block in network.get_submodule(f"layer{stage}").children():
            features = _block(graph, block, features)
    return graph.add("Flatten", graph.add("GlobalAveragePool", features), axis=1)


def _block(graph: GraphWriter, block: nn.Module, features: str) -> str:
    around = features
    if block.downsample is not None:
        assert isinstance(block.downsample, nn.Sequential)
        around = _convolution(graph, features, *block.downsample)
    through = features
    layers = [n for n in (1, 2, 3) if hasattr(block, f"conv{n}")]
    for n in layers:
        through = _convolution(graph, through, block.get_submodule(f"conv{n}"), block.get_submodule(f"bn{n}"))
        if n != layers[-1]:
            through = graph.add("Relu", through)
    return graph.add("Relu", graph.add("Add", through, around))


def _convolution(graph: GraphWriter, features: str, convolution: nn.Module, normalisation: nn.Module) -> str:
    """Write a convolution with the batch normalisation that follows it folded into its weights."""
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(normalisation, nn.BatchNorm2d)
    assert normalisation.running_mean is not None
    assert normalisation.running_var is not None
    with torch.no_grad():
        scale = normalisation.weight.double() / torch.sqrt(
            normalisation.running_var.double() + normalisation.eps
        )
        weight = (convolution.weight.double() * scale.view(-1, 1, 1, 1)).float().numpy()
        bias = (normalisation.bias.double() - normalisation.running_mean.double() * scale).float().numpy()
    padding = int(convolution.padding[0])
    return graph.add(
        "Conv",
        features,
        graph.constant(weight),
        graph.constant(bias),
        kernel_shape=list(convolution.kernel_size),
        strides=list(convolution.stride),
        pads=[padding] * 4,
    )
