"""A port that hears who comes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["listening"]


@contextmanager
def listening() -> Iterator[tuple[int, list[object]]]:
    """A port on loopback with the list of those who came to it."""
    hits: list[object] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    done = threading.Event()

    def accept() -> None:
        while not done.is_set():
            try:
                connection, address = server.accept()
            except TimeoutError:
                continue
            hits.append(address)
            connection.close()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield server.getsockname()[1], hits
    finally:
        done.set()
        thread.join()
        server.close()
