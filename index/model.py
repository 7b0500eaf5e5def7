"""A model on disk: its card, one ONNX graph, golden objects."""

from __future__ import annotations

import io
import shutil
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from index.card import ModelCard
from index.runtime import onnxruntime
from survey.contract import InputContract
from survey.manifests import CorruptFolder, publish_folder, read_manifest, sha256_of, write_manifest
from survey.naming import checked_name

__all__ = ["GoldenMismatch", "Model", "ModelCard", "OnnxEncoder", "publish_model"]

_CARD, _ENCODER, _GOLDEN = "card.json", "encoder.onnx", "golden.npz"
_MIN_GOLDEN_COSINE = 0.999

FloatArray = NDArray[np.float32]


class GoldenMismatch(RuntimeError):
    """The golden objects come out with other embeddings than the model card's machine gave them."""


class Model:
    """One model folder, verified.

    Attributes
    ----------
    path
        The folder.
    card
        Its card.
    contract
        The input it was trained on.
    sha256
        SHA-256 of ``card.json``, which holds the hashes of the other files.
    """

    def __init__(self, path: Path, card: ModelCard, contract: InputContract, sha256: str) -> None:
        self.path = path
        self.card = card
        self.contract = contract
        self.sha256 = sha256

    @classmethod
    def open(cls, path: Path) -> Model:
        """Open a model folder after checking every hash.

        Raises
        ------
        CorruptFolder
            If the card is missing or malformed, or a file is missing or not the one of the card.
        """
        manifest = read_manifest(path, _CARD, verify=[_ENCODER, _GOLDEN])
        try:
            card = ModelCard.model_validate(manifest)
            contract = InputContract.from_json(card.contract)
        except (ValidationError, TypeError, ValueError, KeyError) as error:
            raise CorruptFolder(
                f"{path.name}: {_CARD} is no model card; fit or export the model again"
            ) from error
        return cls(path, card, contract, sha256_of((path / _CARD).read_bytes()))

    @cached_property
    def golden(self) -> tuple[FloatArray, FloatArray]:
        """Calibrated fields (n, C, F, F) with the embeddings (n, D) that must come out.

        Raises
        ------
        CorruptFolder
            If the arrays are unreadable or do not fit the card.
        """
        try:
            with np.load(self.path / _GOLDEN, allow_pickle=False) as stored:
                fields, embeddings = (
                    np.asarray(stored[name], dtype=np.float32) for name in ("fields", "embeddings")
                )
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise CorruptFolder(f"{self.path.name}: {_GOLDEN} cannot be read; fit the model again") from error
        n, c, f = len(fields), len(self.contract.bands), self.contract.field_px
        if not n or fields.shape != (n, c, f, f) or embeddings.shape != (n, self.card.dimension):
            raise CorruptFolder(f"{self.path.name}: {_GOLDEN} does not fit the contract of {_CARD}")
        return fields, embeddings


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
        self._session = _open_session((model.path / _ENCODER).read_bytes(), threads, name=model.path.name)
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


def _open_session(graph: bytes, threads: int, *, name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle workers that spin would take the cores from the search threads between two requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a family of private classes straight under Exception.
        raise CorruptFolder(
            f"{name}: {_ENCODER} is not a graph that ONNX Runtime {onnxruntime.__version__} reads"
        ) from error


def publish_model(
    path: Path, card: ModelCard, *, encoder: bytes, golden: tuple[FloatArray, FloatArray]
) -> Model:
    """Write a model folder, check it as a reader would, publish it in one step.

    Parameters
    ----------
    path
        The folder; replaced if it exists.
    card
        Its ``files`` are filled in here.
    encoder
        The ONNX graph: ``images`` (N, C, S, S) to ``embedding`` (N, D), both float32, N dynamic.
    golden
        Calibrated fields (n, C, F, F), n from 1 to 8, with their embeddings (n, D).

    Raises
    ------
    BadName
        If the model's id is no name.
    CorruptFolder, GoldenMismatch
        If the parts do not fit together; nothing is published then.
    """
    checked_name(card.id)
    staged = path.with_name(f".{path.name}.staged")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    (staged / _ENCODER).write_bytes(encoder)
    buffer = io.BytesIO()
    np.savez(buffer, fields=golden[0], embeddings=golden[1])
    (staged / _GOLDEN).write_bytes(buffer.getvalue())
    write_manifest(staged, _CARD, card.model_dump(exclude={"files"}), [_ENCODER, _GOLDEN])
    try:
        OnnxEncoder(Model.open(staged))
    except Exception:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    publish_folder(staged, path)
    return Model.open(path)
