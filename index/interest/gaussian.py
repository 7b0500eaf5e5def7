"""A Gaussian process on the scores, asking next for the largest expected improvement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx

from index.interest.features import Floats, squared_distances
from index.interest.opinion import Labels, Opinion

__all__ = ["Process", "fit_process", "gaussian_process", "log_expected_improvement"]

Doubles = NDArray[np.float64]

# The improvement that is asked for beyond the best score, on the scale 0 to 5 (Walmsley et al. 2022; Protege).
_TRADE_OFF = 0.5
# Length scales tried, in units of the root of the dimension, and noise variances in units of the signal's.
_LENGTHS, _NOISES = np.geomspace(0.2, 6, 10), np.geomspace(1e-3, 3, 12)
# Labels that the two are chosen by, and that the process is conditioned on: its cost grows with their cube.
_CHOOSING, _CONDITIONED = 300, 1000
# Numbers in the matrix that deviations are computed by, for each object: labels times axes.
_DEVIATION_COST = 60_000
_BLOCK = 2048  # so that a block's kernel stays in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Process:
    """A Gaussian process conditioned on scores.

    The kernel is ``variance / (1 + d^2 / (2 length^2))``, the rational quadratic of mixture 1, and the noise
    ``variance * noise``; the mean before any score is ``level``.

    Attributes
    ----------
    roots, axes
        Eigenvalues, ascending, of kernel and noise among the labelled objects over ``variance``, and eigenvectors.
    weights
        The inverse of that matrix times the scores less ``level``.
    """

    at: Floats
    level: float
    length: float
    noise: float
    variance: float
    roots: Doubles
    axes: Doubles
    weights: Doubles

    def predict(self, values: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the score without noise, each of shape (len(values),).

        Of more than 244 labels only the leading axes tell the deviation, which is then a little too large:
        it steers where to look, and would cost the square of the labels.
        """
        mean, deviation = np.empty(len(values), np.float32), np.empty(len(values), np.float32)
        weights = self.weights.astype(np.float32)
        leading = slice(max(0, len(self.roots) - _DEVIATION_COST // len(self.roots)), None)
        whitening = (self.axes[:, leading] / np.sqrt(self.roots[leading])).astype(np.float32)
        for begin in range(0, len(values), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            across = _kernel(squared_distances(values[block], self.at), self.length)
            mean[block] = self.level + across @ weights
            known = across @ whitening
            deviation[block] = 1 - np.einsum("nm,nm->n", known, known)
        return mean, np.sqrt(self.variance * np.maximum(deviation, 1e-6)).astype(np.float32)

    def left_out(self, scores: Doubles) -> Doubles:
        """Mean of each score given all others (Rasmussen & Williams 2006, eq. 5.12)."""
        return np.asarray(scores - self.weights / ((self.axes**2) / self.roots).sum(axis=1))


def gaussian_process(values: Floats, labels: Labels, _start: Floats, seed: int) -> Opinion:
    """Regress the scores by a Gaussian process and ask for the largest expected improvement.

    Of more than 1,000 labels it keeps the 500 highest and a random sample of the others; those left out
    are held out as they are.
    """
    rng = np.random.default_rng(seed)
    kept = np.arange(len(labels))
    if len(labels) > _CONDITIONED:
        by_score = np.argsort(-labels.scores, kind="stable")
        others = rng.choice(by_score[_CONDITIONED // 2 :], _CONDITIONED // 2, replace=False)
        kept = np.concatenate([by_score[: _CONDITIONED // 2], others])
    process = fit_process(values[labels.rows[kept]], labels.scores[kept], rng)
    mean, deviation = process.predict(values)
    held_out = mean[labels.rows]
    held_out[kept] = process.left_out(labels.scores[kept])
    sought = float(labels.scores.max()) + _TRADE_OFF
    acquisition = log_expected_improvement(mean.astype(np.float64), deviation.astype(np.float64), sought)
    return Opinion(mean, acquisition.astype(np.float32), held_out)


def fit_process(at: Floats, scores: Doubles, rng: np.random.Generator) -> Process:
    """Condition on scores, with the length and noise of the largest marginal likelihood on a grid.

    The variance has its maximum in closed form, and one decomposition serves every noise, so that 120
    settings cost ten decompositions. A grid neither fails to converge nor depends on where a search began:
    a session that is resumed answers as one that never stopped.

    Parameters
    ----------
    at, scores
        Features of the labelled objects, shape (m, d), and their scores, shape (m,), not all equal.
    rng
        Chooses the labels to judge settings by where there are more than 300.
    """
    level = float(scores.mean())
    chosen = np.arange(len(scores))
    if len(scores) > _CHOOSING:
        chosen = rng.choice(len(scores), _CHOOSING, replace=False)
        if np.ptp(scores[chosen]) == 0:
            chosen[0] = int(np.argmax(np.abs(scores - scores[chosen[0]])))
    squared = squared_distances(at[chosen], at[chosen])
    best = (np.inf, 0.0, 0.0)
    for length in np.sqrt(at.shape[1]) * _LENGTHS:
        roots, axes = np.linalg.eigh(_kernel(squared, length).astype(np.float64))
        projected = (axes.T @ (scores[chosen] - level)) ** 2
        for noise in _NOISES:
            noisy = np.maximum(roots, 0) + noise
            misfit = len(chosen) * np.log(np.mean(projected / noisy)) + np.log(noisy).sum()
            best = min(best, (float(misfit), float(length), float(noise)))
    _, length, noise = best
    kernel = _kernel(squared_distances(at, at), length).astype(np.float64)
    roots, axes = np.linalg.eigh(kernel)
    roots = np.maximum(roots, 0) + noise
    projected = axes.T @ (scores - level)
    return Process(
        at,
        level,
        length,
        noise,
        float(np.mean(projected**2 / roots)),
        roots,
        axes,
        axes @ (projected / roots),
    )


def log_expected_improvement(mean: Doubles, deviation: Doubles, best: float) -> Doubles:
    """Logarithm of E[max(f - best, 0)] for f normal: log(s (phi(z) + z Phi(z))), z = (mean - best) / s.

    Written with the scaled complementary error function, so that objects of hopelessly small improvement
    still have an order (Ament et al. 2023, arXiv:2310.20708); beyond z = -50 the bracket is phi(z) / z^2.
    """
    z = (mean - best) / deviation
    near = np.maximum(z, -50)
    bracket = 1 + np.sqrt(np.pi / 2) * near * erfcx(-near / np.sqrt(2))
    log_bracket = np.where(z > -50, np.log(np.maximum(bracket, 1e-300)), -2 * np.log(np.maximum(-z, 1)))
    return np.asarray(np.log(deviation) - z**2 / 2 - np.log(2 * np.pi) / 2 + log_bracket)


def _kernel(squared: Floats, length: float) -> Floats:
    """1 / (1 + d^2 / (2 l^2)), of squared distances."""
    kernel = squared * np.float32(1 / (2 * length**2))
    kernel += 1
    return np.asarray(np.reciprocal(kernel, out=kernel), dtype=np.float32)
