"""How much of what is interesting has been seen, and how much more must be looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from index.interest.step import Step

__all__ = ["LEAST_FOUND", "Forecast", "Reach", "forecast"]

Doubles = NDArray[np.float64]

# So many interesting ones must have been found before a share of all can be named.
LEAST_FOUND = 5
_POINTS = 160


@dataclass(frozen=True, slots=True)
class Reach:
    """How many more must be inspected; None where more than there are may be needed.

    Attributes
    ----------
    n, low, high
        The median and the band.
    """

    n: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Recall against what is inspected from now on, in the order of ``Step.probability``.

    Attributes
    ----------
    inspected
        Objects looked at from now on, 0 first, all candidates last, shape (T,).
    recall
        Share of all interesting objects, found ones included, that is found by then: median, shape (T,).
    low, high
        The band that holds the truth with probability ``level``, each quantile by itself, shape (T,).
    level
        0.8 unless asked.
    total
        Interesting objects in all: median and band.
    found
        Interesting objects found so far.
    reason
        Why nothing should be concluded yet, or None.
    """

    inspected: NDArray[np.int64]
    recall: Doubles
    low: Doubles
    high: Doubles
    level: float
    total: tuple[float, float, float]
    found: int
    reason: str | None
    _draws: NDArray[np.float32] = field(repr=False)

    def to_reach(self, target: float = 0.8) -> Reach | None:
        """How many more to inspect for a recall of ``target``; None while there is a reason not to say."""
        if self.reason is not None:
            return None
        after = (self._draws >= target - 1e-6).argmax(axis=1)
        before = np.maximum(after - 1, 0)
        each = np.arange(len(after))
        short, there = self._draws[each, before], self._draws[each, after]
        share = np.clip((target - short) / np.maximum(there - short, 1e-9), 0, 1)
        needed = np.ceil(self.inspected[before] + share * (self.inspected[after] - self.inspected[before]))
        low, middle, high = np.quantile(needed, _quantiles(self.level), method="inverted_cdf")
        return Reach(int(middle), int(low), int(high))


def forecast(step: Step, *, level: float = 0.8, seed: int = 0) -> Forecast:
    """Forecast the recall of inspecting the candidates by probability, without learning further.

    Each draw of the calibration gives every candidate a probability, and chance decides which are
    interesting; the found ones and these are all there are.
    """
    rng = np.random.default_rng(seed)
    height = np.sort(step.height[step.candidates])[::-1]
    ends = np.unique(np.r_[0, np.geomspace(1, max(len(height), 1), _POINTS).astype(np.int64)])
    ends = ends[ends <= len(height)]
    sizes = np.diff(ends)
    middle = np.array([height[a:b].mean() for a, b in pairwise(ends)])
    chance = step.calibration.each(middle) if len(middle) else np.empty((len(step.calibration.draws), 0))
    gained = rng.binomial(sizes[None], chance)
    found = step.found + np.concatenate([np.zeros((len(gained), 1)), gained.cumsum(axis=1)], axis=1)
    total = found[:, -1]
    draws = np.where(total[:, None] > 0, found / np.maximum(total[:, None], 1), 1.0)
    low, median, high = np.quantile(draws, _quantiles(level), axis=0)
    low_n, median_n, high_n = np.quantile(total, _quantiles(level))
    return Forecast(
        inspected=ends,
        recall=median,
        low=low,
        high=high,
        level=level,
        total=(float(median_n), float(low_n), float(high_n)),
        found=step.found,
        reason=_reason(step),
        _draws=draws.astype(np.float32),
    )


def _quantiles(level: float) -> tuple[float, float, float]:
    return (1 - level) / 2, 0.5, (1 + level) / 2


def _reason(step: Step) -> str | None:
    if step.found < LEAST_FOUND:
        return f"{step.found} interesting objects are found so far; from {LEAST_FOUND} on their share of all can be said"
    if not step.learned:
        return "all labels have one score; label something of the other kind"
    return None
