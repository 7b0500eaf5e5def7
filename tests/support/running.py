"""A service started as an operator starts it, on loopback, and stopped again."""

import signal
import socket
import subprocess
import time
from contextlib import contextmanager

import httpx


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command, environment, *, log, port, patience=60):
    """Start a command that serves on ``port``; yield an HTTP client once it is ready; end it with SIGTERM."""
    with started(command, environment, log=log, port=port, patience=patience) as (client, _):
        yield client


@contextmanager
def started(command, environment, *, log, port, patience=60):
    """As :func:`running`, with the process beside the client."""
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=environment, stdout=sink, stderr=subprocess.STDOUT)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                wait_until_ready(client, process, log, patience)
                yield client, process
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) in {0, -signal.SIGTERM}, log.read_text()[-3000:]
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def wait_until_ready(client, process, log, patience):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not ready within {patience} s:\n{log.read_text()[-3000:]}")
