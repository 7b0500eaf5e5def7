"""The `skylike` command."""

from __future__ import annotations

import typer

app = typer.Typer(help="Show it a galaxy and it finds the galaxies that look like it.", no_args_is_help=True)


def main() -> None:
    """Run the command line."""
    app()
