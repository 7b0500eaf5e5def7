"""Clients that mean a service ill: uploads without pause from several addresses, and requests that never end."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from hostile_files import hostile_files

__all__ = ["CLIENTS", "SOCKETS", "hostile_uploads", "slow_sockets"]

CLIENTS, SOCKETS = 12, 400
_HEADERS = {"content-type": "application/octet-stream"}


@contextmanager
def hostile_uploads(url: str, answered: Counter[int]) -> Iterator[None]:
    """Upload from several addresses without pause."""
    files, stop, lock = list(hostile_files().values()), threading.Event(), threading.Lock()

    def loop(number: int) -> None:
        draw = random.Random(number)  # noqa: S311 - a load generator
        transport = httpx.HTTPTransport(local_address=f"127.0.0.{2 + number % 4}")
        with httpx.Client(base_url=url, timeout=120, transport=transport) as client:
            while not stop.is_set():
                try:
                    body = draw.choice(files)
                    status = client.post(
                        "/api/v1/neighbours/upload", content=body, headers=_HEADERS
                    ).status_code
                except httpx.TransportError:
                    status = 0
                with lock:
                    answered[status] += 1
                if status in (0, 429, 503):
                    stop.wait(0.2)

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        # Until the sandbox is full.
        time.sleep(3)
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def slow_sockets(url: str, left: list[int]) -> Iterator[None]:
    """Hold connections whose request never ends; ``left`` gets how many the service had not closed."""
    port, stop, opened = int(url.rpartition(":")[2]), threading.Event(), []
    for number in range(SOCKETS):
        try:
            one = socket.create_connection(
                ("127.0.0.1", port), timeout=2, source_address=(f"127.0.0.{9 + number % 8}", 0)
            )
            one.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            opened.append(one)
        except OSError:
            continue

    def drip() -> None:
        while not stop.wait(1):
            for one in list(opened):
                try:
                    one.sendall(b"a")
                except OSError:
                    opened.remove(one)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        time.sleep(1)
        yield
    finally:
        stop.set()
        thread.join()
        left.append(len(opened))
        for one in opened:
            one.close()
