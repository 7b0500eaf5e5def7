"""One loop for every method: steps, schedule, log, checkpoints, resuming."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from training.config import OptimiserConfig
from training.runs import RunFolder
from training.schedule import Batch, epoch_batches, learning_rate

__all__ = ["Finished", "Method", "run_epochs"]

# So much work is lost at most when a run is killed, beside the writing of a state in well under a second.
_SAVE_SECONDS = 60.0


class Method(Protocol):
    """What a way of training does with a batch."""

    def parameters(self) -> Sequence[Tensor]:
        """Return what the optimiser moves."""

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Return the loss of a batch and its parts for the log."""

    def after_step(self) -> None:
        """Do what follows an optimiser's step."""

    def validate(self) -> dict[str, float]:
        """Measure on the validation part; ``score`` decides which epoch is kept, the larger the better."""

    def state_dict(self) -> dict[str, Any]:
        """Return everything that changes, random generators included."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to such a state."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How far a run came.

    Attributes
    ----------
    epochs
        Whole epochs done.
    best_score
        Largest validation score; NaN without one.
    is_complete
        Whether all epochs are done.
    """

    epochs: int
    best_score: float
    is_complete: bool


def run_epochs(
    method: Method,
    optimiser_config: OptimiserConfig,
    counts: Sequence[int],
    run: RunFolder,
    *,
    seed: int,
    device: torch.device,
    progress: Callable[[int, int], None] | None = None,
    most_seconds: float | None = None,
) -> Finished:
    """Train until the last epoch, or until the time is up; goes on where an earlier call stopped.

    A run that is killed and begun again does the same steps as one that was not: on the CPU its weights come out equal
    bit by bit.

    Parameters
    ----------
    counts
        Training galaxies of each source.
    progress
        Told (batches done, batches in all).
    most_seconds
        Stop cleanly after so long.
    """
    loop = _Loop(method, optimiser_config, counts, run, seed=seed, device=device)
    loop.resume()
    begun = time.monotonic()
    while loop.epoch < optimiser_config.epochs:
        for batch in loop.batches_left():
            loop.step(batch)
            if progress is not None:
                progress(loop.batches_done, loop.batches_in_all)
            is_over = most_seconds is not None and time.monotonic() - begun > most_seconds
            if loop.is_between_steps and (is_over or loop.is_save_due):
                loop.save()
            if loop.is_between_steps and is_over:
                return Finished(loop.epoch, loop.best_score, is_complete=False)
        loop.end_epoch()
    return Finished(loop.epoch, loop.best_score, is_complete=True)


class _Loop:
    """The state of a run between two batches."""

    def __init__(
        self,
        method: Method,
        config: OptimiserConfig,
        counts: Sequence[int],
        run: RunFolder,
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        self.method, self.config, self.counts, self.run, self.seed = method, config, counts, run, seed
        self.device = device
        self.optimiser = torch.optim.SGD(
            method.parameters(),
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
        self.epoch = self.batch = 0
        self.best_score = float("nan")
        self.per_epoch = sum(count // config.batch for count in counts)
        self._saved_at = time.monotonic()
        self._sums: dict[str, float] = {}

    @property
    def batches_in_all(self) -> int:
        return self.config.epochs * self.per_epoch

    @property
    def batches_done(self) -> int:
        return self.epoch * self.per_epoch + self.batch

    def batches_left(self) -> list[Batch]:
        order = epoch_batches(self.counts, batch=self.config.batch, seed=self.seed, epoch=self.epoch)
        return order[self.batch :]

    def step(self, batch: Batch) -> None:
        every = self.config.accumulate
        rate = learning_rate(
            self.batches_done // every,
            steps=-(-self.batches_in_all // every),
            warmup=round(self.config.warmup_epochs * self.per_epoch / every),
            highest=self.config.learning_rate,
        )
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss, parts = self.method.loss(batch)
        (loss / every).backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.batch += 1
        if self.batches_done % every == 0 or self.batches_done == self.batches_in_all:
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
        self.method.after_step()
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)

    def end_epoch(self) -> None:
        means = {name: round(total / self.per_epoch, 5) for name, total in self._sums.items()}
        self.epoch, self.batch, self._sums = self.epoch + 1, 0, {}
        found = self.method.validate()
        score = found.get("score", float("nan"))
        self.run.log(step=self.batches_done, epoch=self.epoch, **means, **found)
        if not score <= self.best_score:
            self.best_score = score
            self.run.save(self.method.state_dict(), best=True)
        self.save()

    @property
    def is_between_steps(self) -> bool:
        # In the middle of an accumulated step there are gradients, which are not part of a state.
        return self.batches_done % self.config.accumulate == 0

    @property
    def is_save_due(self) -> bool:
        return time.monotonic() - self._saved_at > _SAVE_SECONDS

    def save(self) -> None:
        state = {
            "method": self.method.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "batch": self.batch,
            "best_score": self.best_score,
            "sums": dict(self._sums),
        }
        self.run.save(state)
        self._saved_at = time.monotonic()

    def resume(self) -> None:
        state = self.run.load()
        if state is None:
            return
        self.method.load_state_dict(state["method"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.batch, self.best_score = state["epoch"], state["batch"], state["best_score"]
        self._sums = dict(state["sums"])
        self.run.rewind(self.batches_done)
