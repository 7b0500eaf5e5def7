"""The service's end of the fork server: start it, have it fork a child, hear how the child ended."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass

from service.sandbox_server import FORK, KILL, MESSAGE, STATUS

__all__ = ["Child", "Ended", "ForkServer"]

logger = logging.getLogger(__name__)

# Loading the parsers takes about a second; on a busy machine ten.
_START_SECONDS = 60.0
# A server that has forked before does so in milliseconds.
_BIRTH_SECONDS = 10.0
_LAUNCH = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from service.sandbox_server import main; main(int(sys.argv[2]))"
)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended and what it cost.

    Attributes
    ----------
    exit_code
        -n for signal n.
    cpu_seconds
        Processor time, in user and system mode.
    peak_bytes
        The most memory that it held at once, with the pages that it shares with the server.
    """

    exit_code: int
    cpu_seconds: float
    peak_bytes: int


class Child:
    """One forked child.

    Attributes
    ----------
    stream
        The socket on which it gets its job and answers.
    is_offline
        Whether it has no network device.
    """

    def __init__(self, server: ForkServer, stream: socket.socket, status: int, patience: float) -> None:
        self.stream = stream
        self._server = server
        self._status = status
        self._pid: int | None = None
        self._ended: Ended | None = None
        # The server's first word about a child is its process id.
        born = self._read(patience)
        if born is None:
            self.end()
            raise ConnectionAbortedError("the fork server ended or does not answer")
        self._pid = born[0]
        self.is_offline = bool(born[1])

    def ended(self, timeout: float) -> Ended | None:
        """Wait for its end; None if it is still there or nobody knows."""
        if self._ended is None and (told := self._read(timeout)) is not None:
            code, cpu_ms, peak_kib = told
            self._ended = Ended(code, cpu_ms / 1000, peak_kib << 10)
        return self._ended

    def finish(self, patience: float = 0.5) -> Ended | None:
        """Hang up, give it a moment to end by itself, then kill it; how it ended, None if nobody knows."""
        self.stream.close()
        if self.ended(patience) is None and self._pid is not None:
            self._server.kill(self._pid)
        return self.ended(5.0)

    def end(self) -> None:
        """Kill it if it is still there, and let go of it."""
        self.stream.close()
        os.close(self._status)
        if self._pid is not None:
            self._server.kill(self._pid)

    def _read(self, timeout: float) -> tuple[int, int, int] | None:
        # poll, not select: a busy service has file descriptors beyond select's 1024.
        poll = select.poll()
        poll.register(self._status, select.POLLIN)
        if not poll.poll(timeout * 1000):
            return None
        told = os.read(self._status, STATUS.size)
        return STATUS.unpack(told) if len(told) == STATUS.size else None


class ForkServer:
    """A process with the parsers loaded, started by ``exec`` so that it holds nothing of this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._has_forked = False

    @property
    def pid(self) -> int | None:
        """Its process id; None before the start and after the end."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, or start it again if it has died; returns before the parsers are loaded."""
        with self._lock:
            self._ensure()

    def close(self) -> None:
        """End it with all its children."""
        with self._lock:
            self._stop()

    def fork(self) -> Child:
        """Have a child forked; it waits for its job on the stream.

        Raises
        ------
        OSError
            If the server cannot be started or does not answer (it is stopped then, and started again for the next child), or
            this process is out of file descriptors.
        """
        ours, theirs = socket.socketpair()
        status_read, status_write = os.pipe()
        try:
            with self._lock:
                fds = [theirs.fileno(), status_write]
                try:
                    socket.send_fds(self._ensure(), [MESSAGE.pack(FORK, 0)], fds)
                except (BrokenPipeError, ConnectionResetError):
                    self._stop()
                    socket.send_fds(self._ensure(), [MESSAGE.pack(FORK, 0)], fds)
                asked = self._process
                patience = _BIRTH_SECONDS if self._has_forked else _START_SECONDS
        except BaseException:
            ours.close()
            os.close(status_read)
            raise
        finally:
            theirs.close()
            os.close(status_write)
        try:
            child = Child(self, ours, status_read, patience)
        except ConnectionAbortedError:
            self._give_up(asked)
            raise
        with self._lock:
            is_first, self._has_forked = not self._has_forked, True
        if is_first and not child.is_offline:
            logger.warning(
                "parsing children keep the network: this kernel gives them no namespace of their own"
            )
        return child

    def _give_up(self, process: subprocess.Popen[bytes] | None) -> None:
        """End a server that does not answer, unless another thread has done so."""
        with self._lock:
            if process is not None and process is self._process:
                logger.error(
                    "the fork server does not answer and is started again", extra={"pid": process.pid}
                )
                process.kill()
                self._stop()

    def kill(self, pid: int) -> None:
        """Have a child killed, if it is still there."""
        with self._lock, contextlib.suppress(OSError):
            if self._control is not None:
                self._control.sendall(MESSAGE.pack(KILL, pid))

    def _ensure(self) -> socket.socket:
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        self._stop()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter with constant code
                [sys.executable, "-I", "-c", _LAUNCH, json.dumps(sys.path), str(theirs.fileno())],
                env=_environment(),
                cwd="/",
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                # Its stderr is the service's: were it not able to load the readers, the log must say so.
                stdout=subprocess.DEVNULL,
            )
        self._control = ours
        return ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            # It ends by itself when the control socket closes, and kills its children first.
            try:
                self._process.wait(2.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None
        self._has_forked = False


def _environment() -> dict[str, str]:
    """Nothing of ours: no database URL, no secrets, one thread for each numerical library."""
    fixed = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        # A process that forks must have no second thread; Arrow's allocator would start one.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
    }
    return {**fixed, **dict.fromkeys(_THREADS, "1")}
