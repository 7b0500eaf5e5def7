"""Searches of concurrent requests, done together whenever a search thread is free."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from starlette.requests import ClientDisconnect

from index.vectors.plan import Searched
from index.vectors.store import Hits
from service.operations.refusals import Busy

if TYPE_CHECKING:
    from index.vectors.engine import SearchEngine
    from index.vectors.store import VectorArray

__all__ = ["MOST_TOGETHER", "Batcher"]

#: Vectors that are searched in one pass. Beyond it a pass gets longer and no vector cheaper.
MOST_TOGETHER: Final = 64


@dataclass(slots=True, eq=False)
class _Waiting:
    """One request's vectors, and who waits for what they find."""

    engine: SearchEngine
    queries: VectorArray
    k: int
    exact: bool
    future: asyncio.Future[Searched]
    loop: asyncio.AbstractEventLoop
    is_gone: Callable[[], bool] | None

    def goes_with(self, other: _Waiting) -> bool:
        return (self.engine is other.engine) and (self.k, self.exact) == (other.k, other.exact)

    @property
    def is_dropped(self) -> bool:
        return self.future.cancelled() or (self.is_gone is not None and self.is_gone())


class Batcher:
    """A bounded queue of searches, and threads that drain it.

    A free thread takes at once what waits, up to :data:`MOST_TOGETHER` vectors of one release and one ``k``, so that nobody
    waits for others to come, and the busier the service is the more vectors share one pass over the release. What a
    vector finds does not depend on those it was searched with.

    Parameters
    ----------
    threads
        Passes that run at the same time.
    queue
        Searches that may wait.
    """

    def __init__(self, *, threads: int, queue: int) -> None:
        self._most, self._n_free = queue, threads
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"search-{number}", daemon=True)
            for number in range(threads)
        ]
        self._is_started = False

    async def search(
        self,
        engine: SearchEngine,
        queries: VectorArray,
        k: int,
        *,
        exact: bool = False,
        is_gone: Callable[[], bool] | None = None,
    ) -> Searched:
        """Find the k most similar vectors of each query (:meth:`SearchEngine.search`).

        Parameters
        ----------
        queries
            Unit vectors, float32, shape (Q, D) with Q at most :data:`MOST_TOGETHER`.
        is_gone
            Whether the client is: then nothing is searched for it. Called from another thread.

        Raises
        ------
        Busy
            If too many searches wait.
        BadQuery
            As the engine's.
        ClientDisconnect
            If the client has gone.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Searched] = loop.create_future()
        waiting = _Waiting(engine, queries, k, exact, future, loop, is_gone)
        with self._changed:
            # What a free thread is about to take does not wait.
            if len(self._queue) >= self._most + self._n_free:
                raise Busy(
                    f"{len(self._queue)} searches are waiting (limit {self._most}). Try again in a second."
                )
            self._start()
            self._queue.append(waiting)
            self._changed.notify()
        return await future

    def close(self) -> None:
        """Let the threads end after the pass in hand."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _start(self) -> None:
        if not self._is_started:
            self._is_started = True
            for thread in self._threads:
                thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._is_closed:
                    self._changed.wait()
                if self._is_closed:
                    return
                taken = self._take()
                self._n_free -= 1
            try:
                _answer(taken)
            finally:
                # Nothing of a release that is swapped out may stay with a thread that waits.
                del taken
                with self._changed:
                    self._n_free += 1

    def _take(self) -> list[_Waiting]:
        """Take the first search that waits, and those that can be done with it."""
        first = self._queue.popleft()
        taken, room, others = [first], MOST_TOGETHER - len(first.queries), []
        while self._queue and room:
            one = self._queue.popleft()
            if one.goes_with(first) and len(one.queries) <= room:
                taken.append(one)
                room -= len(one.queries)
            else:
                others.append(one)
        self._queue.extendleft(reversed(others))
        return taken


def _answer(taken: Sequence[_Waiting]) -> None:
    """Search, and tell each event loop in one call."""
    gone = [one for one in taken if one.is_dropped]
    wanted = [one for one in taken if one not in gone]
    told: list[tuple[_Waiting, Searched | Exception]] = [(one, ClientDisconnect()) for one in gone]
    told += _searched(wanted)
    loops = {one.loop for one, _ in told}
    for loop in loops:
        own = [pair for pair in told if pair[0].loop is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_tell, own)


def _searched(wanted: Sequence[_Waiting]) -> list[tuple[_Waiting, Searched | Exception]]:
    if not wanted:
        return []
    first = wanted[0]
    try:
        queries = first.queries if len(wanted) == 1 else np.concatenate([one.queries for one in wanted])
        searched = first.engine.search(queries, first.k, exact=first.exact)
    except Exception as error:  # noqa: BLE001 - raised where it is waited for
        # One that cannot be searched spoils no other.
        return [(first, error)] if len(wanted) == 1 else _each(wanted)
    if len(wanted) > 1 and searched.plan.strategy == "redone":
        # How often an index fell short would be told of the whole pass.
        return _each(wanted)
    parts: list[tuple[_Waiting, Searched | Exception]] = []
    start = 0
    for one in wanted:
        part = slice(start, start + len(one.queries))
        hits = searched.hits
        own = Hits(hits.rows[part], hits.similarity[part], hits.lengths[part])
        parts.append((one, Searched(own, searched.plan)))
        start = part.stop
    return parts


def _each(wanted: Sequence[_Waiting]) -> list[tuple[_Waiting, Searched | Exception]]:
    return [pair for one in wanted for pair in _searched([one])]


def _tell(told: Sequence[tuple[_Waiting, Searched | Exception]]) -> None:
    for one, found in told:
        if one.future.done():
            continue
        if isinstance(found, Exception):
            one.future.set_exception(found)
        else:
            one.future.set_result(found)
