"""`skylike check`: says whether surveys, models, releases and catalogue are whole and agree."""

from __future__ import annotations

from typing import Annotated

import typer

from skylike.cli.doctor import show
from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json

app = typer.Typer()


@app.command()
def check(
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: Annotated[
        str,
        typer.Option(
            envvar="SKYLIKE_DATABASE_URL", help="The catalogue; SQLite in the data folder if empty."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Compute every hash and compare models, releases and catalogue; each complaint names its remedy."""
    from skylike.check import DataCheck
    from skylike.check_catalogue import check_catalogue

    data = DataCheck(data_dir)
    findings = list(data.run())
    findings += check_catalogue(database_url or f"sqlite:///{data_dir / 'catalogue.db'}", data)
    show(findings, as_json=as_json)
