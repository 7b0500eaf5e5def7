"""Options and output habits that every verb shares."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import orjson
import typer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DEFAULT_DATA_DIR",
    "ActiveModel",
    "ActiveSurvey",
    "DataDir",
    "DatabaseURL",
    "JobsDir",
    "Json",
    "UploadsDir",
    "emit",
    "fail",
    "progress",
]

DEFAULT_DATA_DIR = Path("skylike-data")

DataDir = Annotated[
    Path,
    typer.Option("--data-dir", envvar="SKYLIKE_DATA_DIR", help="Where surveys, models and releases lie."),
]
DatabaseURL = Annotated[
    str,
    typer.Option(
        "--database-url",
        envvar="SKYLIKE_DATABASE_URL",
        help="The catalogue; SQLite in the data folder if empty.",
    ),
]
UploadsDir = Annotated[
    Path | None,
    typer.Option(
        "--uploads-dir",
        envvar="SKYLIKE_UPLOADS_DIR",
        help="Where kept uploads lie; `uploads` in the data folder if not given.",
    ),
]
JobsDir = Annotated[
    Path | None,
    typer.Option(
        "--jobs-dir",
        envvar="SKYLIKE_JOBS_DIR",
        help="Where jobs lie; `jobs` in the data folder if not given.",
    ),
]
ActiveSurvey = Annotated[
    str | None,
    typer.Argument(help="Name of an indexed survey; may be left out where there is one alone."),
]
ActiveModel = Annotated[
    str | None, typer.Option("--model", help="Model id; default: the release that answers.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


def emit(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a result to stdout: JSON for machines, aligned ``key  value`` lines for people."""
    if as_json:
        sys.stdout.write(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    width = max((len(key) for key in result), default=0)
    for key, value in result.items():
        typer.echo(f"{key:<{width}}  {value}")


def fail(message: str) -> NoReturn:
    """Say what went wrong on stderr and exit with status 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with ETA on stderr while the block runs; yields a ``(done, total)`` callback."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report
