"""A model's graph, ready to run on this CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.sessions import GoldenMismatch, open_session
from survey.manifests import CorruptFolder

if TYPE_CHECKING:
    from index.model import Model

__all__ = ["OnnxEncoder"]

_MIN_GOLDEN_COSINE = 0.999

FloatArray = NDArray[np.float32]


class OnnxEncoder:
    """A model's graph, ready to turn galaxies into embeddings on this CPU.

    Parameters
    ----------
    threads
        Threads inside one call; 0 takes every core.
    check
        Whether the golden objects are embedded first.

    Raises
    ------
    CorruptFolder
        If the graph cannot be read or has other inputs or outputs than the card says.
    GoldenMismatch
        If a golden object comes out elsewhere.
    """

    def __init__(self, model: Model, threads: int = 1, *, check: bool = True) -> None:
        self.model = model
        self._session = open_session(model.path / "encoder.onnx", threads)
        c, s = len(model.contract.bands), model.contract.input_px
        self._input_shape = (c, s, s)
        inputs = {i.name: i.shape[1:] for i in self._session.get_inputs()}
        outputs = {o.name: o.shape[1:] for o in self._session.get_outputs()}
        if inputs != {"images": [c, s, s]} or outputs != {"embedding": [model.card.dimension]}:
            raise CorruptFolder(
                f"{model.path.name}: the graph maps {inputs} to {outputs}; the card says images {[c, s, s]} "
                f"to embedding [{model.card.dimension}]"
            )
        if check:
            self.check_golden()

    @property
    def dimension(self) -> int:
        """D, the length of an embedding."""
        return self.model.card.dimension

    def encode(self, inputs: FloatArray) -> FloatArray:
        """Embed network inputs.

        Parameters
        ----------
        inputs
            Shape (N, C, S, S), as ``contract.finish`` gives them; N may be 0.

        Returns
        -------
        ndarray
            Shape (N, D), float32, unit norm; not of unit norm, usually NaN, for an input that has no
            direction or holds NaN. The caller refuses such rows, since it alone knows whose they are.

        Raises
        ------
        ValueError
            If the shape does not fit.
        """
        if inputs.ndim != 4 or inputs.shape[1:] != self._input_shape:
            raise ValueError(
                f"inputs have shape {inputs.shape}; the model reads (N, {str(self._input_shape)[1:]}"
            )
        if not len(inputs):
            return np.empty((0, self.dimension), dtype=np.float32)
        (embeddings,) = self._session.run(
            ["embedding"], {"images": np.ascontiguousarray(inputs, dtype=np.float32)}
        )
        return np.asarray(embeddings, dtype=np.float32)

    def embed_fields(self, fields: FloatArray) -> FloatArray:
        """Embed calibrated fields of shape (N, C, F, F); see :meth:`encode`."""
        return self.encode(self.model.contract.finish(fields))

    def check_golden(self) -> float:
        """Embed the golden objects and return the smallest cosine with the stored embeddings.

        Raises
        ------
        GoldenMismatch
            If it is below 0.999: the catalogue's vectors and this machine's queries would not be comparable.
        """
        fields, expected = self.model.golden
        cosines = np.sum(self.embed_fields(fields) * expected, axis=1) / np.linalg.norm(expected, axis=1)
        smallest = float(cosines.min())
        if not smallest >= _MIN_GOLDEN_COSINE:
            raise GoldenMismatch(
                f"model {self.model.card.id}: a golden object came out at cosine {smallest:.4f} on this CPU "
                f"(limit {_MIN_GOLDEN_COSINE}); fit the model again here and rebuild its index"
            )
        return smallest
