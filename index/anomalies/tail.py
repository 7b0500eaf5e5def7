"""How probable so odd a score is among the galaxies of the reference sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

__all__ = ["Tail", "fit_pareto"]

# Share of the sample beyond the threshold (Coles 2001, An Introduction to Statistical Modeling of Extreme Values, §4.3).
_BEYOND = 0.05
# Fewer excesses tell no shape: the tail is then exponential.
_ENOUGH = 30
_FEWEST = 10
# What is left of the exponential of a score hundreds of scales beyond: larger than zero, so that its logarithm is finite.
_LEAST = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The probability that a galaxy of the reference sample scores at least so high.

    In the body it is the sample's own share, linear between scores; beyond a threshold, the 95 % quantile of a large
    sample, it follows a generalised Pareto distribution, as excesses over a high threshold do (Pickands 1975, Ann. Stat. 3, 119;
    Coles 2001, §4.2): so scores beyond the sample's largest keep their order and their magnitude.

    Attributes
    ----------
    scores
        Of the sample, rising, shape (n,).
    n_beyond
        How many of them lie beyond the threshold.
    scale, shape
        Of the Pareto distribution: sigma > 0, in units of the score, and xi >= 0. A negative shape would end the tail and
        give whatever lies beyond the end one probability, zero; an exponential tail promises less.
    """

    scores: NDArray[np.float64]
    n_beyond: int
    scale: float
    shape: float

    @classmethod
    def fitted(cls, scores: NDArray[np.float64]) -> Tail:
        """Fit the scores of a reference sample, shape (n,), in any order."""
        ordered = np.sort(scores)
        n_beyond = max(int(np.ceil(_BEYOND * len(ordered))), min(_FEWEST, len(ordered) // 2))
        n_beyond = min(n_beyond, len(ordered) - 1)
        excess = ordered[len(ordered) - n_beyond :] - ordered[-n_beyond - 1]
        excess = excess[excess > 0]
        scale, shape = fit_pareto(excess)
        return cls(ordered, n_beyond, scale, shape)

    @property
    def threshold(self) -> float:
        """The score that the tail begins at."""
        return float(self.scores[-self.n_beyond - 1])

    def probability(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the tail probability of each score, shape (Q,): in (0, 1], never rising with the score."""
        n = len(self.scores)
        known, first = np.unique(self.scores, return_index=True)
        body = np.interp(scores, known, (n - first) / n)
        # The threshold is itself reached by one more than lie beyond it.
        start = float(np.interp(self.threshold, known, (n - first) / n))
        excess = np.maximum(scores - self.threshold, 0) / self.scale
        log_share = -np.log1p(self.shape * excess) / self.shape if self.shape > 0 else -excess
        tail = start * np.exp(log_share)
        return np.maximum(np.where(scores > self.threshold, tail, body), _LEAST)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as plain arrays."""
        return {"scores": self.scores, "pareto": np.array([self.n_beyond, self.scale, self.shape])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Tail:
        """Take back what :meth:`to_arrays` gave.

        Raises
        ------
        KeyError, ValueError
            If an array is missing or makes no distribution.
        """
        scores = np.asarray(arrays["scores"], dtype=np.float64)
        n_beyond, scale, shape = (float(one) for one in arrays["pareto"])
        if scores.ndim != 1 or not np.isfinite(scores).all() or (np.diff(scores) < 0).any():
            raise ValueError("reference scores that do not rise")
        if not (0 <= n_beyond < len(scores) and scale > 0 and shape >= 0):
            raise ValueError(f"a tail of {n_beyond:g} scores with scale {scale:g} and shape {shape:g}")
        return cls(scores, int(n_beyond), scale, shape)


def fit_pareto(excess: NDArray[np.float64]) -> tuple[float, float]:
    """Fit a generalised Pareto distribution of shape at least 0 by maximum likelihood.

    The likelihood is maximised along theta = shape / scale alone, at whose every value the best shape is the mean of log(1 +
    theta * excess) (Grimshaw 1993, Technometrics 35, 185); theta = 0 is the exponential distribution.

    Parameters
    ----------
    excess
        Positive, shape (n,). Of fewer than 30 the exponential is fitted; of none the scale is 1.

    Returns
    -------
    scale, shape
        sigma > 0 and xi >= 0.
    """
    if not len(excess):
        return 1.0, 0.0
    mean = float(excess.mean())
    if len(excess) < _ENOUGH:
        return mean, 0.0

    def cost(log_theta: float) -> float:
        theta = np.exp(log_theta)
        shape = float(np.log1p(theta * excess).mean())
        return float(np.log(shape / theta) + shape)

    # From a shape of about 0.0001 to one of about 10.
    bounds = np.log(1e-4 / mean), np.log(1e4 / mean)
    best = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    # What the exponential distribution costs: the limit of theta = 0.
    if best.fun >= np.log(mean):
        return mean, 0.0
    theta = float(np.exp(best.x))
    shape = float(np.log1p(theta * excess).mean())
    return shape / theta, shape
