"""`skylike worker`: answers the rows of jobs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, fail
from skylike.cli.serve import settings_of

if TYPE_CHECKING:
    from service.jobs.handlers import Spec
    from service.jobs.store import JobStore
    from service.jobs.worker import Worker
    from service.settings import Settings

app = typer.Typer()

# Behind whoever waits for an answer.
_NICENESS = 5
# EX_TEMPFAIL of sysexits.h: whoever started it should start another.
_HANGS = 75
_TELL_SECONDS = 2.0
_STDIN = 0


@app.command()
def worker(
    *,
    once: Annotated[bool, typer.Option("--once", help="End when no job is left.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseURL = "",
    while_stdin_open: Annotated[bool, typer.Option("--while-stdin-open", hidden=True)] = False,
) -> None:
    """Answer the rows of jobs, chunk by chunk, until SIGTERM or Ctrl+C.

    `skylike serve` starts one (SKYLIKE_WORKERS); start more on any machine that shares the database, the data
    folder and SKYLIKE_JOBS_DIR. A worker may be killed at any time: what it finished stays, what it had in hand
    another one does again. On the first signal it ends after the chunk in hand, on the second at once.
    """
    settings = settings_of({"data_dir": data_dir, "database_url": database_url or None})
    _check_schema(settings)
    from index.catalogue.session import make_engine
    from service.jobs.releases import OpenedReleases
    from service.jobs.store import JobStore
    from service.jobs.worker import Worker
    from service.logs import configure_logging

    configure_logging(settings.log_level, settings.log_format)
    os.nice(_NICENESS)
    engine = make_engine(settings.url)
    store, releases = JobStore(engine, settings), OpenedReleases(settings)
    made = Worker(
        store,
        releases.handler,
        lease_seconds=settings.job_lease_seconds,
        told=None if while_stdin_open else _teller(store),
        give_up=lambda: os._exit(_HANGS),
    )
    _listen(made, while_stdin_open=while_stdin_open)
    try:
        made.run(once=once)
    except KeyboardInterrupt:
        typer.echo("Ended at once; another worker does the chunk in hand again.", err=True)
    finally:
        releases.close()
        engine.dispose()


def _check_schema(settings: Settings) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from index.catalogue.migrate import is_current
    from index.catalogue.session import UnsupportedDatabase

    try:
        if is_current(settings.url):
            return
    except (SQLAlchemyError, UnsupportedDatabase) as error:
        fail(f"The database does not answer ({type(error).__name__}). To see more: skylike doctor")
    fail("The database's schema is not that of this version. To mend it: skylike index migrate")


def _listen(made: Worker, *, while_stdin_open: bool) -> None:
    asked: list[int] = []

    def end(number: int, _frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        made.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if while_stdin_open:
        threading.Thread(target=_until_parent_ends, args=(made,), daemon=True).start()


def _until_parent_ends(made: Worker) -> None:
    """Wait for the end of a pipe whose other end only the parent has; a killed parent says nothing else."""
    # Not sys.stdin: a thread that holds its lock at the end of the process would make it abort.
    while os.read(_STDIN, 1024):
        pass
    made.stop()


def _teller(store: JobStore) -> Callable[[Spec, int], None]:
    """Return what writes a line about a job every two seconds, and one at its end."""
    latest: dict[str, float] = {}

    def tell(spec: Spec, chunk: int) -> None:
        from service.records.job_chunks import progress

        is_last = chunk == spec.n_chunks
        if not is_last and time.monotonic() - latest.get(spec.job_id, 0.0) < _TELL_SECONDS:
            return
        latest[spec.job_id] = time.monotonic()
        with store.reading() as session:
            done = progress(session, spec.job_id)
        line = f"job {spec.job_id[:8]}: {done.rows_done:,} of {spec.n_rows:,} rows"
        if is_last:
            latest.pop(spec.job_id)
            line += ", done"
        elif done.rows_per_s:
            left = (spec.n_rows - done.rows_done) / done.rows_per_s
            line += f", {done.rows_per_s:,.0f} rows/s, ETA {left:,.0f} s"
        typer.echo(line, err=True)

    return tell
