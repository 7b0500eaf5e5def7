"""What becomes of the releases that the catalogue activates while the service runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

__all__ = ["SwapState", "Swapping"]

#: ``off``: read at start only. ``current``: what is served is what the catalogue says. ``opening``: another set is being
#: opened. ``failed``: it cannot be opened, and the one before answers.
SwapState = Literal["off", "current", "opening", "failed"]


@dataclass(frozen=True, slots=True)
class _Report:
    state: SwapState
    message: str | None
    since: datetime


class Swapping:
    """The state of the last swap: written by the thread that swaps, read by requests."""

    def __init__(self) -> None:
        self._report = _Report("off", None, datetime.now(UTC))

    def tell(self, state: SwapState, message: str | None = None) -> bool:
        """Set the state; returns whether that is news."""
        if (state, message) == (self._report.state, self._report.message):
            return False
        self._report = _Report(state, message, datetime.now(UTC))
        return True

    @property
    def is_failed(self) -> bool:
        """Whether the last set could not be opened."""
        return self._report.state == "failed"

    def to_json(self) -> dict[str, Any]:
        """Return the ``release_swap`` member of answers."""
        report = self._report
        since = report.since.isoformat(timespec="seconds")
        return {"state": report.state, "message": report.message, "since": since}
