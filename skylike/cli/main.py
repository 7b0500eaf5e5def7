"""The `skylike` command."""

from __future__ import annotations

from pathlib import Path

import typer

from skylike.cli import check, demo, doctor, index, keys, serve, sessions, survey, train, worker

app = typer.Typer(help="Show it a galaxy and it finds the galaxies that look like it.", no_args_is_help=True)

# In the order in which they are used; these modules import nothing heavy before a verb runs.
app.add_typer(demo.app)
app.add_typer(survey.app, name="survey")
app.add_typer(train.app, name="train")
app.add_typer(index.app, name="index")
app.add_typer(serve.app)
app.add_typer(worker.app)
app.add_typer(keys.app, name="keys")
app.add_typer(sessions.app, name="sessions")
app.add_typer(sessions.labels_app, name="labels")
app.add_typer(doctor.app)
app.add_typer(check.app)


def main() -> None:
    """Run the command line; a disk that is full or a folder that cannot be written ends it in one sentence."""
    try:
        app()
    except OSError as error:
        typer.echo(_what_the_system_said(error), err=True)
        raise SystemExit(1) from error


def _what_the_system_said(error: OSError) -> str:
    name = Path(str(error.filename)).name if error.filename else ""
    said = error.strerror or str(error) or type(error).__name__
    return (
        f"{name + ': ' if name else ''}{said}. Make room or give a folder that can be written (--data-dir), then call "
        "again: finished steps are kept."
    )
