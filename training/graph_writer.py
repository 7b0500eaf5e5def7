"""Nodes and constants of an ONNX graph, written one after the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, checker, helper, numpy_helper

__all__ = ["GraphWriter"]

# GridSample is called `linear` since opset 20; ONNX Runtime reads it since 1.18.
_OPSET, _IR_VERSION = 20, 10


class GraphWriter:
    """What has been written so far; names count up, so that the same calls give the same bytes."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._n = 0

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        """Write a node with one output and return the output's name."""
        name = output or self._name(operator)
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, value: NDArray[np.generic]) -> str:
        """Store an array of this very type and return its name."""
        name = self._name("constant")
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def normalised(self, vectors: str, *, output: str | None = None) -> str:
        """Write what brings vectors (N, K) to unit norm."""
        norm = self.add("ReduceL2", vectors, self.constant(np.array([-1], dtype=np.int64)), keepdims=1)
        return self.add("Div", vectors, norm, output=output)

    def finished(self, *, images: tuple[int, int, int], outputs: Mapping[str, int]) -> bytes:
        """Return the checked graph from ``images`` (N, C, S, S) to named outputs, each (N, its length)."""
        made = helper.make_graph(
            self.nodes,
            "encoder",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", *images])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", length])
                for name, length in outputs.items()
            ],
            self.constants,
        )
        model = helper.make_model(
            made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )
        model.producer_name = "skylike"
        checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def _name(self, word: str) -> str:
        self._n += 1
        return f"{word.lower()}_{self._n}"
