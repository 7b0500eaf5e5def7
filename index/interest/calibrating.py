"""How likely a candidate at some height is interesting, from how labelled ones of that height turned out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, ndtri

from index.interest.opinion import Labels, Opinion

__all__ = ["CHANCE", "LEARNED", "UNLEARNED", "Calibration", "Doubles", "Prior", "calibrate", "heights"]

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a session before its labels.

    Attributes
    ----------
    mean, deviation
        Of the log odds of the interesting share, the mean height of interesting ones, and the logarithm of
        the standard deviation of their heights.
    shift, shift_deviation
        By how much the log odds of a candidate lie below those of a labelled object of its height, which
        was chosen where the candidate was passed over.
    is_fading
        Whether later labels tell more than earlier ones.
    unseen_chance, unseen_share
        How likely some interesting objects look like any others to the learner, and the largest share of all
        that these then are: labels hardly tell.
    """

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    shift: float
    shift_deviation: float
    is_fading: bool
    unseen_chance: float = 0.0
    unseen_share: float = 0.0


# Chosen on simulated sessions apart from those that coverage is reported on (docs/interest.md).
LEARNED = Prior(
    (-3.2, 1.7, -0.25),
    (1.3, 0.7, 0.25),
    shift=0.8,
    shift_deviation=0.2,
    is_fading=True,
    unseen_chance=0.3,
    unseen_share=0.5,
)
# An order that does not follow the labels chooses none for its sake.
UNLEARNED = Prior((-3.2, 0.5, -0.1), (1.3, 0.7, 0.2), shift=0, shift_deviation=0, is_fading=False)
# By chance interesting objects lie as all do.
CHANCE = Prior((-3.2, 0, 0), (1.3, 1e-3, 1e-3), shift=0, shift_deviation=0, is_fading=False)
# A label's weight falls to 1/e after so many later ones, or after this share of all.
_MEMORY, _MEMORY_SHARE = 65, 0.25
# Bins that labels are counted in, between these heights.
_BINS, _HIGHEST = 64, 4.0
# Importance sampling: draws a round, rounds, the degrees of freedom they are proposed with, and draws kept.
_PROPOSED, _ROUNDS, _FREEDOM, _DRAWS = 3000, 4, 5, 400
# The least rise of the log odds with height, so that the order stays strictly the learner's.
_RISE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The posterior of how likely an object of some height is interesting.

    Among the whole catalogue heights are normal by construction, of mean 0 and variance 1. Those of the
    interesting ones are taken to be normal as well (the binormal model of a detector; Green & Swets 1966,
    Signal Detection Theory and Psychophysics), with mean m and standard deviation s. Their share being q,
    the log odds of height h are ``logit q - log s - (h - m)^2 / (2 s^2) + h^2 / 2``, held level beyond their
    turning point.

    Attributes
    ----------
    draws
        logit q, m and log s, shape (400, 3).
    shifts
        What is taken from the log odds of candidates, shape (400,).
    unseen
        Chance of any candidate, whatever its height, to be one of the interesting objects that the learner
        cannot tell from others, shape (400,).
    """

    draws: Doubles
    shifts: Doubles
    unseen: Doubles

    def probability(self, height: Doubles) -> Doubles:
        """Mean over the draws, shape of ``height``; interpolated between 512 heights."""
        if not len(height):
            return np.empty(0)
        nodes = np.linspace(float(height.min()), float(height.max()) + 1e-9, 512)
        return np.asarray(np.interp(height, nodes, self.each(nodes).mean(axis=0)))

    def each(self, height: Doubles) -> Doubles:
        """Give the probability by every draw, shape (400, len(height))."""
        seen = expit(_log_odds(self.draws, height) - self.shifts[:, None])
        return np.asarray(seen + (1 - seen) * self.unseen[:, None])


def heights(opinion: Opinion, labels: Labels, population: NDArray[np.bool_]) -> tuple[Doubles, Doubles]:
    """Turn places in the learner's order into normal quantiles: 0 is the middle, 2.3 the best hundredth.

    Labelled objects stand where they would have stood without their label. Objects of one order share a
    height.

    Parameters
    ----------
    population
        What counts, shape (N,); labelled objects always do.

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
    ascending = np.argsort(order, kind="stable")
    below = np.empty(len(order))
    below[ascending] = (
        np.searchsorted(standing, order[ascending], "left")
        + np.searchsorted(standing, order[ascending], "right")
    ) / 2
    share = np.clip(below, 0.5, len(standing) - 0.5) / max(len(standing), 1)
    height = np.asarray(ndtri(share), dtype=np.float64) if len(standing) else np.zeros(len(order))
    return height, height[labels.rows]


