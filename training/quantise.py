"""The same graph in fewer bits: its convolutions in 8-bit integers, or its weights in half precision.

Integers follow Jacob et al. 2018 (CVPR, arXiv:1712.05877): weights symmetric with one scale per output channel,
activations in unsigned bytes with one scale each, biases in 32 bits. The graph says so in QuantizeLinear and
DequantizeLinear, which ONNX Runtime turns into integer kernels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import (
    GraphProto,
    NodeProto,
    TensorProto,
    checker,
    helper,
    load_from_string,
    numpy_helper,
)

from index.runtime import onnxruntime

__all__ = ["Range", "half_weights", "open_graph", "quantised", "run_graph", "tensor_ranges"]

Floats = NDArray[np.float32]
#: Lowest and highest value that a tensor is to hold.
Range = tuple[float, float]

# Processors without VNNI add two products of a byte and a signed byte in 16 bits and saturate. With weights of seven
# bits 2 * 255 * 64 = 32,640 still fits, and the vectors are the same on every x86 processor.
_MOST_WEIGHT = 64
_MOST_ACTIVATION = 255
_BATCH = 64
# Range of the middle 99.98 % of the values: single extremes would cost all others resolution.
_TAIL = 1e-4
_SAMPLED = 200_000


def run_graph(graph: bytes, images: Floats, outputs: Sequence[str] = ("embedding",)) -> list[Floats]:
    """Run a graph on images (N, C, S, S) in batches of 64, one thread; returns one array per output."""
    session = open_graph(graph)
    batches = [
        session.run(list(outputs), {"images": np.ascontiguousarray(images[n : n + _BATCH])})
        for n in range(0, len(images), _BATCH)
    ]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def tensor_ranges(graph: bytes, images: Floats) -> dict[str, Range]:
    """Measure what the tensors around the convolutions hold.

    Parameters
    ----------
    images
        Network inputs of the training part, shape (N, C, S, S).

    Returns
    -------
    dict
        By tensor: quantiles 0.0001 and 0.9999 of its values over the images, zero always inside.
    """
    model = load_from_string(graph)
    names = sorted(_quantised_tensors(model.graph) - {"images"})
    for name in names:
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = open_graph(model.SerializeToString())
    batches = [images[n : n + _BATCH] for n in range(0, len(images), _BATCH)]
    kept: dict[str, list[Floats]] = {name: [] for name in (*names, "images")}
    for batch in batches:
        values = session.run(names, {"images": np.ascontiguousarray(batch)})
        for name, value in zip((*names, "images"), (*values, batch), strict=True):
            # Every k-th value: k is odd, or a power of two would see the same columns of every row.
            step = max(1, value.size * len(batches) // _SAMPLED) | 1
            kept[name].append(value.ravel()[::step])
    return {name: _range_of(np.concatenate(values)) for name, values in kept.items()}


def quantised(graph: bytes, ranges: dict[str, Range]) -> bytes:
    """Return the graph with its convolutions, and the sums between them, in integers; all else stays as it is.

    Parameters
    ----------
    ranges
        Of :func:`tensor_ranges` on this graph.
    """
    model = load_from_string(graph)
    writer = _Quantiser(model.graph, ranges)
    writer.rewrite()
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def half_weights(graph: bytes) -> bytes:
    """Return the graph with the weights of its convolutions stored in half precision, computing in single as before."""
    model = load_from_string(graph)
    weights = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    casts = []
    for constant in model.graph.initializer:
        if constant.name in weights:
            name = constant.name
            half = numpy_helper.to_array(constant).astype(np.float16)
            constant.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
            casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def open_graph(graph: bytes) -> onnxruntime.InferenceSession:
    """Open a graph on one thread of the processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _range_of(values: Floats) -> Range:
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    return min(float(low), 0.0), max(float(high), 1e-6)


def _on_the_trunk(graph: GraphProto) -> Iterator[NodeProto]:
    """Yield the convolutions and what works on nothing but their results."""
    made: set[str] = set()
    for node in graph.node:
        follows = node.op_type in {"Relu", "Add", "MaxPool"} and set(node.input) <= made
        if node.op_type == "Conv" or follows:
            made.update(node.output)
            yield node


def _rectifications(graph: GraphProto) -> dict[str, str]:
    """Return, by tensor that only a Relu reads, what the Relu makes of it."""
    readers = Counter(name for node in graph.node for name in node.input)
    return {
        node.input[0]: node.output[0]
        for node in graph.node
        if node.op_type == "Relu" and readers[node.input[0]] == 1
    }


