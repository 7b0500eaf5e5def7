"""A model's own graph run by torch, on a GPU where there is one, to embed whole surveys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import helper, load, numpy_helper
from torch import Tensor

from index.embed import EmbedReport, embed_survey
from index.model import GoldenMismatch, Model
from survey.archive import SurveyFolder
from training.embedding_operators import OPERATORS

__all__ = ["MIN_GOLDEN_COSINE", "TorchEncoder", "UnknownOperator", "embed_with_torch"]

#: As :class:`index.encoder.OnnxEncoder` asks of the processor.
MIN_GOLDEN_COSINE: Final = 0.999
_TOGETHER = 1024

FloatArray = NDArray[np.float32]


class UnknownOperator(ValueError):
    """A graph with an operator that is not done here."""


class TorchEncoder:
    """The encoder of a model folder, node by node in torch; a :class:`index.embed.FieldEncoder`.

    It is the same file that the service runs, so that its vectors can stand beside the service's: where a model is
    stored in 8-bit integers, activations are rounded to the same whole numbers here, held as float32. (The network that the
    integers were made from would not do: its vectors may be off by more than golden objects allow.) Products are float32
    throughout, never TF32.

    Parameters
    ----------
    check
        Whether the golden objects are embedded first.

    Raises
    ------
    UnknownOperator
        If the graph was not written by Skylike.
    GoldenMismatch
        If a golden object comes out elsewhere; the message has the cosine.
    """

    def __init__(self, model: Model, device: torch.device, *, check: bool = True) -> None:
        self.model = model
        self.device = device
        graph = load(model.path / "encoder.onnx").graph
        unknown = sorted({node.op_type for node in graph.node} - set(OPERATORS))
        if unknown:
            raise UnknownOperator(
                f"model {model.card.id}: its graph uses {', '.join(unknown)}, which torch is not taught here; embed on the "
                "processor: skylike index build"
            )
        self._constants = {one.name: self._placed(numpy_helper.to_array(one)) for one in graph.initializer}
        self._nodes = [
            (
                OPERATORS[node.op_type],
                tuple(node.input),
                node.output[0],
                {one.name: helper.get_attribute_value(one) for one in node.attribute},
            )
            for node in graph.node
        ]
        self._last_use = {name: n for n, (_, inputs, _, _) in enumerate(self._nodes) for name in inputs}
        if check:
            self.check_golden()

    def embed_fields(self, fields: FloatArray) -> FloatArray:
        """Embed calibrated fields of shape (N, C, F, F) to (N, D), unit norm; see :meth:`index.encoder.OnnxEncoder.encode`."""
        found = [np.empty((0, self.model.card.dimension), np.float32)]
        for start in range(0, len(fields), _TOGETHER):
            part = torch.from_numpy(np.ascontiguousarray(fields[start : start + _TOGETHER]))
            images = self.model.contract.finish(part.to(self.device), torch)
            found.append(self.encode(images).cpu().numpy())
        return np.concatenate(found)

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Tensor:
        """Embed network inputs (N, C, S, S) on the device to (N, D)."""
        known: dict[str, Any] = {"": None, "images": images.float(), **self._constants}
        with _whole_floats():
            for n, (operator, inputs, output, attributes) in enumerate(self._nodes):
                known[output] = operator([known[name] for name in inputs], attributes)
                for name in inputs:
                    # Activations of a large batch go as soon as nothing reads them any more.
                    if name and self._last_use[name] == n and name not in self._constants:
                        known.pop(name, None)
        return torch.as_tensor(known["embedding"])

    def check_golden(self) -> float:
        """Embed the golden objects and return the smallest cosine with the stored embeddings.

        Raises
        ------
        GoldenMismatch
            If it is below 0.999.
        """
        fields, expected = self.model.golden
        cosines = np.sum(self.embed_fields(fields) * expected, axis=1) / np.linalg.norm(expected, axis=1)
        smallest = float(cosines.min())
        if not smallest >= MIN_GOLDEN_COSINE:
            raise GoldenMismatch(
                f"model {self.model.card.id}: a golden object came out at cosine {smallest:.4f} by torch on "
                f"{self.device} (limit {MIN_GOLDEN_COSINE}); embed on the processor: skylike index build"
            )
        return smallest

    def _placed(self, value: NDArray[Any]) -> Tensor:
        """Put numbers on the device; shapes and axes stay beside the program."""
        tensor = torch.from_numpy(np.array(value))
        return tensor if tensor.dtype == torch.int64 else tensor.to(self.device)


@contextmanager
def _whole_floats() -> Iterator[None]:
    """Keep cuDNN from rounding the factors of convolutions to ten bits (TF32), its default in torch."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def embed_with_torch(
    survey: SurveyFolder,
    model: Model,
    path: Path,
    *,
    device: torch.device,
    batch: int = 1024,
    progress: Callable[[int, int], None] | None = None,
) -> EmbedReport:
    """Embed every object of a survey into the shards that :func:`index.embed.embed_survey` writes; see there.

    Raises
    ------
    UnknownOperator, GoldenMismatch
        If torch does not do what the model's graph says.
    EmbeddingMismatch, NothingToEmbed
        As :func:`index.embed.embed_survey`.
    """
    encoder = TorchEncoder(model, device)
    return embed_survey(survey, model, path, progress=progress, batch=batch, encoder=encoder)
