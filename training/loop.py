"""One loop for every method: steps, schedule, log, checkpoints, resuming."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from training.config import OptimiserConfig
from training.methods.method import Method, ParameterGroup
from training.runs import RunFolder, RunMismatch
from training.schedule import Batch, epoch_batches, learning_rate
from training.tally import Tally

__all__ = ["Diverged", "Finished", "run_epochs"]

# So much work is lost at most when a run is killed, unless a state takes long to write: then this many times that.
_SAVE_SECONDS = 60.0
_SAVE_RATIO = 20
# Whether the numbers are still numbers is asked after so many steps where the answer makes a GPU wait.
_CHECK_STEPS = 50


class Diverged(RuntimeError):
    """A loss or a gradient that is no number any more; the message says what to lower."""


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
    best_score: float = float("nan"),
) -> Finished:
    """Train until the last epoch, or until the time is up; goes on where an earlier call stopped.

    A run that is killed and begun again does the same steps as one that was not: on the CPU its weights come out equal
    bit by bit. A step takes ``accumulate`` batches, fewer at the end of an epoch; each batch is normalised and enqueued
    by itself, so that accumulating saves memory and stands for a larger batch in the gradient alone.

    Parameters
    ----------
    counts
        Training galaxies of each source.
    progress
        Told (batches done, batches in all).
    most_seconds
        Stop cleanly after so long.
    best_score
        Of the best state that the run's folder holds already, where something came before the first epoch.

    Raises
    ------
    Diverged
        If the loss or its gradient is no number any more; the states that were saved are from before.
    RunMismatch
        If the run was begun with other numbers of training galaxies.
    RuntimeError
        If the device's memory is too small; the message says what to lower.
    """
    if device.type == "cuda":
        # All batches have one shape: it pays to try which convolution is the fastest.
        torch.backends.cudnn.benchmark = True
    loop = _Loop(method, optimiser_config, counts, run, seed=seed, device=device)
    loop.best_score = best_score
    loop.resume()
    begun = time.monotonic()
    while loop.epoch < optimiser_config.epochs:
        for batch in loop.begin_epoch():
            try:
                loop.step(batch)
            except torch.OutOfMemoryError as error:
                raise RuntimeError(
                    f"{device} has too little memory for batches of {optimiser_config.batch}: lower optimiser.batch and "
                    f"raise optimiser.accumulate (now {optimiser_config.accumulate}) as much, in a run of another name"
                ) from error
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
        groups = method.parameters()
        self.parameters = [tensor for group in groups for tensor in group.tensors]
        self.optimiser = _optimiser(groups, config)
        self.factors = [group.rate for group in groups]
        self.epoch = self.batch = 0
        self.best_score = float("nan")
        self.per_epoch = sum(count // config.batch for count in counts)
        self.steps_per_epoch = math.ceil(self.per_epoch / config.accumulate)
        self.tally = Tally()
        self._check_steps = 1 if device.type == "cpu" else _CHECK_STEPS
        self._saved_at, self._save_seconds = time.monotonic(), 0.0

    @property
    def batches_in_all(self) -> int:
        return self.config.epochs * self.per_epoch

    @property
    def batches_done(self) -> int:
        return self.epoch * self.per_epoch + self.batch

    @property
    def rate(self) -> float:
        """Learning rate of the step that the next batch belongs to."""
        return learning_rate(
            self.epoch * self.steps_per_epoch + self.batch // self.config.accumulate,
            steps=self.config.epochs * self.steps_per_epoch,
            warmup=round(self.config.warmup_epochs * self.steps_per_epoch),
            highest=self.config.learning_rate,
        )

    def begin_epoch(self) -> list[Batch]:
        """Return the batches that are left of this epoch."""
        order = epoch_batches(self.counts, batch=self.config.batch, seed=self.seed, epoch=self.epoch)
        self.method.expect(order[self.batch :])
        self.tally.start(waited=self.method.waited())
        return order[self.batch :]

    def step(self, batch: Batch) -> None:
        every = self.config.accumulate
        for group, factor in zip(self.optimiser.param_groups, self.factors, strict=True):
            group["lr"] = factor * self.rate
        loss, parts = self.method.loss(batch)
        together = min(every, self.per_epoch - self.batch // every * every)
        (loss / together).backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.method.after_batch()
        self.batch += 1
        self.tally.add(parts, images=len(batch.rows))
        if self.is_between_steps:
            self._move()

    def _move(self) -> None:
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        self.tally.add({"gradient_norm": torch.nn.utils.get_total_norm(gradients)})
        if math.ceil(self.batch / self.config.accumulate) % self._check_steps == 0:
            self._check()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.method.after_step()

    def _check(self) -> None:
        if not self.tally.is_finite:
            raise Diverged(
                f"the loss or its gradient is no number any more at batch {self.batches_done} of {self.batches_in_all} "
                f"(epoch {self.epoch + 1}): lower optimiser.learning_rate (now {self.config.learning_rate:g}) or raise "
                f"optimiser.warmup_epochs (now {self.config.warmup_epochs:g}), and begin a run of another name; what was "
                "saved of this one is from before"
            )

    def end_epoch(self) -> None:
        self._check()
        means = {"learning_rate": float(f"{self.optimiser.param_groups[0]['lr']:.4g}"), **self.tally.means()}
        speed = self.tally.speed(waited=self.method.waited())
        self.epoch, self.batch, self.tally = self.epoch + 1, 0, Tally()
        found = self.method.validate()
        score = found.get("score", float("nan"))
        self.run.log(step=self.batches_done, epoch=self.epoch, **means, **speed, **found)
        if math.isnan(self.best_score) or score > self.best_score:
            self.best_score = score
            self.run.save(self.method.state_dict(), best=True)
        self.save()

    @property
    def is_between_steps(self) -> bool:
        # In the middle of an accumulated step there are gradients, which are not part of a state.
        return self.batch % self.config.accumulate == 0 or self.batch == self.per_epoch

    @property
    def is_save_due(self) -> bool:
        wait = max(_SAVE_SECONDS, _SAVE_RATIO * self._save_seconds) if _SAVE_SECONDS else 0
        return time.monotonic() - self._saved_at > wait

    def save(self) -> None:
        self._check()
        began = time.monotonic()
        state = {
            "method": self.method.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "batch": self.batch,
            "best_score": self.best_score,
            "counts": list(self.counts),
            "tally": self.tally.state_dict(),
        }
        self.run.save(state)
        self._saved_at = time.monotonic()
        self._save_seconds = self._saved_at - began

    def resume(self) -> None:
        state = self.run.load()
        if state is None:
            return
        # The configuration names the files of held-out objects: this notices that their contents have changed.
        begun_with = state.get("counts", list(self.counts))
        if begun_with != list(self.counts):
            raise RunMismatch(
                f"run {self.run.path.name} was begun with {begun_with} training galaxies, now there are {list(self.counts)}: "
                "what is held out has changed; give another name, or remove the run"
            )
        self.method.load_state_dict(state["method"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.batch, self.best_score = state["epoch"], state["batch"], state["best_score"]
        self.tally.load_state_dict(state["tally"])
        self.run.rewind(self.epoch)


def _optimiser(groups: Sequence[ParameterGroup], config: OptimiserConfig) -> torch.optim.Optimizer:
    told = [{"params": list(group.tensors), "lr": group.rate * config.learning_rate} for group in groups]
    if config.name == "adamw":
        return torch.optim.AdamW(told, lr=config.learning_rate, weight_decay=config.weight_decay)
    return torch.optim.SGD(
        told, lr=config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
    )
