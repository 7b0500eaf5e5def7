"""A pretraining run from its configuration: data, network, method, loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.augment.recipe import Views, build_changes
from training.config import BadConfig, PretrainConfig
from training.description import describe_inputs
from training.loader import Loader
from training.loop import Finished, run_epochs
from training.methods.moco import MoCo, MoCoSettings
from training.methods.pretraining import Pretraining
from training.models.heads import projection_head
from training.models.resnet import ResNet
from training.preparation import Prepared
from training.probes import embed_with, label_score, redshift_score
from training.runs import RunFolder

__all__ = ["judge_vectors", "pretrain", "views_of"]

_RESIDENT_SHARE = 0.25
_CPU_RESIDENT_BYTES = 4 << 30
_VALIDATION_BATCH = 256
# Galaxies from which augmentations learn what is usual.
_SAMPLED = 1000
# Ten neighbours and the galaxy itself.
_LEAST_JUDGED = 11
# Of the losses: the method itself does not know them.
_WEIGHTS = {"contrast_weight", "auxiliary_weight", "description_weight"}


def pretrain(
    config: PretrainConfig,
    prepared: Prepared,
    run_path: Path,
    *,
    device: torch.device,
    progress: Callable[[int, int], None] | None = None,
    most_seconds: float | None = None,
    compiled: bool = False,
) -> Finished:
    """Train, or go on training; see :func:`training.loop.run_epochs`.

    Parameters
    ----------
    compiled
        Whether torch compiles the backbones first: minutes on a GPU that large networks win back, hardly
        anything on a CPU.

    Raises
    ------
    BadConfig
        If queue, batch and data do not fit each other.
    RunMismatch
        If ``run_path`` holds a run of another configuration or other data.
    """
    smallest = min(len(split.train) for split in prepared.splits)
    settings = MoCoSettings(**config.moco.model_dump(exclude=_WEIGHTS))
    try:
        settings.check(batch=config.optimiser.batch, n_train=smallest)
    except ValueError as error:
        raise BadConfig(f"moco: {error}") from error
    method = _method(config, settings, prepared, device)
    if compiled:
        method.compile()
    hashes = {source.survey.info.name: source.survey.sha256 for source in prepared.sources}
    run = RunFolder(run_path, {**config.model_dump(mode="json"), "survey_sha256": hashes})
    return run_epochs(
        method,
        config.optimiser,
        method.loader.counts,
        run,
        seed=config.seed,
        device=device,
        progress=progress,
        most_seconds=most_seconds,
    )


def _method(
    config: PretrainConfig, settings: MoCoSettings, prepared: Prepared, device: torch.device
) -> Pretraining:
    torch.manual_seed(config.seed)
    backbone = ResNet(
        depth=config.network.depth,
        bands=len(prepared.contract.bands),
        stem=config.network.stem,
        width=config.network.width,
    )
    shuffles, draws = (torch.Generator(device).manual_seed(config.seed + n) for n in (1, 2))
    moco = MoCo(
        backbone.to(device),
        projection_head(backbone.dimension, settings.projection).to(device),
        settings,
        shuffles,
        sources=len(prepared.sources),
    )
    moco.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not among torch's typed forms
    places = [split.train for split in prepared.splits]
    views = views_of(config, prepared)
    loader = Loader(prepared.sources, places, device, resident_bytes=resident_bytes(device))
    return Pretraining(
        moco,
        views,
        loader,
        contrast_weight=config.moco.contrast_weight,
        auxiliary_weight=config.moco.auxiliary_weight,
        description_weight=config.moco.description_weight,
        descriptions=_descriptions(prepared) if config.moco.description_weight else None,
        generator=draws,
        validate=_validation(prepared, views, device),
    )


def views_of(config: PretrainConfig, prepared: Prepared) -> Views:
    """Return what draws the views of a run."""
    changes = build_changes(config.augment, prepared.contract, lambda: _sample(prepared))
    return Views(prepared.contract, changes)


def _sample(prepared: Prepared) -> NDArray[np.generic]:
    """Return fields of training galaxies of the first survey, evenly through it."""
    places = prepared.splits[0].train
    return prepared.sources[0].fields[places[:: max(1, len(places) // _SAMPLED)]]


def judge_vectors(prepared: Prepared, vectors: NDArray[np.float32], *, centred: bool = True) -> float:
    """Score vectors of the first survey's validation part, in its order; NaN where nothing can judge them.

    The purity of ten neighbours where more than eleven galaxies have a label, else minus sigma_MAD of their redshifts.

    Parameters
    ----------
    centred
        Whether their mean is taken off first; not for unit vectors as a model gives them.
    """
    labels, z_spec = _truth(prepared)
    if len(labels) > _LEAST_JUDGED:
        return label_score(vectors[list(labels)], list(labels.values()), centred=centred)
    known = np.flatnonzero(np.isfinite(z_spec))
    if len(known) <= _LEAST_JUDGED:
        return float("nan")
    return redshift_score(vectors[known], z_spec[known], centred=centred)


def _validation(
    prepared: Prepared, views: Views, device: torch.device
) -> Callable[[nn.Module], dict[str, float]]:
    """Return what judges a backbone after each epoch, from one view a galaxy."""
    source, places = prepared.sources[0], prepared.splits[0].validation
    by_label = len(_truth(prepared)[0]) > _LEAST_JUDGED

    def judge(backbone: nn.Module) -> dict[str, float]:
        score = judge_vectors(prepared, embed_with(backbone, _batches(source.fields, places, views, device)))
        told = {"purity10": score} if by_label else {"knn_sigma_mad": -score}
        return {**{name: round(value, 5) for name, value in told.items()}, "score": score}

    return judge if len(places) > _LEAST_JUDGED else lambda _backbone: {}


def _truth(prepared: Prepared) -> tuple[dict[int, str], NDArray[np.float64]]:
    """Return labels by place in the validation part, and its redshifts (NaN where unknown)."""
    source, places = prepared.sources[0], prepared.splits[0].validation
    objects = source.survey.objects.take(source.rows[places])
    labels = objects.column("label").to_pylist() if "label" in objects.column_names else []
    z_spec = np.array(objects.column("z_spec").to_pylist(), dtype=np.float64)
    return {n: str(label) for n, label in enumerate(labels) if label is not None}, z_spec


def _batches(
    fields: NDArray[np.generic], places: NDArray[np.int64], views: Views, device: torch.device
) -> list[torch.Tensor]:
    return [
        views.plain(torch.from_numpy(fields[places[n : n + _VALIDATION_BATCH]]).to(device))
        for n in range(0, len(places), _VALIDATION_BATCH)
    ]


def _descriptions(prepared: Prepared) -> list[NDArray[np.float32]]:
    """Describe the training galaxies of each source, in the order in which batches name them."""
    plain = Views(prepared.contract, ())
    inputs = [
        np.concatenate(
            [batch.numpy() for batch in _batches(source.fields, split.train, plain, torch.device("cpu"))]
        )
        for source, split in zip(prepared.sources, prepared.splits, strict=True)
    ]
    return describe_inputs(prepared.contract, inputs)


def resident_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(_RESIDENT_SHARE * torch.cuda.get_device_properties(device).total_memory)
    return _CPU_RESIDENT_BYTES
