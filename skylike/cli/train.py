"""`skylike train`: models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skylike.cli.embed import embed
from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json, emit, fail, progress
from skylike.cli.photoz_fit import photoz, photoz_export
from skylike.cli.pretrain import export, plot, pretrain
from skylike.cli.publish import publish

if TYPE_CHECKING:
    from index.model import Model
    from survey.archive import SurveyFolder
    from training.fixed import FixedMethod

app = typer.Typer(help="Fit models on a survey.", no_args_is_help=True)
app.command()(pretrain)
app.command()(embed)
app.command()(plot)
app.command()(export)
app.command()(photoz)
app.command()(photoz_export)
app.command()(publish)


@app.callback()
def _train() -> None:
    """Fit models on a survey."""


@app.command("fixed")
def fixed(
    method: Annotated[str, typer.Argument(help="polar48 (unchanged by rotation) or pca48 (plain pixels).")],
    survey: Annotated[str, typer.Option("--survey", help="Name of the survey to fit on.")],
    *,
    model_id: Annotated[
        str | None, typer.Option("--model-id", help="Name of the model; default METHOD-SURVEY.")
    ] = None,
    display: Annotated[
        bool,
        typer.Option(
            "--display", help="Render a flux survey to colour first, so that a JPEG can be searched."
        ),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw of objects.")] = 0,
    n_fit: Annotated[int, typer.Option("--n-fit", min=4, help="Objects drawn to find the axes.")] = 4000,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Fit a model that needs no training run: seconds, no labels, no GPU."""
    from survey.archive import SurveyFolder
    from survey.manifests import CorruptFolder
    from survey.naming import BadName, checked_name
    from training.fixed import FIXED_METHODS, NotFittable, default_contract, fit_fixed

    chosen = next((known for known in FIXED_METHODS if known == method), None)
    if chosen is None:
        raise typer.BadParameter(
            f"{method!r} is unknown; choose {' or '.join(FIXED_METHODS)}", param_hint="METHOD"
        )
    name = model_id or f"{method}-{survey}{'-rgb' if display else ''}"
    for hint, value in (("--survey", survey), ("--model-id", name)):
        try:
            checked_name(value)
        except BadName as error:
            raise typer.BadParameter(str(error), param_hint=hint) from error
    out = data_dir / "models" / name
    try:
        folder = SurveyFolder(data_dir / "surveys" / survey)
        contract = default_contract(chosen, folder.info, display=True) if display else None
        model = _already_fitted(out, folder, chosen, is_display=display, seed=seed, n_fit=n_fit)
        is_new = model is None
        if model is None:
            with progress(f"Fitting {name}") as report:
                model = fit_fixed(
                    chosen,
                    folder,
                    out=out,
                    model_id=name,
                    contract=contract,
                    seed=seed,
                    n_fit=n_fit,
                    progress=report,
                )
    except (CorruptFolder, NotFittable) as error:
        fail(str(error))
    card = model.card
    result = {
        "model": card.id,
        "method": card.method,
        "survey": survey,
        "dimension": card.dimension,
        "bands": list(model.contract.bands.names),
        "n": card.training["n"],
        "fitted": is_new,
        "sha256": model.sha256,
    }
    emit(result, as_json=as_json)


def _already_fitted(
    out: Path, survey: SurveyFolder, method: FixedMethod, *, is_display: bool, seed: int, n_fit: int
) -> Model | None:
    """Return the model that a finished run with the same settings left, if there is one."""
    from index.model import Model
    from survey.manifests import CorruptFolder

    try:
        model = Model.open(out)
    except CorruptFolder:
        return None
    wanted = {"survey_sha256": survey.sha256, "seed": seed, "n_fit": n_fit}
    same_settings = all(model.card.training.get(key) == value for key, value in wanted.items())
    same_bands = model.contract.is_display == (is_display or survey.info.kind == "display")
    return model if model.card.method == method and same_settings and same_bands else None
