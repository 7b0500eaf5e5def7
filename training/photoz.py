"""A photo-z network from its configuration: trunk, head on the unmoved trunk, fine-tuning of both."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from index.pdf import RedshiftGrid, cde_loss
from index.temperature import softmax
from training.augment.recipe import Views, build_changes
from training.config import BadConfig
from training.loader import Loader
from training.loop import Finished, run_epochs
from training.methods.photoz import Photoz
from training.models.apertures import Apertures
from training.models.photoz import PhotozHead, PhotozNetwork
from training.models.resnet import ResNet
from training.photoz_config import PhotozConfig
from training.photoz_data import Part
from training.photoz_head import fit_head
from training.photoz_prediction import batches_of, predict
from training.photoz_targets import smeared
from training.pretrain import resident_bytes
from training.runs import RunFolder

__all__ = ["fit_photoz", "grid_of", "load_network", "new_network"]

# Galaxies from which augmentations learn what is usual.
_SAMPLED = 1000

Told = Callable[[str, int, int], None]


def grid_of(config: PhotozConfig) -> RedshiftGrid:
    """Return the redshift grid of a configuration."""
    return RedshiftGrid(config.bins.z_max, config.bins.n)


def new_network(config: PhotozConfig, pretrained: RunFolder | None = None) -> PhotozNetwork:
    """Return a network with random weights, its trunk from a pretraining run if one is given.

    Raises
    ------
    BadConfig
        If the run is of another architecture, or the head would read nothing.
    """
    head, shape, contract = config.head, config.network, config.contract.contract()
    if not (head.trunk or head.apertures):
        raise BadConfig("head: with neither `trunk` nor `apertures` there is nothing to read")
    torch.manual_seed(config.seed)
    trunk = None
    if head.trunk:
        trunk = ResNet(depth=shape.depth, bands=len(contract.bands), stem=shape.stem, width=shape.width)
        if pretrained is not None:
            _load_trunk(trunk, pretrained)
    return PhotozNetwork(
        trunk,
        Apertures(contract) if head.apertures else None,
        grid_of(config),
        ebv=head.ebv,
        hidden=head.hidden,
        kind=head.kind,
        dropout=head.dropout,
    )


def fit_photoz(
    config: PhotozConfig,
    parts: dict[str, Part],
    run_path: Path,
    *,
    device: torch.device,
    pretrained: RunFolder | None = None,
    progress: Told | None = None,
    most_seconds: float | None = None,
) -> Finished:
    """Fit, or go on fitting; see :func:`training.loop.run_epochs`.

    First the head alone on features of the unmoved trunk (of a pretrained one: a random trunk has none worth it), then
    all weights, those of a pretrained trunk at ``encoder_rate`` of the head's.

    Raises
    ------
    BadConfig
        If the pretrained run does not fit, or the trunk is neither pretrained nor to be moved.
    RunMismatch
        If ``run_path`` holds a run of another configuration or other data.
    """
    if not config.finetune and config.head.trunk and pretrained is None:
        raise BadConfig("finetune: a trunk that begins from random weights must be moved")
    tell = progress or (lambda _step, _done, _total: None)
    run = RunFolder(
        run_path, {**config.model_dump(mode="json"), "survey_sha256": parts["train"].source.survey.sha256}
    )
    train = parts["train"]
    contract = train.contract
    changes = build_changes(config.augment, contract, lambda: train.thinned(_SAMPLED).fields().numpy())
    fit = _Fit(
        config,
        parts,
        new_network(config, pretrained).to(device),
        Views(contract, changes),
        smeared(train.z, grid_of(config), config.bins.smearing),
    )
    before = fit.begin(run, tell) if run.load() is None else float("nan")
    if not config.finetune:
        return Finished(0, before, is_complete=True)
    seen = _seen(config, len(train))
    loader = Loader([train.source], [train.places[seen]], device, resident_bytes=resident_bytes(device))
    method = Photoz(
        fit.network,
        fit.views,
        loader,
        fit.grid,
        targets=fit.targets[torch.from_numpy(seen)],
        ebv=train.dust()[torch.from_numpy(seen)],
        encoder_rate=config.encoder_rate if fit.is_pretrained else 1.0,
        keeps_statistics=fit.is_pretrained,
        crps_weight=config.head.crps_weight,
        generator=torch.Generator(device).manual_seed(config.seed + 2),
        validate=fit.judged,
    )
    return run_epochs(
        method,
        config.optimiser.model_copy(update={"batch": min(config.optimiser.batch, len(train))}),
        loader.counts,
        run,
        seed=config.seed,
        device=device,
        progress=lambda done, total: tell("Fine-tuning", done, total),
        most_seconds=most_seconds,
        best_score=before,
    )


def load_network(config: PhotozConfig, run: RunFolder) -> PhotozNetwork | None:
    """Return the best network of a run; None before its first epoch has ended."""
    state = run.load(best=True)
    if state is None:
        return None
    network = new_network(config)
    network.load_state_dict(state["network"])
    return network.eval()


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """What a fit is made of; ``targets`` (n, B) are those of the training part in its order."""

    config: PhotozConfig
    parts: dict[str, Part]
    network: PhotozNetwork
    views: Views
    targets: Tensor

    @property
    def grid(self) -> RedshiftGrid:
        return grid_of(self.config)

    @property
    def is_pretrained(self) -> bool:
        return self.config.pretrained is not None and self.network.trunk is not None

    def begin(self, run: RunFolder, tell: Told) -> float:
        """Set the scale of the features; where they are worth it fit the head on them; return minus the CDE loss."""
        raw, targets = self._described(tell)
        self.network.standardise(raw)
        if not self.is_pretrained and self.network.trunk is not None:
            return float("nan")
        judged = predict(self.network, self.parts["validation"])
        loss = fit_head(
            self.network.head,
            self.config.head,
            self.grid,
            features=self.network.standardised(raw),
            targets=targets.to(raw.device),
            judge=lambda head: self._loss_of(head, torch.from_numpy(judged.features)),
            seed=self.config.seed,
            progress=lambda done, total: tell("Fitting the head", done, total),
        )
        run.log(step=0, epoch=0, head_cde_loss=round(loss, 5))
        run.save({"network": self.network.state_dict()}, best=True)
        return -loss

    def judged(self, network: PhotozNetwork) -> dict[str, float]:
        """Return the CDE loss on the validation part, and minus it as the score."""
        validation = self.parts["validation"]
        loss = cde_loss(softmax(predict(network, validation).logits), self.grid, validation.z)
        return {"cde_loss": round(loss, 5), "score": -loss}

    def _described(self, tell: Told) -> tuple[Tensor, Tensor]:
        """Return raw features of each training galaxy unchanged, and of one drawn view of it, with their targets."""
        device, train = self.network.centre.device, self.parts["train"]
        generator = torch.Generator(device).manual_seed(self.config.seed + 3)
        plain, drawn = [], []
        self.network.eval()
        with torch.no_grad():
            for some in batches_of(len(train), lambda *done: tell("Describing the training part", *done)):
                dust = train.dust(some).to(device)
                plain.append(self.network.raw(train.inputs(some).to(device), dust))
                if self.config.augment:
                    fields = train.fields(some).to(device)
                    drawn.append(self.network.raw(self.views(fields, generator), dust))
        kinds = [torch.cat(parts) for parts in (plain, drawn) if parts]
        return torch.cat(kinds), torch.cat([self.targets] * len(kinds))

    def _loss_of(self, head: PhotozHead, features: Tensor) -> float:
        head.eval()
        with torch.no_grad():
            logits: NDArray[np.float32] = head(features.to(self.network.centre.device)).cpu().numpy()
        return cde_loss(softmax(logits), self.grid, self.parts["validation"].z)


def _seen(config: PhotozConfig, n: int) -> NDArray[np.int64]:
    """Return which of n spectra an epoch goes through: few ones several times, to make enough steps.

    More epochs instead would judge the network on the whole validation part after each step.
    """
    per_epoch = n // min(config.optimiser.batch, n)
    return np.tile(
        np.arange(n), max(1, math.ceil(config.least_steps / (config.optimiser.epochs * per_epoch)))
    )


def _load_trunk(trunk: ResNet, pretrained: RunFolder) -> None:
    state = pretrained.load(best=True)
    if state is None:
        raise BadConfig(f"pretrained: run {pretrained.path.name} has not finished an epoch")
    prefix = "query_encoder.0."
    weights = {
        name.removeprefix(prefix): value for name, value in state["moco"].items() if name.startswith(prefix)
    }
    try:
        trunk.load_state_dict(weights)
    except RuntimeError as error:
        raise BadConfig(
            f"pretrained: run {pretrained.path.name} has another architecture than `network`"
        ) from error
