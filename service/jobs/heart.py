"""The thread that keeps a lease alive while its chunk is answered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from sqlalchemy.exc import SQLAlchemyError

from service.jobs.lease import Lease, Leases

__all__ = ["Heart"]

logger = logging.getLogger(__name__)

# A heart beats three times in a lease, and for so many leases.
_BEATS: Final = 3
_PATIENCE: Final = 60


class Heart:
    """Keeps a lease alive while the block runs, from a thread of its own.

    Parameters
    ----------
    give_up
        Called when the block runs beyond all patience (sixty leases): it hangs, and so must its process end.

    Attributes
    ----------
    is_lost
        Whether somebody else has the chunk now, or the job was ended: what is computed is for nothing.
    """

    def __init__(self, leases: Leases, lease: Lease, *, give_up: Callable[[], None] | None = None) -> None:
        self._leases, self._lease, self._give_up = leases, lease, give_up
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)
        self.is_lost = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _beat(self) -> None:
        for _ in range(_BEATS * _PATIENCE):
            if self._is_over.wait(self._leases.seconds / _BEATS):
                return
            try:
                if not self._leases.extend(self._lease):
                    self.is_lost = True
                    return
            except SQLAlchemyError:
                # If the database is away for longer than the lease, the token decides.
                logger.warning("lease not extended", extra={"job": self._lease.spec.job_id})
        self.is_lost = True
        logger.error("chunk hangs", extra={"job": self._lease.spec.job_id, "chunk": self._lease.number})
        if self._give_up is not None:
            self._give_up()
