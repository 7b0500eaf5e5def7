"""The steps that benchmarks/pretraining_speed.py times, each as a function without arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from plain_moco import PlainMoCo, plain_view
from torch import nn

from training.augment.recipe import Views, build_changes
from training.config import PretrainConfig
from training.description import DESCRIBED
from training.loader import Loader
from training.methods.moco import MoCo, MoCoSettings
from training.methods.pretraining import Pretraining
from training.models.heads import projection_head
from training.models.resnet import ResNet
from training.schedule import Batch, epoch_batches
from training.stored_fields import StoredFields

__all__ = ["Case", "load_step", "network_step", "our_step", "plain_step", "view_step"]

N_FIELDS = 8192
_EPOCHS = 60


@dataclass(frozen=True, slots=True)
class Case:
    """What is timed on."""

    config: PretrainConfig
    device: torch.device
    compiled: bool
    file: Path

    def sources(self) -> list[StoredFields]:
        """Return random fields in a file."""
        contract = self.config.contract.contract()
        shape = (N_FIELDS, len(contract.bands), contract.field_px, contract.field_px)
        if not self.file.is_file():
            rng = np.random.default_rng(0)
            rng.integers(0, 256, shape, dtype=np.uint8).tofile(self.file)
        survey: Any = None
        return [StoredFields(np.memmap(self.file, np.uint8, "r", shape=shape), np.arange(N_FIELDS), survey)]

    def loader(self, *, resident: bool) -> Loader:
        """Return a loader of all of them."""
        places = [np.random.default_rng(1).permutation(N_FIELDS)]
        return Loader(self.sources(), places, self.device, resident_bytes=1 << 40 if resident else 0)

    def order(self) -> list[Batch]:
        """Return the batches of many epochs."""
        batch = self.config.optimiser.batch
        return [
            b for epoch in range(_EPOCHS) for b in epoch_batches([N_FIELDS], batch=batch, seed=0, epoch=epoch)
        ]

    def encoder(self) -> tuple[ResNet, nn.Sequential]:
        """Return a backbone and its projection head."""
        network = self.config.network
        backbone = ResNet(
            depth=network.depth,
            bands=len(self.config.contract.bands),
            stem=network.stem,
            width=network.width,
        )
        head = projection_head(backbone.dimension, self.config.moco.projection)
        return backbone.to(self.device), head.to(self.device)

    def views(self) -> Views:
        """Return the configuration's views."""
        contract = self.config.contract.contract()
        return Views(contract, build_changes(self.config.augment, contract))


def our_step(case: Case, *, regressions: bool, resident: bool) -> tuple[Callable[[], Any], Loader]:
    """Return what does one step of ours, and the loader whose waiting is of interest."""
    told = case.config.moco.model_dump()
    numbers = {name: value for name, value in told.items() if not name.endswith("_weight")}
    shuffles, draws = (torch.Generator(case.device).manual_seed(n) for n in (1, 2))
    moco = MoCo(*case.encoder(), MoCoSettings(**numbers), shuffles)
    moco.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not among torch's typed forms
    loader = case.loader(resident=resident)
    weights = {"auxiliary_weight": told["auxiliary_weight"] if regressions else 0.0}
    if regressions and told["description_weight"]:
        weights["description_weight"] = told["description_weight"]
        descriptions = [np.random.default_rng(0).standard_normal((N_FIELDS, DESCRIBED)).astype(np.float32)]
    else:
        descriptions = None
    method = Pretraining(
        moco,
        case.views(),
        loader,
        **weights,
        descriptions=descriptions,
        generator=draws,
        validate=lambda _backbone: {},
    )
    if case.compiled:
        method.compile()
    optimiser = sgd(case, _moved(method))
    order = case.order()
    method.expect(order)
    coming = iter(order)

    def step() -> None:
        loss, _ = method.loss(next(coming))
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        method.after_batch()
        gradients = [parameter.grad for parameter in _moved(method) if parameter.grad is not None]
        torch.nn.utils.get_total_norm(gradients)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        method.after_step()

    return step, loader


def _moved(method: Pretraining) -> list[torch.Tensor]:
    return [tensor for group in method.parameters() for tensor in group.tensors]


def plain_step(case: Case) -> Callable[[], Any]:
    """Return what does one step of the plain implementation."""
    moco = case.config.moco
    plain = PlainMoCo(
        nn.Sequential(*case.encoder()),
        dimension=moco.projection,
        queue_size=moco.queue_size,
        momentum=moco.momentum,
        temperature=moco.temperature,
    ).to(case.device)
    optimiser = sgd(case, plain.encoder_q.parameters())
    loader, coming = case.loader(resident=True), iter(case.order())
    side = case.config.contract.input_px

    def step() -> None:
        fields = loader.take(next(coming))
        plain.step(optimiser, plain_view(fields, side), plain_view(fields, side))

    return step


def network_step(case: Case, *, keys: bool) -> Callable[[], Any]:
    """Return the query encoder's forward and backward, with ``keys`` also the momentum encoder's forward."""
    encoders = [nn.Sequential(*case.encoder()).to(memory_format=torch.channels_last) for _ in range(2)]  # type: ignore[call-overload]  # not among torch's typed forms
    if case.compiled:
        for encoder in encoders:
            encoder[0].compile()
    contract = case.config.contract
    shape = (case.config.optimiser.batch, len(contract.bands), contract.input_px, contract.input_px)
    images = torch.rand(shape, device=case.device).contiguous(memory_format=torch.channels_last)
    on_gpu = case.device.type == "cuda"

    def step() -> None:
        with torch.autocast(case.device.type, dtype=torch.bfloat16, enabled=on_gpu):
            loss = encoders[0](images).square().mean()
            if keys:
                with torch.no_grad():
                    encoders[1](images)
        loss.backward()
        encoders[0].zero_grad(set_to_none=True)

    return step


def sgd(case: Case, parameters: Any) -> torch.optim.Optimizer:
    """Return the configuration's optimiser."""
    told = case.config.optimiser
    return torch.optim.SGD(
        parameters, lr=told.learning_rate, momentum=told.momentum, weight_decay=told.weight_decay
    )


def view_step(case: Case) -> Callable[[], Any]:
    """Return what draws two views of a batch."""
    views, draws = case.views(), torch.Generator(case.device).manual_seed(0)
    fields = case.loader(resident=True).take(case.order()[0])
    return lambda: [views(fields, draws) for _ in range(2)]


def load_step(case: Case, *, resident: bool) -> Callable[[], Any]:
    """Return what gathers the fields of a batch."""
    loader, order = case.loader(resident=resident), case.order()
    loader.expect(order)
    coming = iter(order)
    return lambda: loader.take(next(coming))
