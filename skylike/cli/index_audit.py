"""`skylike index audit`: what is wrong with a catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skylike.cli.index_refusals import refusals, url_of
from skylike.cli.options import (
    DEFAULT_DATA_DIR,
    ActiveModel,
    ActiveSurvey,
    DatabaseURL,
    DataDir,
    Json,
    emit,
    fail,
    progress,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

__all__ = ["audit"]


def audit(
    survey: ActiveSurvey = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the report; default: audits/RELEASE in the data folder."),
    ] = None,
    montages: Annotated[bool, typer.Option("--montages", help="Draw what was found, too.")] = False,
    label: Annotated[str, typer.Option("--label", help="Column that holds the labels.")] = "label",
    radius: Annotated[
        float | None,
        typer.Option(
            "--radius",
            min=0,
            help="Positions within so many arcsec show one sky; default: half a cutout's side.",
        ),
    ] = None,
    model: ActiveModel = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """List objects that show one sky, labels in conflict with looks, and cutouts with defects.

    Writes tables and a page into a folder. An interrupted search for pairs goes on where it was; a finished one is kept.
    """
    from index.audit.release_audit import audit_release
    from index.audit.tables import summary
    from index.updates.survey import survey_of
    from skylike.active import NothingActive, open_active
    from skylike.audit_report import draw_montages, write_report
    from survey.archive import SurveyFolder

    complaints: tuple[type[Exception], ...] = (*refusals(), NothingActive, ValueError, OSError)
    try:
        release = open_active(data_dir, url_of(data_dir, database), survey, model_id=model)
        base = SurveyFolder(data_dir / "surveys" / release.info.survey)
        whole = survey_of(release.path, release.info, base, data_dir / "surveys")
        folder = out or data_dir / "audits" / release.id
        with _steps() as tell:
            found = audit_release(
                release,
                whole,
                cache=data_dir / "audits" / f"{release.info.survey}.pairs",
                label=label,
                radius_arcsec=radius,
                progress=tell,
            )
            drawn = []
            if montages and whole.has_cutouts:
                drawn = draw_montages(
                    found, whole, folder, progress=lambda done, of: tell("Drawing montages", done, of)
                )
        written = [*write_report(found, folder), *drawn]
    except complaints as error:
        fail(str(error))
    told = summary(found)
    if json:
        emit({**told, "files": [str(path) for path in written]}, as_json=True)
        return
    _show(told)
    typer.echo(f"report: {folder / 'report.md'}")


@contextmanager
def _steps() -> Iterator[Callable[[str, int, int], None]]:
    """Show one bar after another; yields a ``(step, done, total)`` callback."""
    with ExitStack() as shown:
        now, report = "", None

        def tell(step: str, done: int, total: int) -> None:
            nonlocal now, report
            if report is None or step != now:
                shown.close()
                now, report = step, shown.enter_context(progress(step))
            report(done, total)

        yield tell


def _show(told: dict[str, Any]) -> None:
    """Print the counts as a table, then what was left out."""
    from rich.console import Console

    console = Console()
    console.print(_table(told))
    for part, why in told["left_out"].items():
        console.print(f"left out: {part}: {why}", highlight=False, soft_wrap=True)
    for part, what in told["notes"].items():
        console.print(f"note: {part}: {what}", highlight=False, soft_wrap=True)


def _table(told: dict[str, Any]) -> Table:
    from rich.table import Table

    sky = told["same_sky"]
    table = Table(title=f"{told['release']}: {told['objects']} objects", show_header=False)
    table.add_row("show one sky", f"{sky['pairs']} pairs, {sky['objects']} objects in {sky['groups']} groups")
    if sky["pairs_with_two_labels"]:
        table.add_row("of these, labels differ", f"{sky['pairs_whose_labels_differ']} pairs")
    if conflicts := told.get("label_conflicts"):
        table.add_row("labels in doubt", f"{conflicts['suspected']} of {conflicts['labelled']}")
    if artefacts := told.get("artefacts"):
        names = ", ".join(f"{name} {n}" for name, n in artefacts["defects"].items())
        table.add_row("with defects", f"{artefacts['objects']}{f' ({names})' if names else ''}")
    return table
