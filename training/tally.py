"""What an epoch adds up to: the means of its losses, its speed, and whether its numbers are numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from torch import Tensor

__all__ = ["Tally"]

_DIGITS = 5


class Tally:
    """Sums over the batches of an epoch, kept on the device so that nothing waits for them.

    Sums are part of a run's state, as an epoch may be resumed in its middle; the clock is not: speed is that of this
    process.
    """

    def __init__(self) -> None:
        self._sums: dict[str, float | Tensor] = {}
        self._counts: dict[str, int] = {}
        self.start()

    def start(self, *, waited: float = 0.0) -> None:
        """Begin to measure speed.

        Parameters
        ----------
        waited
            Seconds that the run has waited for data so far.
        """
        self._images, self._began, self._waited = 0, time.perf_counter(), waited

    def add(self, values: Mapping[str, float | Tensor], *, images: int = 0) -> None:
        """Add one batch's, or one step's, numbers."""
        self._images += images
        for name, value in values.items():
            number = value.detach().double() if isinstance(value, Tensor) else value
            self._sums[name] = self._sums.get(name, 0.0) + number
            self._counts[name] = self._counts.get(name, 0) + 1

    @property
    def is_finite(self) -> bool:
        """Whether no NaN and no infinity has been added; waits for the device."""
        return all(math.isfinite(total) for total in self._sums.values())

    def means(self) -> dict[str, float]:
        """Return the mean of everything added."""
        return {name: round(float(total) / self._counts[name], _DIGITS) for name, total in self._sums.items()}

    def speed(self, *, waited: float) -> dict[str, float]:
        """Return images a second and the share of the time in which the network waited for data."""
        seconds = time.perf_counter() - self._began
        return {
            "images_per_s": round(self._images / seconds, 1),
            "loader_share": round((waited - self._waited) / seconds, 4),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the sums as plain numbers."""
        return {
            "sums": {name: float(total) for name, total in self._sums.items()},
            "counts": dict(self._counts),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to such sums."""
        self._sums, self._counts = dict(state["sums"]), dict(state["counts"])
