"""A worker in a process of its own that counts, and dies or waits where it is told to.

python tests/support/job_worker.py URL FOLDER LEASE_SECONDS [POINT [CHUNK]]

Its answer to the number n is n * n. At a point of POINTS it kills itself with SIGKILL, once in the job's life.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from index.catalogue.session import make_engine
from service.jobs.folder import JobFolder
from service.jobs.lease import Leases
from service.jobs.store import JobStore
from service.jobs.worker import Worker
from service.settings import Settings

# Before what the process dies.
POINTS = {
    "the rows are answered": (None, "run"),
    "the result is written": (JobFolder, "write_chunk"),
    "the result is committed": (Leases, "commit"),
    "the next chunk is taken": (Leases, "take"),
}


class Squares:
    """Answers each row with its square; `seconds` in the parameters makes it slow."""

    def __init__(self, bad_chunk=None):
        self.ran = []
        self._bad_chunk = bad_chunk

    def run(self, spec, chunk, rows):
        self.ran.append(chunk)
        if chunk == self._bad_chunk:
            raise ValueError("/secret/path")
        time.sleep(spec.parameters.get("seconds", 0))
        row = rows.column("row")
        return pa.table(
            {"row": row, "square": pc.multiply(row, row), "pid": pa.repeat(os.getpid(), len(row))}
        )

    def meta(self, spec):
        return {}


def worker_of(store, *, handler=None, lease_seconds=1.0, **more):
    handler = handler or Squares()
    return Worker(store, lambda _: handler, lease_seconds=lease_seconds, retry_seconds=0.05, **more)


@contextmanager
def process(store, repository, *, lease_seconds=1.0, point=None, chunk=None):
    """A worker's process; killed at the end of the block if it still runs."""
    url = store.engine.url.render_as_string(hide_password=False)
    arguments = [url, str(store.folder.root), str(lease_seconds), *([point, str(chunk)] if point else [])]
    started = subprocess.Popen(
        [sys.executable, str(repository / "tests" / "support" / "job_worker.py"), *arguments],
        env={**os.environ, "PYTHONPATH": str(repository)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def _die_at(handler, point, chunk):
    where, name = POINTS[point]
    where = where or handler
    original = getattr(where, name)
    seen = []

    def dying(*arguments, **named):
        seen.append(arguments)
        if len(seen) == chunk + 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    setattr(where, name, dying)


def main(url, folder, lease_seconds, point=None, chunk="0"):
    store = JobStore(make_engine(url), Settings(jobs_dir=Path(folder)))
    handler = Squares()
    if point is not None:
        _die_at(handler, point, int(chunk))
    made = worker_of(store, handler=handler, lease_seconds=float(lease_seconds))
    signal.signal(signal.SIGTERM, lambda *_: made.stop())
    made.run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
