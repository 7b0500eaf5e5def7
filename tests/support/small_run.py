"""A pretraining run of seconds; ``python -m support.small_run DATA RUN KILL_AT WHEN`` does it in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch

import training.loop
import training.runs
from training.config import PretrainConfig
from training.preparation import prepare
from training.pretrain import pretrain

__all__ = ["small_config", "train"]


def small_config(surveys: list[str], *, kind: str = "flux", **optimiser: object) -> PretrainConfig:
    """Return a configuration for tiny surveys of 48 px."""
    flux = kind == "flux"
    bands = [f"sdss:{name}" for name in "ugriz"] if flux else ["display:R", "display:G", "display:B"]
    return PretrainConfig.model_validate(
        {
            "model_id": "small",
            "seed": 4,
            "data": {"surveys": surveys, "validation_share": 0.3},
            "contract": {
                "bands": bands,
                "pixel_scale_arcsec": 0.396 if flux else None,
                "field_px": 44,
                "input_px": 32,
                "stretch": "asinh" if flux else "unit",
                "softening": [0.1] * 5 if flux else [],
                "min_coverage_px": 32,
            },
            "network": {"depth": 18, "stem": "imagenet", "width": 8},
            "moco": {"queue_size": 8, "projection": 16, "groups": 2, "auxiliary_weight": 0.2},
            "augment": [{"name": "rotate"}, {"name": "shift", "pixels": 2}],
            "optimiser": {"batch": 8, "epochs": 3, "warmup_epochs": 1, "learning_rate": 0.05, **optimiser},
        }
    )


def train(
    data: Path, run: Path, config: PretrainConfig, *, at: int = 0, then: Callable[[], None] | None = None
) -> None:
    """Train on the CPU with one thread; ``then`` is called after so many batches."""
    torch.set_num_threads(1)
    prepared = prepare(config, data, root=data)

    def progress(done: int, _total: int) -> None:
        if then is not None and done == at:
            then()

    pretrain(config, prepared, run, device=torch.device("cpu"), progress=progress)


def _kill_itself(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_itself_writing() -> None:
    """Die when the next file has been written and not yet renamed."""
    training.runs.os.fsync = _kill_itself


if __name__ == "__main__":
    # Every batch is saved, so that the kill falls in the middle of an epoch after a save.
    training.loop._SAVE_SECONDS = 0.0
    data, run, at, when = sys.argv[1:]
    then = {"working": _kill_itself, "writing": _kill_itself_writing}[when]
    train(Path(data), Path(run), small_config(["tiny"]), at=int(at), then=then)
