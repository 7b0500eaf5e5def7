"""The ONNX operators that our encoders are written in, as torch does them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["OPERATORS", "Operator"]

Attributes = Mapping[str, Any]
#: Takes the inputs (None where one is left out) and the attributes.
Operator = Callable[[Sequence[Any], Attributes], Tensor]

_MODES = {b"linear": "bilinear", b"nearest": "nearest", b"cubic": "bicubic"}
# TensorProto.FLOAT, the only type that weights are brought to.
_FLOAT = 1


def _add(given: Sequence[Tensor], _: Attributes) -> Tensor:
    return given[0] + given[1]


def _subtract(given: Sequence[Tensor], _: Attributes) -> Tensor:
    return given[0] - given[1]


def _multiply(given: Sequence[Tensor], _: Attributes) -> Tensor:
    return given[0] * given[1]


def _divide(given: Sequence[Tensor], _: Attributes) -> Tensor:
    return given[0] / given[1]


def _matrix_product(given: Sequence[Tensor], _: Attributes) -> Tensor:
    return given[0] @ given[1]


def _identity(given: Sequence[Tensor], _: Attributes) -> Tensor:
    return given[0]


def _cast(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    if attributes["to"] != _FLOAT:
        raise NotImplementedError(f"Cast to type {attributes['to']}")
    return given[0].float()


def _shape(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    return torch.tensor(given[0].shape[attributes.get("start", 0) : attributes.get("end")])


def _concatenate(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    return torch.cat(list(given), dim=attributes["axis"])


def _reshape(given: Sequence[Tensor], _: Attributes) -> Tensor:
    data, shape = given
    # 0 keeps a length.
    return data.reshape([data.shape[n] if size == 0 else size for n, size in enumerate(shape.tolist())])


def _expand(given: Sequence[Tensor], _: Attributes) -> Tensor:
    data, shape = given
    # A length of 1 in the shape keeps that of the data.
    wanted = [1] * (data.ndim - len(shape)) + shape.tolist()
    own = [1] * (len(wanted) - data.ndim) + list(data.shape)
    return data.expand([max(pair) for pair in zip(wanted, own, strict=True)])


def _flatten(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    axis = attributes.get("axis", 1)
    lead = 1
    for size in given[0].shape[:axis]:
        lead *= size
    return given[0].reshape(lead, -1)


def _transpose(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    return given[0].permute(tuple(attributes["perm"]))


def _slice(given: Sequence[Any], _: Attributes) -> Tensor:
    data, starts, ends = given[:3]
    axes = given[3].tolist() if len(given) > 3 else range(len(starts))
    steps = given[4].tolist() if len(given) > 4 else [1] * len(starts)
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        chosen = range(data.shape[axis])[_bound(start) : _bound(end) : step]
        # Torch has no negative steps.
        data = data.index_select(axis, torch.tensor(list(chosen), device=data.device))
    return torch.as_tensor(data)


def _bound(index: int) -> int | None:
    """Return None for what ONNX writes to mean "to the very end", in either direction."""
    return None if abs(index) >= 2**31 - 1 else index


def _mean(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    return given[0].mean(dim=given[1].tolist(), keepdim=bool(attributes.get("keepdims", 1)))


def _sum(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    return given[0].sum(dim=given[1].tolist(), keepdim=bool(attributes.get("keepdims", 1)))


def _length(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    made: Tensor = torch.linalg.vector_norm(
        given[0], dim=given[1].tolist(), keepdim=bool(attributes.get("keepdims", 1))
    )
    return made


def _convolve(given: Sequence[Any], attributes: Attributes) -> Tensor:
    images, weight, bias = (*given, None)[:3]
    made: Tensor = functional.conv2d(
        images,
        weight,
        bias,
        stride=attributes.get("strides", [1, 1]),
        padding=_padding(attributes),
        dilation=attributes.get("dilations", [1, 1]),
        groups=attributes.get("group", 1),
    )
    return made


def _greatest(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    made: Tensor = functional.max_pool2d(
        given[0],
        attributes["kernel_shape"],
        stride=attributes.get("strides", [1, 1]),
        padding=_padding(attributes),
    )
    return made


def _padding(attributes: Attributes) -> list[int]:
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    if pads[:2] != pads[2:]:
        raise NotImplementedError(f"padding {pads}, more at one side than at the other")
    return pads[:2]


def _average(given: Sequence[Tensor], _: Attributes) -> Tensor:
    return given[0].mean(dim=(2, 3), keepdim=True)


def _sample(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    return functional.grid_sample(
        given[0],
        given[1],
        mode=_MODES[attributes.get("mode", b"linear")],
        padding_mode=attributes.get("padding_mode", b"zeros").decode(),
        align_corners=bool(attributes.get("align_corners", 0)),
    )


def _quantise(given: Sequence[Tensor], attributes: Attributes) -> Tensor:
    """Round to whole numbers, half to even, within the range of a byte; they stay float32."""
    values, scale, zero = given
    limits = torch.iinfo(zero.dtype)
    whole = torch.round(values / _along(scale, values, attributes)) + _along(zero, values, attributes).float()
    return whole.clamp(limits.min, limits.max)


def _dequantise(given: Sequence[Any], attributes: Attributes) -> Tensor:
    values, scale, zero = (*given, None)[:3]
    values = values.float()
    if zero is not None:
        values = values - _along(zero, values, attributes).float()
    return torch.as_tensor(values * _along(scale, values, attributes))


def _along(parameter: Tensor, values: Tensor, attributes: Attributes) -> Tensor:
    """Shape a scale so that it holds along its axis; a single one holds everywhere."""
    if parameter.ndim == 0:
        return parameter
    shape = [1] * values.ndim
    shape[attributes.get("axis", 1)] = -1
    return parameter.reshape(shape)


OPERATORS: dict[str, Operator] = {
    "Abs": lambda given, _: torch.abs(given[0]),
    "Add": _add,
    "Cast": _cast,
    "Concat": _concatenate,
    "Conv": _convolve,
    "DequantizeLinear": _dequantise,
    "Div": _divide,
    "Expand": _expand,
    "Flatten": _flatten,
    "GlobalAveragePool": _average,
    "GridSample": _sample,
    "Identity": _identity,
    "MatMul": _matrix_product,
    "MaxPool": _greatest,
    "Mul": _multiply,
    "QuantizeLinear": _quantise,
    "ReduceL2": _length,
    "ReduceMean": _mean,
    "ReduceSum": _sum,
    "Relu": lambda given, _: torch.relu(given[0]),
    "Reshape": _reshape,
    "Shape": _shape,
    "Slice": _slice,
    "Sqrt": lambda given, _: torch.sqrt(given[0]),
    "Sub": _subtract,
    "Transpose": _transpose,
}
