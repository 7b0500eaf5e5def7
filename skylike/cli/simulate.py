"""`skylike survey simulate`: make the demo survey."""

from __future__ import annotations

from typing import Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json, emit, fail, progress

__all__ = ["simulate"]


def simulate(  # noqa: PLR0917 - Typer makes options of them
    name: Annotated[str, typer.Option("--survey", help="Name of the survey.")] = "demo",
    n: Annotated[
        int, typer.Option("--n", min=1, help="Galaxies to render; 1 % leave the magnitude limit.")
    ] = 5000,
    seed: Annotated[int, typer.Option("--seed", help="Same seed and n, same survey.")] = 1,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; default one a core.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Render again even if this survey is there.")
    ] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Render the demo survey: real SDSS galaxies' photometry and redshifts, pixels by GalSim.

    A finished survey of the same n and seed is left alone; an interrupted run continues.
    """
    from survey.archive import SurveyFolder
    from survey.locks import SurveyBusy
    from survey.manifests import CorruptFolder
    from survey.naming import BadName, checked_name
    from survey.simulate.parents import MissingTable
    from survey.simulate.recipe import is_made

    try:
        path = data_dir / "surveys" / checked_name(name)
    except BadName as error:
        fail(f"--survey: {error}")
    try:
        folder = SurveyFolder(path)
        is_done = not force and is_made(folder.info, n=n, seed=seed)
    except CorruptFolder:
        is_done = False
    if not is_done:
        try:
            from survey.simulate.survey import simulate_survey

            with progress(f"Rendering {n} galaxies") as report:
                folder = simulate_survey(path, n=n, seed=seed, workers=workers, progress=report)
        except SurveyBusy as error:
            fail(str(error))
        except (MissingTable, ModuleNotFoundError) as error:
            fail(f"{error}; the demo survey needs: pip install -c constraints.txt -e '.[demo]'")
    emit(
        {"survey": name, "objects": len(folder), "sha256": folder.sha256, "realism": folder.info.realism},
        as_json=as_json,
    )
