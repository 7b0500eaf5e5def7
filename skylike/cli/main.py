"""The `skylike` command."""

from __future__ import annotations

import typer

from skylike.cli import check, demo, doctor, index, keys, serve, survey, train

app = typer.Typer(help="Show it a galaxy and it finds the galaxies that look like it.", no_args_is_help=True)

# In the order in which they are used; these modules import nothing heavy before a verb runs.
app.add_typer(demo.app)
app.add_typer(survey.app, name="survey")
app.add_typer(train.app, name="train")
app.add_typer(index.app, name="index")
app.add_typer(serve.app)
app.add_typer(keys.app, name="keys")
app.add_typer(doctor.app)
app.add_typer(check.app)


def main() -> None:
    """Run the command line."""
    app()
