"""What the loop asks of a way of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from training.schedule import Batch

__all__ = ["Method", "ParameterGroup"]


@dataclass(frozen=True, slots=True, eq=False)
class ParameterGroup:
    """Weights that move at one pace.

    Attributes
    ----------
    rate
        Their learning rate in units of the configuration's.
    """

    tensors: Sequence[Tensor]
    rate: float = 1.0


class Method(Protocol):
    """What a way of training does with a batch."""

    def parameters(self) -> Sequence[ParameterGroup]:
        """Return what the optimiser moves."""

    def expect(self, batches: Sequence[Batch]) -> None:
        """Learn which batches come, in this order."""

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Return the loss of a batch and its parts for the log."""

    def after_batch(self) -> None:
        """Do what follows a batch, be it a whole step or a part of one."""

    def after_step(self) -> None:
        """Do what follows an optimiser's step."""

    def waited(self) -> float:
        """Return the seconds in which there was no data to go on with, since the beginning."""

    def validate(self) -> dict[str, float]:
        """Measure on the validation part; ``score`` decides which epoch is kept, the larger the better."""

    def state_dict(self) -> dict[str, Any]:
        """Return everything that changes, random generators included."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to such a state."""
