"""One frozen configuration per training run, read from a TOML file whose header says command, hardware and result."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from survey.bands import BandSet
from survey.contract import InputContract

__all__ = [
    "BadConfig",
    "ChangeConfig",
    "ContractConfig",
    "NetworkConfig",
    "OptimiserConfig",
    "PretrainConfig",
    "Section",
    "read_as",
    "read_config",
]


class BadConfig(ValueError):
    """A configuration that cannot be followed; the message names the field, the value and what is allowed."""


class Section(BaseModel):
    """A table of a configuration: frozen, and without room for a field that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_Kind = TypeVar("_Kind", bound=Section)


class DataConfig(Section):
    """What is trained on.

    Attributes
    ----------
    surveys
        Survey folders by name; each is a source of its own.
    hold_out
        Files of ``benchmarks/splits``: their objects, and all of their patches of sky, are never seen.
    validation_share
        Share of the patches of sky of the first survey that decides when to stop.
    split_seed
        Draws that part, so that runs of different seeds are judged on the same galaxies.
    """

    surveys: Annotated[list[str], Field(min_length=1)]
    hold_out: list[Path] = []
    validation_share: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    split_seed: int = 0


class ContractConfig(Section):
    """The input contract, as :class:`survey.contract.InputContract` has it."""

    bands: list[str]
    pixel_scale_arcsec: float | None = None
    field_px: int
    input_px: int
    stretch: Literal["asinh", "unit"]
    softening: list[float] = []
    min_coverage_px: int = 40

    def contract(self) -> InputContract:
        """Return the contract."""
        return InputContract(
            bands=BandSet.from_ids(self.bands),
            pixel_scale_arcsec=self.pixel_scale_arcsec,
            field_px=self.field_px,
            input_px=self.input_px,
            stretch=self.stretch,
            softening=tuple(self.softening),
            min_coverage_px=self.min_coverage_px,
        )


class NetworkConfig(Section):
    """The backbone; see :class:`training.models.resnet.ResNet`."""

    depth: Literal[18, 50] = 18
    stem: Literal["imagenet", "middle", "compact", "hayat"] = "middle"
    width: Annotated[int, Field(ge=8, le=256)] = 64


class MoCoConfig(Section):
    """The method's numbers; see :class:`training.methods.moco.MoCoSettings`.

    Attributes
    ----------
    contrast_weight
        Of InfoNCE; 0 leaves the regressions alone, for comparison.
    auxiliary_weight, description_weight
        Beside InfoNCE: of the numbers measured on each view (:mod:`training.auxiliary`), and of the share of the
        galaxy's description (:mod:`training.description`) that the trunk does not explain.
    """

    queue_size: Annotated[int, Field(gt=0)] = 4096
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.99
    temperature: Annotated[float, Field(gt=0)] = 0.2
    projection: Annotated[int, Field(ge=2)] = 128
    groups: Annotated[int, Field(ge=1)] = 4
    contrast_weight: Annotated[float, Field(ge=0)] = 1.0
    auxiliary_weight: Annotated[float, Field(ge=0)] = 0.0
    description_weight: Annotated[float, Field(ge=0)] = 0.0


class ChangeConfig(Section):
    """One augmentation by name with its numbers."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str

    @property
    def numbers(self) -> dict[str, Any]:
        """What the class is made with."""
        return dict(self.model_extra or {})


class OptimiserConfig(Section):
    """Gradient descent with warm-up and cosine.

    Attributes
    ----------
    name
        Stochastic gradient descent with momentum, or AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).
    learning_rate
        At its highest, for the whole batch times ``accumulate``.
    accumulate
        Batches whose gradients are averaged for one step.
    """

    name: Literal["sgd", "adamw"] = "sgd"
    batch: Annotated[int, Field(ge=2)] = 256
    accumulate: Annotated[int, Field(ge=1)] = 1
    epochs: Annotated[int, Field(ge=1)] = 100
    warmup_epochs: Annotated[float, Field(ge=0)] = 5
    learning_rate: Annotated[float, Field(gt=0)] = 0.06
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4


class PretrainConfig(Section):
    """A pretraining run."""

    model_id: str
    method: Literal["moco"] = "moco"
    seed: int = 0
    data: DataConfig
    contract: ContractConfig
    network: NetworkConfig = NetworkConfig()
    moco: MoCoConfig = MoCoConfig()
    augment: list[ChangeConfig]
    optimiser: OptimiserConfig = OptimiserConfig()


def read_config(path: Path) -> PretrainConfig:
    """Read and check a configuration.

    Raises
    ------
    BadConfig
        If the file is missing, no TOML, or a field is unknown, missing or out of its range.
    """
    return read_as(PretrainConfig, path)


def read_as(kind: type[_Kind], path: Path) -> _Kind:
    """Read a configuration of one kind; see :func:`read_config`."""
    try:
        told = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadConfig(f"no configuration {path.name} here") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path.name} is no TOML: {error}") from error
    try:
        return kind.model_validate(told)
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise BadConfig(f"{path.name}: {'; '.join(lines)}") from error
