"""`skylike doctor`: says whether this machine is fit to run Skylike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json, emit

if TYPE_CHECKING:
    from skylike.findings import Finding

__all__ = ["app", "show"]

app = typer.Typer()

_MARKS = {"ok": "ok  ", "note": "note", "complaint": "BAD "}


@app.command()
def doctor(
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    host: Annotated[
        str, typer.Option(envvar="SKYLIKE_HOST", help="Where the service would listen.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="SKYLIKE_PORT", help="The port it would take.")] = 8000,
    as_json: Json = False,
) -> None:
    """Look at versions, processor, disk and ports; each complaint names the command that mends it."""
    from skylike.doctor import examine

    show(examine(data_dir, host=host, port=port), as_json=as_json)


def show(findings: Iterable[Finding], *, as_json: bool) -> None:
    """Print findings; exit with status 1 if one of them is a complaint."""
    from skylike.findings import complaints, report

    listed = list(findings)
    if as_json:
        emit(report(listed), as_json=True)
    else:
        width = max((len(f.name) for f in listed), default=0)
        for f in listed:
            typer.echo(f"{_MARKS[f.state]}  {f.name:<{width}}  {f.found}")
            if f.remedy:
                typer.echo(f"{'':4}  {'':{width}}  mend it: {f.remedy}")
    if complaints(listed):
        raise typer.Exit(1)
