"""`skylike serve`: answers over HTTP."""

from __future__ import annotations

import gc
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, fail

if TYPE_CHECKING:
    from service.settings import Settings

app = typer.Typer()

_GRACE_SECONDS = 30


@app.command()
def serve(
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseURL = "",
    host: Annotated[
        str | None, typer.Option(help="Address to listen on [env: SKYLIKE_HOST, else 127.0.0.1].")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on [env: SKYLIKE_PORT, else 8000].")
    ] = None,
) -> None:
    """Serve the active releases of a data folder, with their page on http://HOST:PORT.

    Refuses to start, naming the command that mends it, when nothing is indexed, when the database's schema
    is old, or when two hashes that must agree do not. Further settings are environment variables: see the README.
    """
    run_service(data_dir=data_dir, database_url=database_url, host=host, port=port)


def run_service(
    *, data_dir: Path, database_url: str = "", host: str | None = None, port: int | None = None
) -> None:
    """Serve until a signal comes; fail with one sentence if it cannot start."""
    import uvicorn

    settings = settings_of(
        {"data_dir": data_dir, "database_url": database_url or None, "host": host, "port": port}
    )
    _pin_threads(settings.threads)
    listening = _listen(settings)
    from service.main import create_app
    from service.opening import NotServable, open_resources
    from service.protocol import PatientProtocol
    from skylike.supervision import WorkerProcesses

    try:
        resources = open_resources(settings)
    except NotServable as error:
        listening.close()
        fail(str(error))
    address = f"http://{settings.host}:{listening.getsockname()[1]}"
    typer.echo(f"Skylike serves {', '.join(resources.defaults)} on {address} (Ctrl+C ends it).", err=True)
    application = create_app(settings, opened=resources, beside=WorkerProcesses(settings))
    # The application lets go of it when other releases take its place.
    del resources
    config = uvicorn.Config(
        application,
        http=PatientProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        # uvicorn believes every process of this machine when nothing is said; we believe none.
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", ""),
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    # What is open stays: collections of what requests leave need not walk through it.
    gc.collect()
    gc.freeze()
    uvicorn.Server(config).run(sockets=[listening])


def _pin_threads(threads: int) -> None:
    """Let every library compute with so many threads, before the first of them is loaded: by default each takes all cores.

    Then the threads of one search and of the next, and those of the other libraries, would wait for each other.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))


def settings_of(given: dict[str, Any]) -> Settings:
    """Read the settings, those not given from the environment; fail with one sentence if one cannot be used."""
    from pydantic import ValidationError

    from service.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]).upper()
        fail(f"SKYLIKE_{name}: {first['msg']}. `skylike serve --help` and the README list the settings.")


def _listen(settings: Settings) -> socket.socket:
    """Take the port before anything is loaded, so that a taken one is said at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        fail(
            f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). "
            f"Choose another port: SKYLIKE_PORT={settings.port + 1} skylike serve"
        )
    return listening
