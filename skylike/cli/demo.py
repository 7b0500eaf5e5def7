"""`skylike demo`: from nothing to a running service with a searchable survey."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, fail, progress

app = typer.Typer()


@app.command()
def demo(
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseURL = "",
    n: Annotated[
        int | None,
        typer.Option(
            "--n",
            envvar="SKYLIKE_DEMO_N",
            min=20,
            help="Galaxies to render; default: those that are there, or 4300.",
        ),
    ] = None,
    serve: Annotated[bool, typer.Option(help="Serve it when it is made.")] = True,
) -> None:
    """Make the demo survey, find or fit two models, make their releases and the catalogue, then serve them.

    Finished steps are skipped, an interrupted one continues.
    """
    from index.catalogue.session import default_url
    from index.shipped import released_folder
    from skylike.stamp import Stamp

    began = time.monotonic()
    url = database_url or default_url(data_dir)
    stamp = Stamp.read(data_dir)
    if stamp and stamp.holds(data_dir, n=n, url=url, released=released_folder()):
        typer.echo(f"The demo survey is there ({data_dir}): nothing to do.", err=True)
        if serve:
            from skylike.cli.serve import run_service

            run_service(data_dir=data_dir, database_url=database_url)
        return
    _build(data_dir, url, n)
    typer.echo(f"The demo survey is ready after {time.monotonic() - began:.0f} s.", err=True)
    if serve:
        _become_the_service(data_dir, database_url)


def _become_the_service(data_dir: Path, database_url: str) -> NoReturn:
    """Replace this process: what fitting and rendering took of memory (400 MB) is not carried into serving."""
    # -P: a survey.py in the user's folder must not be taken for ours.
    command = [sys.executable, "-P", "-m", "skylike", "serve", "--data-dir", str(data_dir)]
    sys.stdout.flush()
    sys.stderr.flush()
    # In the environment, not among the arguments: the URL may hold a password.
    environment = {**os.environ, "SKYLIKE_DATABASE_URL": database_url} if database_url else dict(os.environ)
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own interpreter, no shell wanted


def _build(data_dir: Path, url: str, n: int | None) -> None:
    try:
        from skylike.demo import build_demo
    except ModuleNotFoundError as error:
        fail(f"{error.name} is not installed. Mend it with: pip install -c constraints.txt -e '.[demo]'")
    from survey.manifests import CorruptFolder
    from survey.simulate.parents import MissingTable

    try:
        build_demo(data_dir, url, n=n, step=_step)
    except (MissingTable, ModuleNotFoundError) as error:
        fail(f"{error}. Mend it with: pip install -c constraints.txt -e '.[demo]'")
    except CorruptFolder as error:
        fail(f"{error}. Mend it with: skylike check; a model that comes with Skylike: install Skylike again")


@contextmanager
def _step(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while a step runs and say afterwards how long it took."""
    began = time.monotonic()
    with progress(title) as report:
        yield report
    typer.echo(f"{title}: {time.monotonic() - began:.1f} s", err=True)
