"""From an API key to its owner, remembered for seconds."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.orm import Session, sessionmaker

from service.operations.refusals import KeyInvalid
from service.records.keys import KeyRow, find_key, hash_of

__all__ = ["REMEMBERED_SECONDS", "KeyRing"]

#: A key that was revoked is taken for at most this long by a process that knows it.
REMEMBERED_SECONDS: Final = 5.0
_KEY = re.compile(r"sk_[A-Za-z0-9_-]{43}", re.ASCII)
_MOST = 1024


class KeyRing:
    """Looks keys up in the database, those that open something once in five seconds; safe between threads.

    Keys are compared by their SHA-256, in the database's index: what the time of a comparison could tell is a
    hash's beginning, which leads nobody to a key.
    """

    def __init__(
        self, sessions: sessionmaker[Session], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sessions, self._clock = sessions, clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[KeyRow, float]] = {}

    def remembered(self, key: str) -> str | None:
        """Return a key's owner from memory alone, or None; asks no database."""
        with self._lock:
            row, until = self._known.get(hash_of(key), (None, 0.0))
        if row is None or self._clock() >= until or not row.opens(datetime.now(UTC)):
            return None
        return row.owner

    def owner(self, key: str) -> str:
        """Return the owner of a key.

        Raises
        ------
        KeyInvalid
            If it is no key, or one that was revoked or has expired: the same answer for each.
        """
        owner = self.remembered(key)
        if owner is not None:
            return owner
        row = None
        if _KEY.fullmatch(key):
            with self._sessions() as session:
                row = find_key(session, hash_of(key))
        if row is None or not row.opens(datetime.now(UTC)):
            raise KeyInvalid(
                "The key is unknown, expired or revoked. Ask whoever runs this service for another one."
            )
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[hash_of(key)] = (row, self._clock() + REMEMBERED_SECONDS)
        return row.owner
