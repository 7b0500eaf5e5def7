"""What a model says of itself."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ModelCard", "PhotozCard"]

_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"


class PhotozCard(BaseModel):
    """What a card says of the model's redshift network.

    Attributes
    ----------
    z_max, n_bins
        Its grid: equal bins from 0.
    train_set
        The spectra it learnt from, in a few words; repeated in every estimate.
    views
        Orientations averaged inside the graph.
    n_train, n_calibration
        Spectra it was fitted to, and others that calibrated it.
    metrics
        Measured figures by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    z_max: float = Field(gt=0)
    n_bins: int = Field(ge=2)
    train_set: str
    views: Literal[1, 8] = 1
    n_train: int | None = None
    n_calibration: int | None = None
    metrics: dict[str, Any] = Field(default_factory=dict)


class ModelCard(BaseModel):
    """What ``card.json`` says of a model.

    Attributes
    ----------
    contract
        :meth:`survey.contract.InputContract.to_json` of the input it was trained on.
    precision
        Arithmetic of the graph; another precision is another model.
    views
        Orientations averaged for one embedding: 1, or the 8 quarter turns and reflections (inside the graph).
    training
        Survey, its SHA-256, number of objects, seed and the method's own settings.
    metrics
        Measured figures by name; empty when nothing was measured.
    photoz
        Of ``photoz.onnx`` and ``photoz.npz``; None in a model without a redshift network.
    created
        ISO 8601 time, UTC.
    files
        File name to SHA-256.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=_NAME)
    method: str
    title: str
    contract: dict[str, Any]
    dimension: int = Field(ge=1)
    precision: Literal["fp32", "fp16", "int8"] = "fp32"
    views: Literal[1, 8] = 1
    training: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    photoz: PhotozCard | None = None
    code_revision: str = ""
    licence: str = ""
    created: str = ""
    files: dict[str, str] = Field(default_factory=dict)
