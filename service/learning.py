"""What sessions have learned, held while it stands: features of each release, the last steps of each session."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar
from weakref import WeakKeyDictionary

from service.workers import Workers

if TYPE_CHECKING:
    from index.interest.features import Features
    from index.interest.step import Step
    from service.served import Served

__all__ = ["Learning"]

T = TypeVar("T")

#: Steps that may wait for their turn: each is a request.
_QUEUE: Final = 64
#: Of all steps held together. One takes 25 bytes for each object of its release.
_MOST_BYTES: Final = 128 << 20


class Learning:
    """Steps of sessions, few at a time, each taken once as long as nothing changes; safe between threads.

    Features take 160 bytes for each object of a release: they are made when the first session asks, shared by all of them, and
    go with the release.

    Parameters
    ----------
    threads
        Steps that are taken at the same time.
    """

    def __init__(self, *, threads: int) -> None:
        self._workers = Workers(threads=threads, queue=_QUEUE)
        self._features: WeakKeyDictionary[Served, Features] = WeakKeyDictionary()
        self._steps: OrderedDict[str, Step] = OrderedDict()
        self._making, self._looking = threading.Lock(), threading.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """Run what learns in a thread.

        Raises
        ------
        Busy
            If too many wait.
        """
        return await self._workers.run(work)

    def features(self, served: Served) -> Features:
        """Return the features of a release; its embeddings whitened."""
        with self._making:
            if served not in self._features:
                from index.interest.features import Features  # noqa: PLC0415 - loads scipy

                release = served.release
                self._features[served] = Features.of(release.store.stored(slice(None)))
            return self._features[served]

    def step(self, key: str, take: Callable[[], Step]) -> Step:
        """Return the step of a key: whatever it depends on is part of that."""
        with self._looking:
            if key in self._steps:
                self._steps.move_to_end(key)
                return self._steps[key]
        made = take()
        with self._looking:
            self._steps[key] = made
            while len(self._steps) > 1 and sum(map(_n_bytes, self._steps.values())) > _MOST_BYTES:
                self._steps.popitem(last=False)
        return made


def _n_bytes(step: Step) -> int:
    held = (step.interest, step.acquisition, step.probability, step.candidates, step.height)
    return sum(one.nbytes for one in held)
