"""MoCo with two regressions beside it, as the loop wants a method."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.augment.recipe import Views
from training.auxiliary import AuxiliaryHead, measure_views
from training.description import DescriptionHead
from training.loader import Loader
from training.methods.method import ParameterGroup
from training.methods.moco import MoCo
from training.schedule import Batch

__all__ = ["Pretraining"]


class Pretraining:
    """What happens to a batch: two views, InfoNCE, the measured numbers.

    Parameters
    ----------
    moco
        The method's state, on the device.
    views
        Draws views of fields.
    loader
        Gives the fields of a batch.
    contrast_weight
        Of InfoNCE.
    auxiliary_weight
        Of the regression of numbers measured on each view, beside InfoNCE; 0 leaves it out.
    description_weight, descriptions
        Of the regression of each galaxy's description, and these for each source, by the rows of its batches.
    generator
        Draws the augmentations, on the device.
    validate
        Given the query encoder's backbone, returns what the epoch is judged by.
    """

    def __init__(
        self,
        moco: MoCo,
        views: Views,
        loader: Loader,
        *,
        contrast_weight: float = 1.0,
        auxiliary_weight: float,
        description_weight: float = 0.0,
        descriptions: Sequence[NDArray[np.float32]] | None = None,
        generator: torch.Generator,
        validate: Callable[[nn.Module], dict[str, float]],
    ) -> None:
        self.moco, self.views, self.loader = moco, views, loader
        self.contrast_weight = contrast_weight
        self.auxiliary_weight = auxiliary_weight
        self.generator = generator
        inside: int = moco.backbone.dimension  # type: ignore[assignment]  # torch types attributes as modules too
        self.auxiliary = AuxiliaryHead(inside).to(loader.device)
        self.description_weight = description_weight
        self.describing = DescriptionHead(inside).to(loader.device)
        self._descriptions = [torch.from_numpy(numbers).to(loader.device) for numbers in descriptions or ()]
        self._validate = validate
        self._new: tuple[Tensor, int] | None = None

    def parameters(self) -> Sequence[ParameterGroup]:
        """Return the query encoder's and the regression's weights."""
        modules = (self.moco.query_encoder, self.auxiliary, self.describing)
        return [ParameterGroup([tensor for module in modules for tensor in module.parameters()])]

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Return InfoNCE plus the weighted regression; see :class:`training.methods.method.Method`."""
        fields = self.loader.take(batch)
        queries, keys = (self.views(fields, self.generator) for _ in range(2))
        on_gpu = self.loader.device.type == "cuda"
        layout = torch.channels_last
        with torch.autocast(self.loader.device.type, dtype=torch.bfloat16, enabled=on_gpu):
            contrast, trunk, new_keys = self.moco(
                queries.contiguous(memory_format=layout), keys.contiguous(memory_format=layout), batch.source
            )
        self._new = (new_keys, batch.source)
        parts: dict[str, float | Tensor] = {"info_nce": contrast.detach()}
        loss: Tensor = self.contrast_weight * contrast
        if self.auxiliary_weight:
            regression = self.auxiliary(trunk, measure_views(queries))
            parts["auxiliary"] = regression.detach()
            loss = loss + self.auxiliary_weight * regression
        if self.description_weight:
            rows = torch.from_numpy(batch.rows).to(self.loader.device)
            missed = self.describing(trunk, self._descriptions[batch.source][rows])
            parts["description"] = missed.detach()
            loss = loss + self.description_weight * missed
        return loss, parts

    def expect(self, batches: Sequence[Batch]) -> None:
        """Begin to gather what will be asked for."""
        self.loader.expect(batches)

    def waited(self) -> float:
        """Return the seconds spent waiting for fields."""
        return self.loader.waited

    def after_batch(self) -> None:
        """Enqueue the keys."""
        assert self._new is not None
        self.moco.enqueue(*self._new)

    def after_step(self) -> None:
        """Move the momentum encoder, once for each move of the query encoder."""
        self.moco.follow()

    def compile(self) -> None:
        """Let torch compile both backbones; their parameters keep their names."""
        for encoder in (self.moco.query_encoder, self.moco.momentum_encoder):
            encoder[0].compile()

    def validate(self) -> dict[str, float]:
        """Judge the backbone as it would be exported."""
        return self._validate(self.moco.backbone)

    def state_dict(self) -> dict[str, Any]:
        """Return weights, queues and the states of both generators."""
        return {
            "moco": self.moco.state_dict(),
            "auxiliary": self.auxiliary.state_dict(),
            "describing": self.describing.state_dict(),
            "views": self.generator.get_state(),
            "shuffles": self.moco.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to such a state; random numbers go on exactly only on the same kind of device."""
        self.moco.load_state_dict(state["moco"])
        self.auxiliary.load_state_dict(state["auxiliary"])
        self.describing.load_state_dict(state["describing"])
        _restore(self.generator, state["views"])
        _restore(self.moco.generator, state["shuffles"])


def _restore(generator: torch.Generator, state: Tensor) -> None:
    """Go on with a generator's numbers, or, after a change of device, with others that follow from its state."""
    if state.shape == generator.get_state().shape:
        generator.set_state(state)
    else:
        digest = hashlib.sha256(state.numpy().tobytes()).digest()
        generator.manual_seed(int.from_bytes(digest[:7], "big"))
