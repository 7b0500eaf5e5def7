"""Worker processes beside a service: started with it, started again when they die, ended with it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from service.settings import Settings

__all__ = ["WorkerProcesses"]

logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.25
#: A worker that dies young is started again after this long, twice as long each time, a minute at most.
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_YOUNG_SECONDS: Final = 30.0
#: For the chunk in hand; after that it is told again, which ends it at once, and then killed.
_GRACE_SECONDS: Final = 10.0
_LAST_SECONDS: Final = 3.0


class WorkerProcesses:
    """Keeps ``settings.workers`` processes of ``skylike worker`` running while the block runs.

    Each is started with ``exec``, so it shares neither memory, threads nor files with the service; its standard
    input is a pipe whose end tells it that the service is gone, also one that was killed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._processes: dict[int, _Place] = {n: _Place() for n in range(settings.workers)}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="workers", daemon=True)

    @property
    def pids(self) -> list[int]:
        """The process ids of those that run."""
        return [p.process.pid for p in self._processes.values() if p.process and p.process.poll() is None]

    def __enter__(self) -> Self:
        if self._processes:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        if not self._processes:
            return
        self._thread.join()
        running = [place.process for place in self._processes.values() if place.process is not None]
        for number, seconds in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGTERM, _LAST_SECONDS)):
            for process in running:
                with suppress(ProcessLookupError):
                    process.send_signal(number)
            _wait(running, seconds)
        for process in running:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()

    def _watch(self) -> None:
        while not self._is_over.is_set():
            for place in self._processes.values():
                self._keep(place)
            self._is_over.wait(_LOOK_SECONDS)

    def _keep(self, place: _Place) -> None:
        now = time.monotonic()
        if place.process is not None:
            code = place.process.poll()
            if code is None:
                return
            place.bury(now)
            logger.warning("worker died", extra={"exit_code": code, "again_in_s": place.not_before - now})
        if now >= place.not_before:
            try:
                place.process, place.born = self._start(), now
            except OSError as error:
                place.not_before = now + _LONGEST_PAUSE
                logger.warning("no worker started", extra={"reason": error.strerror})

    def _start(self) -> subprocess.Popen[bytes]:
        settings = self._settings
        told = {
            "SKYLIKE_DATA_DIR": str(settings.data_dir.absolute()),
            **({"SKYLIKE_DATABASE_URL": settings.database_url} if settings.database_url else {}),
            **({"SKYLIKE_JOBS_DIR": str(settings.jobs_dir.absolute())} if settings.jobs_dir else {}),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "skylike", "worker", "--while-stdin-open"],
            env={**os.environ, **told},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            # Ctrl+C in a terminal reaches the whole group; the service decides when a worker ends.
            start_new_session=True,
        )


class _Place:
    """One worker's place, with the process in it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.born = self.not_before = 0.0
        self._pause = _FIRST_PAUSE

    def bury(self, now: float) -> None:
        """Let go of a dead process, and say when the next one may be born."""
        assert self.process is not None
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._pause = (
            min(2 * self._pause, _LONGEST_PAUSE) if now - self.born < _YOUNG_SECONDS else _FIRST_PAUSE
        )
        self.not_before = now + self._pause / 2
        self.process = None


def _wait(processes: list[subprocess.Popen[bytes]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
