"""A photo-z network fitted to spectra, as the loop wants a method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from index.pdf import RedshiftGrid
from training.augment.recipe import Views
from training.loader import Loader
from training.methods.method import ParameterGroup
from training.models.photoz import PhotozNetwork
from training.photoz_targets import cross_entropy, crps
from training.schedule import Batch

__all__ = ["Photoz"]


class Photoz:
    """What happens to a batch: one view of each galaxy, cross-entropy with its smeared redshift.

    Parameters
    ----------
    network
        On the device.
    targets, ebv
        By the rows of a batch, shape (n, B) and (n,).
    encoder_rate
        The trunk's learning rate in units of the head's.
    keeps_statistics
        Whether the trunk's batch normalisation goes on with the statistics it came with, as a pretrained one should:
        the head was fitted to what they give.
    crps_weight
        Of the CRPS beside the cross-entropy.
    validate
        Given the network, returns what an epoch is judged by.
    """

    def __init__(
        self,
        network: PhotozNetwork,
        views: Views,
        loader: Loader,
        grid: RedshiftGrid,
        *,
        targets: Tensor,
        ebv: Tensor,
        encoder_rate: float,
        keeps_statistics: bool,
        crps_weight: float,
        generator: torch.Generator,
        validate: Callable[[PhotozNetwork], dict[str, float]],
    ) -> None:
        self.network, self.views, self.loader, self.grid = network, views, loader, grid
        self.targets, self.ebv = targets.to(loader.device), ebv.to(loader.device)
        self.encoder_rate, self.crps_weight, self.generator = encoder_rate, crps_weight, generator
        self.keeps_statistics = keeps_statistics
        self._validate = validate

    def parameters(self) -> Sequence[ParameterGroup]:
        """Return the head's weights, and the trunk's at a slower pace."""
        groups = [ParameterGroup(list(self.network.head.parameters()))]
        if self.network.trunk is not None:
            groups.append(ParameterGroup(list(self.network.trunk.parameters()), self.encoder_rate))
        return groups

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Return the loss of a batch; see :class:`training.methods.method.Method`."""
        self.network.train()
        if self.keeps_statistics and self.network.trunk is not None:
            self.network.trunk.eval()
        rows = torch.from_numpy(batch.rows).to(self.loader.device)
        images = self.views(self.loader.take(batch), self.generator)
        on_gpu = self.loader.device.type == "cuda"
        with torch.autocast(self.loader.device.type, dtype=torch.bfloat16, enabled=on_gpu):
            logits = self.network(images, self.ebv[rows]).float()
        missed = cross_entropy(logits, self.targets[rows])
        parts: dict[str, float | Tensor] = {"cross_entropy": missed.detach()}
        if not self.crps_weight:
            return missed, parts
        score = crps(logits, self.targets[rows], self.grid)
        parts["crps"] = score.detach()
        return missed + self.crps_weight * score, parts

    def expect(self, batches: Sequence[Batch]) -> None:
        """Begin to gather what will be asked for."""
        self.loader.expect(batches)

    def after_batch(self) -> None:
        """Nothing follows a batch."""

    def after_step(self) -> None:
        """Nothing follows a step."""

    def waited(self) -> float:
        """Return the seconds spent waiting for fields."""
        return self.loader.waited

    def validate(self) -> dict[str, float]:
        """Judge the network as it would be exported."""
        return self._validate(self.network)

    def state_dict(self) -> dict[str, Any]:
        """Return weights and the state of the generator."""
        return {"network": self.network.state_dict(), "views": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to such a state."""
        self.network.load_state_dict(state["network"])
        if state["views"].shape == self.generator.get_state().shape:
            self.generator.set_state(state["views"])
