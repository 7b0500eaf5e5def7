"""The frozen configuration of a photo-z fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from training.config import ChangeConfig, ContractConfig, NetworkConfig, OptimiserConfig, Section, read_as

__all__ = ["BinsConfig", "LabelsConfig", "PhotozConfig", "read_photoz_config"]


class LabelsConfig(Section):
    """Which spectra are learnt from: those of the training part of :func:`training.photoz_split.parts_of`.

    Attributes
    ----------
    survey
        A survey folder with ``z_spec`` and linear fluxes.
    learn_from
        Another rendering of its galaxies that is learnt from in its stead, and chooses the epoch: one without something that
        tells redshifts in rendered galaxies only.
    n
        Spectra used at most, the same ones for a given ``draw``; None takes all.
    """

    survey: str
    learn_from: str | None = None
    n: Annotated[int, Field(ge=20)] | None = None
    draw: int = 0


class BinsConfig(Section):
    """The redshift grid and the targets on it; see :mod:`training.photoz_targets`."""

    z_max: Annotated[float, Field(gt=0, le=10)] = 0.4
    n: Annotated[int, Field(ge=10, le=1800)] = 180
    smearing: Annotated[float, Field(gt=0)] = 0.005


class HeadConfig(Section):
    """What stands on the trunk; see :class:`training.models.photoz.PhotozHead`.

    Attributes
    ----------
    apertures, trunk, ebv
        What the head reads.
    crps_weight
        Of the CRPS, in units of redshift, beside the cross-entropy.
    epochs, least_steps
        Of the head alone on the unmoved trunk, before both are moved: so many epochs, with few spectra as many as
        make so many steps.
    """

    kind: Literal["bins", "mixture"] = "bins"
    hidden: Annotated[int, Field(ge=8)] = 256
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    apertures: bool = True
    trunk: bool = True
    ebv: bool = False
    crps_weight: Annotated[float, Field(ge=0)] = 0.0
    epochs: Annotated[int, Field(ge=0)] = 40
    least_steps: Annotated[int, Field(ge=0)] = 0
    batch: Annotated[int, Field(ge=2)] = 256
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4


class PhotozConfig(Section):
    """A photo-z fit.

    Attributes
    ----------
    pretrained
        Run whose backbone the trunk begins as; None begins from random weights.
    encoder_rate
        The trunk's learning rate in units of the head's.
    finetune
        Whether trunk and head are moved together in the end; without it the embedding stays frozen.
    least_steps
        Of fine-tuning: an epoch goes through few spectra several times, to make so many in all.
    views
        Test-time averaging over 1 or the 8 quarter turns and reflections.
    """

    model_id: str
    seed: int = 0
    pretrained: str | None = None
    labels: LabelsConfig
    bins: BinsConfig = BinsConfig()
    contract: ContractConfig
    network: NetworkConfig = NetworkConfig()
    head: HeadConfig = HeadConfig()
    augment: tuple[ChangeConfig, ...] = ()
    encoder_rate: Annotated[float, Field(gt=0)] = 0.1
    finetune: bool = True
    least_steps: Annotated[int, Field(ge=0)] = 0
    views: Literal[1, 8] = 1
    optimiser: OptimiserConfig = OptimiserConfig()


def read_photoz_config(path: Path) -> PhotozConfig:
    """Read and check a configuration.

    Raises
    ------
    BadConfig
        If the file is missing, no TOML, or a field is unknown, missing or out of its range.
    """
    return read_as(PhotozConfig, path)