def calibrate(height: Doubles, interesting: NDArray[np.bool_], prior: Prior, seed: int) -> Calibration:
    """Draw from the posterior by importance sampling, its proposals drawn nearer to it in every round.

    Parameters
    ----------
    height
        Of the labelled objects in the order they were labelled, shape (m,); none is allowed.
    interesting
        Whether each reached the threshold, shape (m,).
    """
    rng = np.random.default_rng(seed)
    mean, deviation = np.array(prior.mean), np.array(prior.deviation)
    age = len(height) - 1 - np.arange(len(height))
    weight = (
        np.exp(-age / max(_MEMORY, _MEMORY_SHARE * len(height))) if prior.is_fading else np.ones(len(age))
    )
    width = 2 * _HIGHEST / _BINS
    which = np.clip(((height + _HIGHEST) / width).astype(np.int64), 0, _BINS - 1)
    hits = np.bincount(which, weight * interesting, _BINS)
    misses = np.bincount(which, weight * ~interesting, _BINS)
    used = (hits + misses) > 0
    hits, misses = hits[used], misses[used]
    middle = np.asarray(-_HIGHEST + width * (np.flatnonzero(used) + 0.5), dtype=np.float64)
    centre, spread = mean, np.diag(deviation**2)
    for _ in range(_ROUNDS):
        standard = rng.normal(size=(_PROPOSED, 3))
        standard /= np.sqrt(rng.chisquare(_FREEDOM, _PROPOSED) / _FREEDOM)[:, None]
        proposed = centre + standard @ np.linalg.cholesky(spread).T
        log_proposal = -(_FREEDOM + 3) / 2 * np.log1p((standard**2).sum(axis=1) / _FREEDOM)
        odds = _log_odds(proposed, middle)
        log_posterior = log_expit(odds) @ hits + log_expit(-odds) @ misses
        log_posterior -= (((proposed - mean) / deviation) ** 2).sum(axis=1) / 2
        share = np.exp(log_posterior - log_proposal - (log_posterior - log_proposal).max())
        share /= share.sum()
        centre = share @ proposed
        off = proposed - centre
        # A little wider than the posterior, and never flat.
        spread = 1.2 * (off * share[:, None]).T @ off + 1e-9 * np.eye(3)
    kept = rng.choice(_PROPOSED, _DRAWS, p=share)
    shifts = rng.normal(prior.shift, prior.shift_deviation, _DRAWS)
    hidden = rng.uniform(0, prior.unseen_share, _DRAWS) * (rng.random(_DRAWS) < prior.unseen_chance)
    return Calibration(proposed[kept], shifts, hidden / (1 - hidden) * expit(proposed[kept, 0] - shifts))


def _log_odds(draws: Doubles, height: Doubles) -> Doubles:
    """Log odds of a labelled object by every draw, shape (len(draws), len(height))."""
    share, mean, log_spread = draws[:, :1], draws[:, 1:2], draws[:, 2:3]
    variance = np.exp(2 * log_spread)
    narrow = variance < 1
    turn = mean / np.where(np.abs(1 - variance) > 1e-9, 1 - variance, 1e-9)
    held = np.where(narrow, np.minimum(height[None], turn), np.maximum(height[None], turn))
    return np.asarray(
        share - log_spread - (held - mean) ** 2 / (2 * variance) + held**2 / 2 + _RISE * height[None]
    )