def _quantised_tensors(graph: GraphProto) -> set[str]:
    rectified = _rectifications(graph)
    found: set[str] = set()
    for node in _on_the_trunk(graph):
        if node.op_type == "Conv":
            found.add(node.input[0])
        # Bytes from zero up are rectified already: what goes into a Relu is not stored by itself.
        found.add(rectified.get(node.output[0], node.output[0]))
    return found


class _Quantiser:
    """Rewrites one graph in place."""

    def __init__(self, graph: GraphProto, ranges: dict[str, Range]) -> None:
        self.graph = graph
        self.scales = {name: _scale_and_zero(*limits) for name, limits in ranges.items()}
        self.constants = {c.name: numpy_helper.to_array(c) for c in graph.initializer}
        self.nodes: list[NodeProto] = []
        self.replaced: set[str] = set()
        self.new: dict[str, NDArray[np.generic]] = {}
        self.known = {"": ""}

    def rewrite(self) -> None:
        rectified = _rectifications(self.graph)
        trunk = {id(node): node for node in _on_the_trunk(self.graph)}
        for node in self.graph.node:
            if id(node) not in trunk:
                self.nodes.append(self._reading(node))
                continue
            if node.op_type == "Relu" and node.input[0] in rectified:
                continue
            made = helper.make_node(node.op_type, [], [f"{node.output[0]}_real"])
            made.attribute.extend(node.attribute)
            made.input.extend(self._inputs(node))
            self.nodes.append(made)
            target = rectified.get(node.output[0], node.output[0])
            if node.op_type == "MaxPool":
                # A maximum of bytes is one of them: it keeps their scale.
                self.scales[target] = self.scales[node.input[0]]
            self._store(made.output[0], target)
        kept = [c for c in self.graph.initializer if c.name not in self.replaced]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(self.nodes)
        self.graph.initializer.extend(
            [*kept, *(numpy_helper.from_array(value, name) for name, value in self.new.items())]
        )

    def _inputs(self, node: NodeProto) -> list[str]:
        if node.op_type != "Conv":
            return [self._read(name) for name in node.input]
        images, weight, bias = node.input
        return [self._read(images), *self._weights(images, weight, bias)]

    def _reading(self, node: NodeProto) -> NodeProto:
        """Let a node outside the trunk read what the trunk stored."""
        copy = NodeProto()
        copy.CopyFrom(node)
        for n, name in enumerate(node.input):
            copy.input[n] = self.known.get(name, name)
        return copy

    def _read(self, name: str) -> str:
        if name not in self.known:
            self._store(name, name)
        return self.known[name]

    def _store(self, source: str, name: str) -> None:
        scale, zero = self.scales[name]
        self.new[f"{name}_scale"] = np.array(scale, dtype=np.float32)
        self.new[f"{name}_zero"] = np.array(zero, dtype=np.uint8)
        parameters = [f"{name}_scale", f"{name}_zero"]
        self.nodes += [
            helper.make_node("QuantizeLinear", [source, *parameters], [f"{name}_bytes"]),
            helper.make_node("DequantizeLinear", [f"{name}_bytes", *parameters], [f"{name}_read"]),
        ]
        self.known[name] = f"{name}_read"

    def _weights(self, images: str, weight: str, bias: str) -> list[str]:
        values = self.constants[weight].astype(np.float64)
        most = np.abs(values).max(axis=(1, 2, 3))
        scale = np.maximum(most / _MOST_WEIGHT, 1e-12).astype(np.float32)
        whole = np.rint(values / scale[:, None, None, None]).astype(np.int8)
        of_bias = (scale * np.float32(self.scales[images][0])).astype(np.float32)
        whole_bias = np.rint(self.constants[bias] / of_bias.astype(np.float64))
        limit = np.iinfo(np.int32).max
        read = []
        for name, stored, by in (
            (weight, whole, scale),
            (bias, np.clip(whole_bias, -limit, limit).astype(np.int32), of_bias),
        ):
            self.replaced.add(name)
            self.new |= {f"{name}_whole": stored, f"{name}_scale": by}
            self.new[f"{name}_zero"] = np.zeros(len(by), dtype=stored.dtype)
            inputs = [f"{name}_whole", f"{name}_scale", f"{name}_zero"]
            self.nodes.append(helper.make_node("DequantizeLinear", inputs, [f"{name}_read"], axis=0))
            read.append(f"{name}_read")
        return read


def _scale_and_zero(low: float, high: float) -> tuple[float, int]:
    scale = float(np.float32((high - low) / _MOST_ACTIVATION))
    return scale, round(-low / scale)
