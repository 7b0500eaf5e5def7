"""The range of one quantity among the galaxies of a catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from index.reservations import Reading

__all__ = ["MARGIN", "Scale", "reading"]

FloatArray = NDArray[np.float64]

# The outermost 0.25 % at either end are left out: the freaks of a catalogue are no measure of what is usual.
_TAILS = (0.25, 99.75)
#: Readings and their limits are rounded to five digits.
MARGIN = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """A catalogue's values of one quantity, with the limits drawn from them.

    Attributes
    ----------
    values
        Finite, ascending.
    low, high
        Beyond them a value is unlikely.
    """

    values: FloatArray
    low: float
    high: float

    @classmethod
    def of(cls, values: FloatArray, margin: float) -> Scale:
        """Draw the limits a margin beyond all but the outermost values; there are none without values."""
        known = np.sort(values[np.isfinite(values)])
        if not len(known):
            return cls(known, -np.inf, np.inf)
        low, high = np.percentile(known, _TAILS)
        return cls(known, float(low - margin), float(high + margin))

    def holds(self, values: FloatArray) -> NDArray[np.bool_]:
        """Whether values lie between the limits by more than readings are rounded; False for NaN."""
        low, high = self.low + MARGIN * abs(self.low), self.high - MARGIN * abs(self.high)
        return np.asarray((values > low + MARGIN) & (values < high - MARGIN))

    def percentile(self, value: float) -> float | None:
        """Return the share of the values that are at most as large, in per cent."""
        if not len(self.values) or not isfinite(value):
            return None
        return 100 * float(np.searchsorted(self.values, value, side="right")) / len(self.values)

    def quantiles(self, *levels: float) -> tuple[float, ...]:
        """Return the values below which these shares, in per cent, lie; NaN without values."""
        if not len(self.values):
            return (float("nan"),) * len(levels)
        return tuple(np.percentile(self.values, levels).tolist())


def reading(
    name: str,
    value: float,
    unit: str,
    scale: Scale,
    *,
    band: str | None = None,
    log: bool = False,
    times: float = 1.0,
    high: bool = True,
) -> Reading:
    """Return a reading; with ``log`` the scale is that of the decimal logarithm, the reading is not."""

    def shown(number: float) -> float | None:
        if not isfinite(number):
            return None
        return float(f"{times * 10**number if log else number:.5g}")

    percentile = scale.percentile(value)
    return Reading(
        name,
        band,
        shown(value),
        unit,
        shown(scale.low),
        shown(scale.high) if high else None,
        None if percentile is None else round(percentile, 3),
    )
