"""How likely a candidate at some rank is interesting, from how labelled ones of that rank turned out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from index.interest.opinion import Labels, Opinion

__all__ = ["Calibration", "calibrate", "heights"]

Doubles = NDArray[np.float64]

# Prior of the logit's intercept and of the logarithm of its slope per decade of rank: mean and deviation.
_PRIOR_MEAN, _PRIOR_DEVIATION = np.array([-5.0, 0.3]), np.array([2.0, 0.6])
_GRID = 61
_REACH = 4.0
_DRAWS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The posterior of ``P(interesting) = expit(a + b h)``, h being the height of an object.

    Attributes
    ----------
    draws
        a and b, shape (400, 2); b positive, so that the order stays the learner's.
    """

    draws: Doubles

    def probability(self, height: Doubles) -> Doubles:
        """Mean over the draws, shape of ``height``; interpolated between 512 heights."""
        nodes = np.linspace(0, max(float(height.max(initial=0)), 1e-3), 512)
        means = self.each(nodes).mean(axis=0)
        return np.asarray(np.interp(height, nodes, means))

    def each(self, height: Doubles) -> Doubles:
        """Give the probability by every draw, shape (400, len(height))."""
        return np.asarray(expit(self.draws[:, :1] + self.draws[:, 1:] * height[None]))


def heights(opinion: Opinion, labels: Labels, population: NDArray[np.bool_]) -> tuple[Doubles, Doubles]:
    """-log10 of the share of the population ranked as high or higher.

    Labelled objects stand where they would have stood without their label.

    Returns
    -------
    tuple
        Of every object, shape (N,), and of the labelled ones, shape (m,).
    """
    order = opinion.order.copy()
    order[labels.rows] = opinion.held_out
    counted = population.copy()
    counted[labels.rows] = True
    standing = np.sort(order[counted])
    above = len(standing) - np.searchsorted(standing, order, side="left")
    height = -np.log10(np.maximum(above, 1) / len(standing))
    return height, height[labels.rows]


def calibrate(height: Doubles, interesting: NDArray[np.bool_], seed: int) -> Calibration:
    """Draw from the posterior of a logistic regression on heights.

    Parameters
    ----------
    height
        Of the labelled objects, shape (m,); none is allowed.
    interesting
        Whether each reached the threshold, shape (m,).
    """
    axes = [
        np.linspace(mean - _REACH * deviation, mean + _REACH * deviation, _GRID)
        for mean, deviation in zip(_PRIOR_MEAN, _PRIOR_DEVIATION, strict=True)
    ]
    intercept, log_slope = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
    slope = np.exp(log_slope)
    standard = (np.stack([intercept, log_slope], 1) - _PRIOR_MEAN) / _PRIOR_DEVIATION
    log_posterior = -(standard**2).sum(axis=1) / 2
    for h, positive in zip(height, interesting, strict=True):
        logit = intercept + slope * h
        log_posterior -= np.logaddexp(0, -logit if positive else logit)
    weight = np.exp(log_posterior - log_posterior.max())
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(weight), _DRAWS, p=weight / weight.sum())
    jitter = [rng.uniform(-0.5, 0.5, _DRAWS) * (axis[1] - axis[0]) for axis in axes]
    return Calibration(np.stack([intercept[chosen] + jitter[0], np.exp(log_slope[chosen] + jitter[1])], 1))
