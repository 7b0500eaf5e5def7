"""`skylike train photoz`: a redshift network fitted to the spectra of a survey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json, emit, fail, progress
from skylike.cli.training_runs import config_path, import_torch, next_command, run_folder, torch_device

if TYPE_CHECKING:
    from pathlib import Path

    from training.photoz_config import PhotozConfig
    from training.photoz_data import Part
    from training.runs import RunFolder

__all__ = ["photoz", "photoz_export"]

Config = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG", help="A TOML file, or the name of one that Skylike brings: photoz-ugriz."
    ),
]


def photoz(
    config: Config,
    *,
    run: Annotated[str | None, typer.Option("--run", help="Name of the run; default MODEL-photoz.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Another seed than the configuration's.")
    ] = None,
    labels: Annotated[
        int | None,
        typer.Option("--labels", min=20, help="Learn from so many spectra only, the same for every seed."),
    ] = None,
    scratch: Annotated[
        bool, typer.Option("--scratch", help="Begin from random weights instead of the pretrained run.")
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", min=0, help="Stop cleanly after so long; call again to go on."),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda; cuda if there is one.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0 takes every core.")] = 0,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Fit a redshift network to spectra; goes on where an earlier call stopped or was killed."""
    torch = import_torch()
    from survey.manifests import CorruptFolder
    from training.config import BadConfig
    from training.photoz import fit_photoz
    from training.runs import RunFolder, RunMismatch

    if threads:
        torch.set_num_threads(threads)
    chosen = torch_device(device)
    try:
        read, data = opened(config, seed=seed, labels=labels, scratch=scratch, data_dir=data_dir)
        folder = run_folder(run or default_run(read), data_dir)
        begun_from = pretrained_run(read, data_dir)
        with progress(f"Fitting {folder.name} on {chosen}") as report:
            finished = fit_photoz(
                read,
                data,
                folder,
                device=chosen,
                pretrained=begun_from,
                progress=lambda _step, done, total: report(done, total),
                most_seconds=None if minutes is None else 60 * minutes,
            )
        done = RunFolder.opened(folder)
    except (BadConfig, CorruptFolder, RunMismatch, ValueError, RuntimeError) as error:
        fail(str(error))
    losses = [line["cde_loss"] for line in done.lines() if "cde_loss" in line]
    verb = "photoz-export" if finished.is_complete else "photoz"
    emit(
        {
            "run": folder.name,
            "spectra": len(data["train"]),
            "epochs": finished.epochs,
            "of": read.optimiser.epochs,
            "head_cde_loss": next(
                (line["head_cde_loss"] for line in done.lines() if "head_cde_loss" in line), None
            ),
            "cde_loss": min(losses, default=None),
            "next": next_command(verb, config, run=run, seed=seed),
        },
        as_json=as_json,
    )


def photoz_export(
    config: Config,
    *,
    run: Annotated[str | None, typer.Option("--run", help="Name of the run; default MODEL-photoz.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Another seed than the configuration's.")
    ] = None,
    precision: Annotated[
        str, typer.Option("--precision", help="int8, fp16 or fp32; auto measures which is good enough.")
    ] = "auto",
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Calibrate a run's best network and add it to its model, whose releases then give its redshifts."""
    import_torch()
    from survey.manifests import CorruptFolder
    from training.config import BadConfig
    from training.photoz_release import export_photoz
    from training.precision import PRECISIONS
    from training.release import NotTrained
    from training.runs import RunFolder

    if precision not in {"auto", *PRECISIONS}:
        raise typer.BadParameter(f"{precision!r} is none of auto, {', '.join(PRECISIONS)}")
    asked = next((known for known in PRECISIONS if known == precision), None)
    try:
        begun = {} if run is None else RunFolder.opened(run_folder(run, data_dir)).config()
        # The card says what was learnt from, and support refers to it.
        labels = begun.get("labels", {}).get("n")
        scratch = bool(begun) and begun.get("pretrained") is None
        read, data = opened(config, seed=seed, labels=labels, scratch=scratch, data_dir=data_dir)
        folder = RunFolder.opened(run_folder(run or default_run(read), data_dir))
        with progress("Exporting") as report:
            model = export_photoz(
                read,
                data,
                folder,
                data_dir / "models",
                precision=asked,
                progress=lambda _step, done, total: report(done, total),
            )
    except (BadConfig, CorruptFolder, NotTrained, ValueError) as error:
        fail(str(error))
    card = model.card.photoz
    assert card is not None
    emit(
        {
            "model": model.card.id,
            "train_set": card.train_set,
            "calibrated_on": card.n_calibration,
            **{key: card.metrics[key] for key in ("precision", "temperature")},
            **card.metrics["precisions"][card.metrics["precision"]],
            "sha256": model.sha256,
            "next": f"skylike index build SURVEY --model {model.card.id}",
        },
        as_json=as_json,
    )


def opened(
    config: str, *, seed: int | None, labels: int | None, scratch: bool, data_dir: Path
) -> tuple[PhotozConfig, dict[str, Part]]:
    """Read a configuration with what the command line changes of it, and open its data.

    Raises
    ------
    BadConfig, CorruptFolder, ValueError
        As :func:`training.photoz_config.read_photoz_config` and :func:`training.photoz_data.photoz_parts`.
    """
    from survey.naming import checked_name
    from training.photoz_config import read_photoz_config
    from training.photoz_data import photoz_parts

    read = read_photoz_config(config_path(config))
    if seed is not None:
        read = read.model_copy(update={"seed": seed})
    if labels is not None:
        read = read.model_copy(update={"labels": read.labels.model_copy(update={"n": labels})})
    if scratch:
        read = read.model_copy(update={"pretrained": None})
    for name in (read.model_id, read.labels.survey, read.labels.learn_from):
        if name is not None:
            checked_name(name)
    with progress("Calibrating") as report:
        return read, photoz_parts(read, data_dir, progress=report)


def default_run(config: PhotozConfig) -> str:
    """Return the name of a configuration's run: model, seed, and what was changed."""
    words = [config.model_id, "photoz", f"s{config.seed}"]
    words += [] if config.labels.n is None else [f"n{config.labels.n}"]
    words += ["scratch"] if config.pretrained is None and config.head.trunk else []
    return "-".join(words)


def pretrained_run(config: PhotozConfig, data_dir: Path) -> RunFolder | None:
    """Return the run that the trunk begins from; None where it begins from random weights.

    Raises
    ------
    CorruptFolder
        If there is no such run; names the command that makes it.
    """
    from survey.manifests import CorruptFolder
    from training.runs import RunFolder

    if config.pretrained is None:
        return None
    try:
        return RunFolder.opened(run_folder(config.pretrained, data_dir))
    except CorruptFolder as error:
        raise CorruptFolder(
            f"{error}: skylike train pretrain CONFIG --run {config.pretrained}, or give --scratch"
        ) from error
