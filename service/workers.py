"""Bounded threads for what would stop the event loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from service.clients import client_of
from service.operations.refusals import Busy, TooManyAtOnce

__all__ = ["Fairness", "Workers"]

T = TypeVar("T")


class Workers:
    """A few threads with a short queue; beyond it a request is refused rather than kept waiting.

    Parameters
    ----------
    threads
        Calls that run at the same time.
    queue
        Calls that may wait.
    """

    def __init__(self, *, threads: int, queue: int) -> None:
        self._limiter = CapacityLimiter(threads)
        self._most = threads + queue
        self._inside = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in a thread.

        Raises
        ------
        Busy
            If the queue is full.
        """
        if self._inside >= self._most:
            raise Busy(
                f"{self._inside} searches are running or waiting (limit {self._most}). Try again in a second."
            )
        self._inside += 1
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._inside -= 1


class Fairness:
    """How many heavy requests each client has running (:func:`client_of` says who is one).

    Used from the event loop only, so it needs no lock.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: Counter[str] = Counter()

    @contextmanager
    def hold(self, client: str) -> Iterator[None]:
        """Count one heavy request of ``client`` while the block runs.

        Raises
        ------
        TooManyAtOnce
            If the client has too many running.
        """
        client = client_of(client)
        if self._running[client] >= self._most:
            raise TooManyAtOnce(
                f"{self._most} heavy requests are running already, which is the limit. Wait for one to end."
            )
        self._running[client] += 1
        try:
            yield
        finally:
            self._running[client] -= 1
            if not self._running[client]:
                del self._running[client]
