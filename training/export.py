"""From a trained backbone to one ONNX graph: normalisation folded in, views averaged, centred, projected, unit norm.

The graph is written node by node from the network's own modules: it needs no tracing, comes out the same bytes for the
same weights, and holds nothing that ONNX Runtime would have to optimise away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, checker, helper, numpy_helper
from torch import nn

from training.models.resnet import ResNet

__all__ = ["Projection", "encoder_graph"]

_OPSET, _IR_VERSION = 20, 10


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


class _Graph:
    """Nodes and constants so far."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._n = 0

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        name = output or self._name(operator)
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, value: NDArray[np.generic]) -> str:
        name = self._name("constant")
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _name(self, word: str) -> str:
        self._n += 1
        return f"{word.lower()}_{self._n}"


def encoder_graph(network: ResNet, projection: Projection, *, bands: int, input_px: int) -> bytes:
    """Return the ONNX graph from ``images`` (N, C, S, S) to ``embedding`` (N, K), float32, N dynamic."""
    network = network.cpu().eval()
    graph = _Graph()
    images = "images"
    if projection.views == 8:
        images = graph.add("Concat", *_orbit(graph, images), axis=0)
    trunk = _backbone(graph, network, images)
    if projection.views == 8:
        shape = graph.constant(np.array([8, -1, network.dimension], dtype=np.int64))
        axes = graph.constant(np.array([0], dtype=np.int64))
        trunk = graph.add("ReduceMean", graph.add("Reshape", trunk, shape), axes, keepdims=0)
    centred = graph.add("Sub", trunk, graph.constant(projection.mean.astype(np.float32)))
    projected = graph.add("MatMul", centred, graph.constant(projection.axes.astype(np.float32)))
    norm = graph.add("ReduceL2", projected, graph.constant(np.array([-1], dtype=np.int64)), keepdims=1)
    graph.add("Div", projected, norm, output="embedding")
    made = helper.make_graph(
        graph.nodes,
        "encoder",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", bands, input_px, input_px])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", projection.axes.shape[1]])],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    model.producer_name = "skylike"
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _orbit(graph: _Graph, images: str) -> list[str]:
    """Return the eight images that quarter turns and reflections make of one."""
    return [
        _reversed(graph, source, axes) if axes else graph.add("Identity", source)
        for source in (images, graph.add("Transpose", images, perm=[0, 1, 3, 2]))
        for axes in ((), (2,), (3,), (2, 3))
    ]


def _reversed(graph: _Graph, images: str, axes: tuple[int, ...]) -> str:
    n = len(axes)
    limits = [np.full(n, -1), np.full(n, np.iinfo(np.int64).min), np.array(axes), np.full(n, -1)]
    return graph.add("Slice", images, *(graph.constant(limit.astype(np.int64)) for limit in limits))


def _backbone(graph: _Graph, network: ResNet, images: str) -> str:
    features = graph.add("Relu", _convolution(graph, images, network.conv1, network.bn1))
    if isinstance(network.pool, nn.MaxPool2d):
        features = graph.add("MaxPool", features, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage in range(1, 5):
        for block in network.get_submodule(f"layer{stage}").children():
            features = _block(graph, block, features)
    return graph.add("Flatten", graph.add("GlobalAveragePool", features), axis=1)


def _block(graph: _Graph, block: nn.Module, features: str) -> str:
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


def _convolution(graph: _Graph, features: str, convolution: nn.Module, normalisation: nn.Module) -> str:
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
