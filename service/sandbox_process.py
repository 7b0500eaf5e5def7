"""The service's end of the fork server: start it, have it fork a child, hear how the child ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading

from service.sandbox_server import FORK, KILL, MESSAGE, STATUS

__all__ = ["Child", "ForkServer"]

# Loading the parsers takes about a second; on a busy machine ten.
_START_SECONDS = 60.0
_LAUNCH = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from service.sandbox_server import main; main(int(sys.argv[2]))"
)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Child:
    """One forked child.

    Attributes
    ----------
    stream
        The socket on which it gets its job and answers.
    """

    def __init__(self, server: ForkServer, stream: socket.socket, status: int) -> None:
        self.stream = stream
        self._server = server
        self._status = status
        # The server's first word about a child is its process id.
        self._pid = self._read(_START_SECONDS)
        if self._pid is None:
            self.end()
            raise ConnectionAbortedError("the fork server ended or does not answer")

    def exit_code(self, timeout: float) -> int | None:
        """Wait for its end: the code it ended with, -n for signal n, None if it is still there or nobody knows."""
        return self._read(timeout)

    def end(self) -> None:
        """Kill it if it is still there, and let go of it."""
        self.stream.close()
        os.close(self._status)
        if self._pid is not None:
            self._server.kill(self._pid)

    def _read(self, timeout: float) -> int | None:
        # poll, not select: a busy service has file descriptors beyond select's 1024.
        poll = select.poll()
        poll.register(self._status, select.POLLIN)
        if not poll.poll(timeout * 1000):
            return None
        told = os.read(self._status, STATUS.size)
        return int(STATUS.unpack(told)[0]) if len(told) == STATUS.size else None


class ForkServer:
    """A process with the parsers loaded, started by ``exec`` so that it holds nothing of this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

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
            If the server cannot be started, or this process is out of file descriptors.
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
        except BaseException:
            ours.close()
            os.close(status_read)
            raise
        finally:
            theirs.close()
            os.close(status_write)
        return Child(self, ours, status_read)

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
