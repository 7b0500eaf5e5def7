"""The fork server: a small process with the parsers loaded, which forks one limited child for each upload.

It is started with ``exec`` and an empty environment, so it holds nothing of the service: no database URL, no
secrets, no threads, neither faiss nor onnxruntime. (`multiprocessing`'s own fork server would import the
service's main script into every child, inherit the environment and speak pickle.)
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import struct

__all__ = ["FORK", "KILL", "MESSAGE", "STATUS", "main"]

#: What the service sends: an operation and a child's process id; FORK carries two file descriptors.
MESSAGE = struct.Struct(">Bq")
#: What the server answers on a job's status pipe, at the child's birth its id, 1 if it has no network, and 0; at its death its exit code,
#: the milliseconds of processor time that it used, and the most memory that it held, in KiB.
STATUS = struct.Struct(">qqq")
FORK, KILL = 1, 2


def main(control_fd: int) -> None:
    """Load the parsers, then serve until the service hangs up."""
    importlib.import_module("service.sandbox_child")
    importlib.import_module("service.sandbox_preload").preload()
    offline = importlib.import_module("service.sandbox_rights").leave_the_network()
    # Collected once here: children then do not touch (and so copy) every page when they collect.
    gc.collect()
    gc.freeze()
    # Ctrl-C in a terminal reaches the whole group; the service decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=control_fd) as control:
        _serve(control, offline)


def _serve(control: socket.socket, offline: bool) -> None:
    children: dict[int, int] = {}
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([control.fileno(), wake_read], [], [])
        if wake_read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_read, 4096)
            _reap(children)
        if control.fileno() in ready:
            message, fds, _, _ = socket.recv_fds(control, MESSAGE.size, 2)
            if not message:
                break
            operation, pid = MESSAGE.unpack(message)
            if operation == KILL and pid in children:
                # Only this process can reap the child, so the id cannot have gone to another one.
                os.kill(pid, signal.SIGKILL)
            elif operation == FORK:
                job, status = fds
                _fork(job, status, children, offline, close=(control.fileno(), wake_read, wake_write))
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _fork(job: int, status: int, children: dict[int, int], offline: bool, *, close: tuple[int, ...]) -> None:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for fd in (*close, status, *children.values()):
                os.close(fd)
            # What C libraries print when they abort is not for the service's log.
            os.dup2(0, 2)
            from service.sandbox_child import work  # noqa: PLC0415 - already loaded; named here to keep main() light

            code = work(job)
        finally:
            # Nothing of the server may run in the child: no exit handlers, no flushing.
            os._exit(code)
    os.close(job)
    children[pid] = status
    _say(status, pid, offline)


def _reap(children: dict[int, int]) -> None:
    while children:
        pid, wait_status, used = os.wait4(-1, os.WNOHANG)
        if pid == 0:
            return
        status = children.pop(pid)
        cpu_ms = round(1000 * (used.ru_utime + used.ru_stime))
        _say(status, os.waitstatus_to_exitcode(wait_status), cpu_ms, used.ru_maxrss)
        os.close(status)


def _say(status: int, number: int, cpu_ms: int = 0, peak_kib: int = 0) -> None:
    # The service may have given the job up already.
    with contextlib.suppress(BrokenPipeError):
        os.write(status, STATUS.pack(number, cpu_ms, peak_kib))
