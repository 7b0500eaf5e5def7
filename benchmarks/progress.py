"""One line of progress with the time that is left, on stderr."""

from __future__ import annotations

import sys
import threading
import time

__all__ = ["Progress"]


class Progress:
    """Count steps from any thread; the line is rewritten every second at most."""

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        self._what, self._total, self._done, self._first = what, total, done, done
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._said = 0.0

    def step(self, note: str = "") -> None:
        """Count one more."""
        with self._lock:
            self._tell(self._done + 1, note)

    def to(self, done: int, note: str = "") -> None:
        """Count up to so many."""
        with self._lock:
            self._tell(done, note)

    def _tell(self, done: int, note: str) -> None:
        self._done = done
        now = time.monotonic()
        if now - self._said < 1 and self._done < self._total:
            return
        self._said = now
        spent, here = now - self._begun, self._done - self._first
        left = (self._total - self._done) * spent / here
        end = "\n" if self._done >= self._total else ""
        line = f"{self._what}: {self._done:,} of {self._total:,}, {here / spent:.1f}/s, {left:.0f} s left. {note}"
        sys.stderr.write(f"\r{line:<100}{end}")
        sys.stderr.flush()
