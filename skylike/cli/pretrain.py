"""`skylike train pretrain`, `plot` and `export`: networks trained without labels."""

from __future__ import annotations

from typing import Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json, emit, fail, progress
from skylike.cli.training_runs import import_torch, next_command, prepared, run_folder, torch_device

__all__ = ["export", "plot", "pretrain"]

Config = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG", help="A TOML file, or the name of one that Skylike brings: sdss-rgb, demo-ugriz."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="Another seed than the configuration's; the model's name ends in it."),
]
RunName = Annotated[
    str | None, typer.Option("--run", help="Name of the run; default the configuration's model.")
]


def pretrain(
    config: Config,
    *,
    run: RunName = None,
    seed: Seed = None,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", min=0, help="Stop cleanly after so long; call again to go on."),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda; cuda if there is one.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0 takes every core.")] = 0,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Let torch compile the network: pays on a GPU only.")
    ] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Train an encoder without labels; goes on where an earlier call stopped or was killed."""
    torch = import_torch()
    from survey.manifests import CorruptFolder
    from training.config import BadConfig
    from training.curves import draw_curves, summarise
    from training.pretrain import pretrain as train
    from training.runs import RunFolder, RunMismatch

    if threads:
        torch.set_num_threads(threads)
    chosen = torch_device(device)
    if run is not None:
        run_folder(run, data_dir)  # A name that is none is told before minutes of calibrating.
    try:
        read, data = prepared(config, seed, data_dir)
        folder = run_folder(run or read.model_id, data_dir)
        with progress(f"Training {folder.name} on {chosen}") as report:
            finished = train(
                read,
                data,
                folder,
                device=chosen,
                progress=report,
                most_seconds=None if minutes is None else 60 * minutes,
                compiled=compiled,
            )
        done = RunFolder.opened(folder)
        picture = draw_curves(done)
    except (BadConfig, CorruptFolder, RunMismatch, ValueError, RuntimeError) as error:
        fail(str(error))
    verb = "export" if finished.is_complete else "pretrain"
    emit(
        {
            "run": folder.name,
            "epochs": finished.epochs,
            "of": read.optimiser.epochs,
            "best_score": None
            if finished.best_score != finished.best_score
            else round(finished.best_score, 5),
            **summarise(done),
            "curves": picture and str(picture),
            "next": next_command(verb, config, run=run, seed=seed),
        },
        as_json=as_json,
    )


def plot(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Name of the run, while it trains or afterwards.")
    ],
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Draw a run's losses, validation and learning rate into its folder."""
    import_torch()
    from survey.manifests import CorruptFolder
    from training.curves import draw_curves, summarise
    from training.runs import RunFolder

    try:
        folder = RunFolder.opened(run_folder(run, data_dir))
    except CorruptFolder as error:
        fail(str(error))
    if not folder.lines():
        fail(f"run {run} has not finished an epoch yet")
    picture = draw_curves(folder)
    if picture is None:
        fail("drawing needs matplotlib, which is not installed: pip install -c constraints.txt -e '.[demo]'")
    emit({"run": run, **summarise(folder), "curves": str(picture)}, as_json=as_json)


def export(
    config: Config,
    *,
    run: RunName = None,
    seed: Seed = None,
    without: Annotated[
        str,
        typer.Option(
            "--without", help="Take these out of the vector: size, brightness, colour, separated by commas."
        ),
    ] = "",
    precision: Annotated[
        str, typer.Option("--precision", help="int8, fp16 or fp32; auto measures which is good enough.")
    ] = "auto",
    hybrid: Annotated[
        bool,
        typer.Option(
            help="Join light on rings (polar48 and phases) where the validation part says that it pays."
        ),
    ] = True,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Publish a run's best state as a model, which `skylike index build` takes."""
    import_torch()
    from survey.manifests import CorruptFolder
    from training.config import BadConfig
    from training.nuisance import NUISANCES
    from training.precision import PRECISIONS
    from training.release import NotTrained, Wishes, export_run
    from training.runs import RunFolder

    unwanted = [name for name in NUISANCES if name in without.split(",")]
    if unknown := set(filter(None, without.split(","))) - set(unwanted):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))} is none of {', '.join(NUISANCES)}")
    if precision not in {"auto", *PRECISIONS}:
        raise typer.BadParameter(f"{precision!r} is none of auto, {', '.join(PRECISIONS)}")
    asked = next((known for known in PRECISIONS if known == precision), None)
    try:
        read, data = prepared(config, seed, data_dir)
        folder = RunFolder.opened(run_folder(run or read.model_id, data_dir))
        with progress("Exporting") as report:
            model = export_run(
                read,
                data,
                folder,
                data_dir / "models",
                wishes=Wishes(unwanted, asked, hybrid),
                progress=lambda _step, done, total: report(done, total),
            )
    except (BadConfig, CorruptFolder, NotTrained, ValueError) as error:
        fail(str(error))
    card = model.card
    emit(
        {
            "model": card.id,
            "method": card.method,
            "dimension": card.dimension,
            "views": card.views,
            "power": card.training["power"],
            "weight": card.training.get("rings", {}).get("weight", 0.0),
            "precision": card.precision,
            "overlap10": card.metrics["precisions"]["int8"]["overlap10_gallery"],
            "score": card.metrics["validation_score"],
            "sha256": model.sha256,
            "next": f"skylike index build {read.data.surveys[0]} --model {card.id}",
        },
        as_json=as_json,
    )
