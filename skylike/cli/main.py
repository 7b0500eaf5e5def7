"""The `skylike` command."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import typer

app = typer.Typer(help="Show it a galaxy and it finds the galaxies that look like it.", no_args_is_help=True)

# Groups of verbs stand under their name; the others are verbs themselves.
_GROUPS = ("survey", "train", "index")
_VERBS = ("serve", "demo", "doctor", "check")

for _name in (*_GROUPS, *_VERBS):
    if find_spec(f"skylike.cli.{_name}"):
        app.add_typer(import_module(f"skylike.cli.{_name}").app, name=_name if _name in _GROUPS else None)


def main() -> None:
    """Run the command line."""
    app()
