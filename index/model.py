"""A model on disk: its card, one ONNX graph, golden objects, and the redshift network if there is one."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from index.card import ModelCard
from index.encoder import OnnxEncoder
from index.photoz_calibration import PhotozCalibration
from index.photoz_encoder import PHOTOZ_FILES, PhotozEncoder
from index.sessions import GoldenMismatch
from survey.contract import InputContract
from survey.manifests import CorruptFolder, publish_folder, read_manifest, sha256_of, write_manifest
from survey.naming import checked_name

__all__ = ["GoldenMismatch", "Model", "ModelCard", "OnnxEncoder", "PhotozParts", "publish_model"]

_CARD, _ENCODER, _GOLDEN = "card.json", "encoder.onnx", "golden.npz"
_REDSHIFTS = "redshifts"

FloatArray = NDArray[np.float32]


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
        listed = read_manifest(path, _CARD)["files"]
        optional = [name for name in PHOTOZ_FILES if name in (listed if isinstance(listed, dict) else ())]
        manifest = read_manifest(path, _CARD, verify=[_ENCODER, _GOLDEN, *optional])
        try:
            card = ModelCard.model_validate(manifest)
            contract = InputContract.from_json(card.contract)
        except (ValidationError, TypeError, ValueError, KeyError) as error:
            raise CorruptFolder(
                f"{path.name}: {_CARD} is no model card; fit or export the model again"
            ) from error
        if len(optional) != (0 if card.photoz is None else len(PHOTOZ_FILES)):
            raise CorruptFolder(
                f"{path.name}: {_CARD} and its files disagree about a redshift network; export the model again"
            )
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

    @cached_property
    def golden_redshifts(self) -> NDArray[np.float64] | None:
        """p(z) of the golden objects that must come out, shape (n, B); None without a redshift network.

        Raises
        ------
        CorruptFolder
            If they are missing or do not fit the card.
        """
        block = self.card.photoz
        if block is None:
            return None
        try:
            with np.load(self.path / _GOLDEN, allow_pickle=False) as stored:
                probability = np.asarray(stored[_REDSHIFTS], dtype=np.float64)
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise CorruptFolder(
                f"{self.path.name}: {_GOLDEN} holds no p(z); export the model again"
            ) from error
        if probability.shape != (len(self.golden[0]), block.n_bins):
            raise CorruptFolder(f"{self.path.name}: the p(z) of {_GOLDEN} does not fit {_CARD}")
        return probability

    def photoz_parts(self) -> PhotozParts | None:
        """Return the redshift network, to be published with another card; None without one."""
        if self.card.photoz is None:
            return None
        graph, calibration = (self.path / name for name in PHOTOZ_FILES)
        return PhotozParts(graph.read_bytes(), PhotozCalibration.load(calibration), self.golden_redshifts)


@dataclass(frozen=True, slots=True, eq=False)
class PhotozParts:
    """A redshift network to be published with a model.

    Attributes
    ----------
    graph
        ONNX: ``images`` (N, C, S, S) to ``logits`` (N, B), ``photometry`` (N, P), ``features`` (N, F), all float32.
    calibration
        Fitted to these outputs.
    golden
        p(z) of the golden objects, shape (n, B); None for what the graph gives on this machine.
    """

    graph: bytes
    calibration: PhotozCalibration
    golden: NDArray[np.float64] | None = None


def publish_model(
    path: Path,
    card: ModelCard,
    *,
    encoder: bytes,
    golden: tuple[FloatArray, FloatArray],
    photoz: PhotozParts | None = None,
) -> Model:
    """Write a model folder, check it as a reader would, publish it in one step.

    Parameters
    ----------
    path
        The folder; replaced if it exists.
    card
        Its ``files`` are filled in here; ``photoz`` must be there exactly if there is such a network.
    encoder
        The ONNX graph: ``images`` (N, C, S, S) to ``embedding`` (N, D), both float32, N dynamic.
    golden
        Calibrated fields (n, C, F, F), n from 1 to 8, with their embeddings (n, D).
    photoz
        The redshift network.

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
    try:
        (staged / _ENCODER).write_bytes(encoder)
        arrays = {"fields": golden[0], "embeddings": golden[1]}
        _write(staged, card, arrays, photoz)
        if photoz is not None and photoz.golden is None:
            told = PhotozEncoder(Model.open(staged), check=False)
            _write(staged, card, {**arrays, _REDSHIFTS: told.redshifts_of_fields(golden[0])}, photoz)
        elif photoz is not None:
            _write(staged, card, {**arrays, _REDSHIFTS: photoz.golden}, photoz)
        model = Model.open(staged)
        OnnxEncoder(model)
        if photoz is not None:
            PhotozEncoder(model)
    except Exception:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    publish_folder(staged, path)
    return Model.open(path)


def _write(staged: Path, card: ModelCard, golden: dict[str, Any], photoz: PhotozParts | None) -> None:
    """Write golden objects, the redshift network and the card that lists their hashes."""
    buffer = io.BytesIO()
    np.savez(buffer, **golden)
    (staged / _GOLDEN).write_bytes(buffer.getvalue())
    names = [_ENCODER, _GOLDEN]
    if photoz is not None:
        graph, calibration = (staged / name for name in PHOTOZ_FILES)
        graph.write_bytes(photoz.graph)
        photoz.calibration.save(calibration)
        names += PHOTOZ_FILES
    write_manifest(staged, _CARD, card.model_dump(exclude={"files"}), names)
