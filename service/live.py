"""Releases that become active while the service runs: opened beside those that answer, tried, then swapped in."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from service.opening import NotServable, is_stale, reopen

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["Live"]

logger = logging.getLogger(__name__)

# What cannot be opened is tried again after pauses that grow to this, in seconds, or when the catalogue changes.
_LONGEST_PAUSE: Final = 300.0
_JOIN_SECONDS: Final = 30.0


class Live:
    """A thread that follows the catalogue; requests never wait for it.

    A request keeps what it began with (:func:`service.dependencies.resources_of`), and what was served before goes with the
    last of them.

    Parameters
    ----------
    resources
        What is served at first.
    swap
        Puts another set in its place, by one assignment.
    seconds
        Between two looks at the catalogue; 0 looks only when :meth:`wake` is called.
    """

    def __init__(self, resources: Resources, swap: Callable[[Resources], None], *, seconds: float) -> None:
        self._current, self._swap = resources, swap
        self._seconds = seconds
        self._told = resources.shared.swapping
        self._again_at, self._pause = 0.0, 0.0
        self._failed: object = None
        self._woken, self._is_over = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="releases", daemon=True)

    def __enter__(self) -> Self:
        self._told.tell("current" if self._seconds else "off")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._woken.set()
        self._thread.join(_JOIN_SECONDS)

    def wake(self) -> None:
        """Look at once, and try again what failed."""
        self._again_at = 0.0
        self._woken.set()

    def look(self) -> bool:
        """Compare what is served with the catalogue; swap if that says something else. Returns whether it did.

        Whatever goes wrong, what is served stays.
        """
        try:
            wanted = is_stale(self._current)
            if wanted is None:
                self._failed = None
                self._told.tell("current")
                return False
            if wanted == self._failed and time.monotonic() < self._again_at:
                return False
            return self._replace(wanted)
        except NotServable as error:
            if self._told.tell("failed", str(error)):
                logger.warning("releases not swapped", extra={"reason": str(error)})
        except Exception:
            self._told.tell("failed", "The releases cannot be opened; the log has the reason.")
            logger.exception("releases not swapped")
        return False

    def _replace(self, wanted: object) -> bool:
        begun = time.monotonic()
        self._pause = (
            min(2 * self._pause or self._seconds, _LONGEST_PAUSE) if wanted == self._failed else self._seconds
        )
        self._failed, self._again_at = wanted, begun + self._pause
        if not self._told.is_failed:
            self._told.tell("opening")
        new = reopen(self._current)
        self._current, self._failed = new, None
        self._swap(new)
        self._told.tell("current")
        facts = {"releases": sorted(new.releases), "seconds": round(time.monotonic() - begun, 3)}
        logger.info("releases swapped", extra=facts)
        return True

    def _run(self) -> None:
        while True:
            self._woken.wait(self._seconds or None)
            self._woken.clear()
            if self._is_over:
                return
            self.look()
