"""What the verbs that train networks share: torch, the device, a run's name, its configuration and data."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import typer

from skylike.cli.options import fail, progress

if TYPE_CHECKING:
    import torch

    from training.config import PretrainConfig
    from training.preparation import Prepared

__all__ = ["config_path", "import_torch", "next_command", "prepared", "run_folder", "torch_device"]

#: ``skylike train pretrain sdss-rgb`` takes a configuration that Skylike brings.
_SHIPPED = Path(__file__).parents[2] / "training" / "configs"


def import_torch() -> ModuleType:
    """Import torch, or say how to get it."""
    try:
        import torch
    except ImportError:
        fail("training needs torch, which is not installed: pip install -c constraints.txt -e '.[train]'")
    return torch


def torch_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is cuda where there is one.

    Raises
    ------
    typer.BadParameter
        If this is no device to train on, or there is none of it here.
    """
    import torch

    has_cuda = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if has_cuda else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise typer.BadParameter(
            f"{name!r} is no device; choose auto, cpu, cuda or cuda:N", param_hint="--device"
        ) from error
    there = torch.cuda.device_count() if has_cuda else 0
    if device.type not in {"cpu", "cuda"}:
        raise typer.BadParameter(f"{name!r} is none of auto, cpu, cuda, cuda:N", param_hint="--device")
    if device.type == "cuda" and (device.index or 0) >= there:
        raise typer.BadParameter(
            f"{name!r} is not here: this torch sees {there} GPUs; take cpu, or a build of torch with CUDA",
            param_hint="--device",
        )
    return device


def run_folder(name: str, data_dir: Path) -> Path:
    """Return where a run lies; a name that would lead out of the data folder is misuse."""
    from survey.naming import BadName, checked_name

    try:
        return data_dir / "runs" / checked_name(name)
    except BadName as error:
        raise typer.BadParameter(str(error), param_hint="run") from error


def next_command(verb: str, config: str, *, run: str | None, seed: int | None) -> str:
    """Return the command that goes on with this very run."""
    words = ["skylike", "train", verb, config]
    words += [] if run is None else ["--run", run]
    words += [] if seed is None else ["--seed", str(seed)]
    return shlex.join(words)


def config_path(config: str) -> Path:
    """Return the file of a configuration that is given by its path, or by the name of one that Skylike brings.

    Raises
    ------
    BadConfig
        If there is none.
    """
    from training.config import BadConfig

    path = Path(config) if Path(config).suffix == ".toml" else _SHIPPED / f"{config}.toml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in _SHIPPED.glob("*.toml")))
        raise BadConfig(f"no configuration {config!r}: give a .toml file, or one of {known}")
    return path


def prepared(config: str, seed: int | None, data_dir: Path) -> tuple[PretrainConfig, Prepared]:
    """Read a configuration and open its data.

    Raises
    ------
    BadConfig, CorruptFolder, ValueError
        As :func:`training.config.read_config` and :func:`training.preparation.prepare`.
    """
    from survey.manifests import CorruptFolder
    from survey.naming import checked_name
    from training.config import read_config
    from training.preparation import prepare

    path = config_path(config)
    read = read_config(path)
    if seed is not None:
        read = read.model_copy(update={"seed": seed, "model_id": f"{read.model_id}-s{seed}"})
    for name in (read.model_id, *read.data.surveys):
        checked_name(name)
    with progress("Calibrating") as report:
        try:
            return read, prepare(
                read,
                data_dir,
                root=_root(path, read.data.hold_out),
                progress=lambda _survey, done, total: report(done, total),
            )
        except CorruptFolder as error:
            raise CorruptFolder(
                f"{error}; this configuration trains on {', '.join(read.data.surveys)}, each to be made by `skylike survey "
                "import` or `simulate` first (`skylike survey list` says what is there)"
            ) from error


def _root(config: Path, hold_out: list[Path]) -> Path:
    """Return what ``hold_out`` is relative to: where the command is called, else the configuration's folder or one above.

    A configuration that Skylike brings is so found with its files from any folder, in a checkout and in a wheel.
    """
    above = config.resolve().parents
    return next(
        (root for root in (Path(), *above[:3]) if all((root / path).is_file() for path in hold_out)), Path()
    )
