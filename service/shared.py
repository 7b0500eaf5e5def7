"""What a process holds from its start to its end, whatever releases it serves meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from service.batching import Batcher
from service.jobs.store import JobStore
from service.kept_folder import KeptFolder
from service.keyring import KeyRing
from service.learning import Learning
from service.pins import Opener, Pins, opens_nothing
from service.settings import Settings
from service.swapping import Swapping
from service.workers import Fairness, Workers

if TYPE_CHECKING:
    from service.sandbox import Sandbox

__all__ = ["Shared"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Shared:
    """The database, the children that parse, the queues and the folders of one process.

    Attributes
    ----------
    opener
        Opens a release that is not served.
    """

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    sandbox: Sandbox
    opener: Opener = opens_nothing
    workers: Workers = field(init=False)
    searches: Batcher = field(init=False)
    fairness: Fairness = field(init=False)
    keyring: KeyRing = field(init=False)
    kept: KeptFolder = field(init=False)
    jobs: JobStore = field(init=False)
    pins: Pins = field(init=False)
    learning: Learning = field(init=False)
    swapping: Swapping = field(init=False, default_factory=Swapping)
    _parsing: CapacityLimiter = field(init=False)

    def __post_init__(self) -> None:
        workers = Workers(threads=self.settings.search_workers, queue=self.settings.search_queue)
        object.__setattr__(self, "workers", workers)
        searches = Batcher(threads=self.settings.search_threads, queue=self.settings.search_queue)
        object.__setattr__(self, "searches", searches)
        object.__setattr__(self, "fairness", Fairness(self.settings.heavy_per_client))
        object.__setattr__(self, "keyring", KeyRing(self.sessions))
        object.__setattr__(self, "kept", KeptFolder(self.settings.kept_dir))
        object.__setattr__(self, "jobs", JobStore(self.engine, self.settings))
        object.__setattr__(self, "pins", Pins(self.opener))
        object.__setattr__(self, "learning", Learning(threads=self.settings.learning_workers))
        # Uploads wait in threads of their own: the database and /readyz must find one free. One more than may wait is
        # for the one that is refused.
        waiting = self.settings.sandbox_children + self.settings.sandbox_queue
        object.__setattr__(self, "_parsing", CapacityLimiter(waiting + 1))

    async def in_sandbox(self, work: Callable[[], T]) -> T:
        """Run what waits for a parsing child in a thread."""
        return await to_thread.run_sync(work, limiter=self._parsing)

    def check_database(self) -> None:
        """Ask the database something.

        Raises
        ------
        sqlalchemy.exc.OperationalError
            If it does not answer.
        """
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close what holds files, connections and processes."""
        self.searches.close()
        self.sandbox.close()
        self.engine.dispose()
