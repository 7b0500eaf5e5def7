"""The folder of one training run: its configuration, its log, its latest and its best state."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import torch

from survey.manifests import CorruptFolder

__all__ = ["RunFolder", "RunMismatch"]

_CONFIG, _LOG, _LATEST, _BEST = "config.json", "log.jsonl", "latest.pt", "best.pt"


class RunMismatch(ValueError):
    """A folder that holds a run with another configuration."""


class RunFolder:
    """What a run leaves, each file replaced in one step.

    Parameters
    ----------
    path
        Made if it is not there.
    config
        The resolved configuration as JSON values, with the hashes of what is trained on.

    Raises
    ------
    RunMismatch
        If the folder belongs to another configuration.
    """

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        told = json.dumps(config, indent=1, sort_keys=True) + "\n"
        stored = path / _CONFIG
        if not stored.is_file():
            _replace(stored, told.encode())
        elif stored.read_text() != told:
            raise RunMismatch(
                f"run {path.name} was begun with another configuration or other data; give another name, or remove the run"
            )

    @classmethod
    def opened(cls, path: Path) -> RunFolder:
        """Open the folder of an earlier run.

        Raises
        ------
        CorruptFolder
            If there is none.
        """
        try:
            config = json.loads((path / _CONFIG).read_text())
        except (OSError, ValueError) as error:
            raise CorruptFolder(f"{path.name} is no run; train it first") from error
        return cls(path, config)

    def config(self) -> dict[str, Any]:
        """Read the configuration that the run was begun with."""
        config: dict[str, Any] = json.loads((self.path / _CONFIG).read_text())
        return config

    def log(self, **facts: Any) -> None:
        """Add one line of JSON."""
        with (self.path / _LOG).open("a") as stream:
            stream.write(json.dumps(facts) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """Read the log; a line that a kill cut short is left out."""
        path = self.path / _LOG
        found = []
        for line in path.read_text().splitlines() if path.is_file() else ():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def rewind(self, epochs: int) -> None:
        """Forget what was logged of epochs that will be ended again: those after the first so many."""
        kept = [line for line in self.lines() if line.get("epoch", 0) <= epochs]
        _replace(self.path / _LOG, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def save(self, state: dict[str, Any], *, best: bool = False) -> None:
        """Write a state: tensors, numbers, texts and containers of them."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        _replace(self.path / (_BEST if best else _LATEST), buffer.getvalue())

    def load(self, *, best: bool = False) -> dict[str, Any] | None:
        """Read the latest or the best state; None before the first.

        Raises
        ------
        CorruptFolder
            If it cannot be read.
        """
        path = self.path / (_BEST if best else _LATEST)
        if not path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises RuntimeError, UnpicklingError, OSError …
            raise CorruptFolder(
                f"{self.path.name}: {path.name} cannot be read; remove it to begin again"
            ) from error
        return state


def _replace(path: Path, data: bytes) -> None:
    """Write beside, reach the disk, rename."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
