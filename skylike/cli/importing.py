"""What the import verbs share: tell how the input was understood, carry it out, report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from skylike.cli.options import emit, fail, progress

if TYPE_CHECKING:
    from survey.archive import SurveyInfo
    from survey.sources.joining import Join
    from survey.sources.plan import ImportPlan

__all__ = ["carry_out", "describe", "read_join"]


def describe(
    name: str,
    title: str,
    citation: str,
    licence: str,
    realism: str,
    *,
    kind: Literal["display", "catalogue"] = "display",
) -> SurveyInfo:
    """Make a survey's description; a bad name ends the command."""
    from survey.archive import SurveyInfo
    from survey.naming import BadName, checked_name

    try:
        checked_name(name)
    except BadName as error:
        fail(f"--survey: {error}")
    return SurveyInfo(
        name=name, title=title or name, kind=kind, citation=citation, licence=licence, realism=realism
    )


def read_join(path: Path | None, on: str | None) -> Join | None:
    """Read the table of ``--join``; UnreadableTable where ``--on`` is missing."""
    from survey.sources.joining import Join
    from survey.sources.table_files import UnreadableTable, read_table

    if path is None:
        return None
    if on is None:
        raise UnreadableTable("--join needs --on: the column both tables share, or LEFT=RIGHT.")
    return Join(path.name, read_table(path), on)


def carry_out(
    make: Callable[[], ImportPlan],
    data_dir: Path,
    *,
    dry_run: bool,
    replace: bool,
    workers: int,
    as_json: bool,
) -> None:
    """Plan, tell, import, report; what is wrong with the input ends the command with its message."""
    from time import perf_counter

    from survey.sources.importing import import_survey

    try:
        plan = make()
        _tell(plan)
        if dry_run:
            told = plan.to_json()
            emit(
                told if as_json else {k: told[k] for k in ("survey", "kind", "n_objects", "n_rejected")},
                as_json=as_json,
            )
            return
        started, n_told = perf_counter(), len(plan.rows.notes)
        with progress(f"Importing {plan.info.name}") as report:
            folder = import_survey(
                plan, data_dir / "surveys", replace=replace, progress=report, workers=workers
            )
    except ValueError as error:
        # UnreadableTable, CutoutRejected, SurveyExists and an import without objects: all say what to do.
        fail(str(error))
    seconds = perf_counter() - started
    for note in plan.rows.notes[n_told:]:
        typer.echo(f"  note: {note}", err=True)
    for rejected in plan.rejected[:10]:
        typer.echo(f"left out  {rejected.what}: {rejected.reason}", err=True)
    if len(plan.rejected) > 10:
        typer.echo(
            f"left out  … and {len(plan.rejected) - 10:,} more: skylike survey show {plan.info.name} --rejected",
            err=True,
        )
    emit(
        {
            "survey": folder.info.name,
            "n_objects": len(folder),
            "n_rejected": len(plan.rejected),
            "seconds": round(seconds, 2),
            "objects_per_second": round(len(folder) / max(seconds, 1e-3)),
            "sha256": folder.sha256,
            "next": f"skylike index build {folder.info.name}"
            if folder.has_cutouts
            else f"skylike index ingest {folder.info.name}",
        },
        as_json=as_json,
    )


def _tell(plan: ImportPlan) -> None:
    """Say on stderr how the input was understood, before anything is written."""

    def say(text: str) -> None:
        typer.echo(text, err=True)

    for line in plan.lines:
        say(f"  {line}")
    for note in plan.rows.notes:
        say(f"  note: {note}")
    shown = ("object_id", "ra_deg", "dec_deg", "z_spec", "label", "mag_r")
    first: list[dict[str, Any]] = plan.rows.columns.slice(0, 3).to_pylist()
    for row in first:
        say("  " + "  ".join(f"{k}={row[k]}" for k in shown if row.get(k) is not None))
    say(
        f"  {len(plan.rows):,} objects, {len(plan.rejected):,} left out; about {max(plan.estimate_s, 1):,.0f} s "
        f"and {plan.estimate_bytes / 1e6:,.1f} MB"
    )
