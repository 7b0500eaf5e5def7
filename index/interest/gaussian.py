"""A Gaussian process on the scores, asking next for the largest expected improvement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import erfcx

from index.interest.features import Floats, squared_distances
from index.interest.opinion import Labels, Opinion

__all__ = ["gaussian_process", "log_expected_improvement"]

# The improvement that is asked for beyond the best score, on the scale 0 to 5 (Walmsley et al. 2022; Protege).
_TRADE_OFF = 0.5
_BLOCK = 16_384
Doubles = NDArray[np.float64]


def gaussian_process(values: Floats, labels: Labels, _start: Floats, _seed: int) -> Opinion:
    """Regress the scores by a Gaussian process with a rational quadratic kernel and noise."""
    x, y = values[labels.rows], labels.scores
    level, spread = float(y.mean()), float(y.std())
    between = squared_distances(x, x)
    scale = float(np.median(between[between > 0])) if np.any(between > 0) else 1.0
    noise = 0.1
    kernel = _rational_quadratic(between, scale).astype(np.float64) + noise * np.eye(len(y))
    factor = cho_factor(kernel, lower=True)
    weights = cho_solve(factor, (y - level) / spread)
    inverse = cho_solve(factor, np.eye(len(y)))
    held_out = y - spread * weights / np.diag(inverse)
    mean, deviation = np.empty(len(values), np.float32), np.empty(len(values), np.float32)
    for begin in range(0, len(values), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        across = _rational_quadratic(squared_distances(values[block], x), scale)
        mean[block] = level + spread * (across @ weights.astype(np.float32))
        solved = solve_triangular(factor[0].astype(np.float32), across.T, lower=True, check_finite=False)
        left = 1 - np.einsum("ij,ij->j", solved, solved)
        deviation[block] = spread * np.sqrt(np.maximum(left, 1e-6))
    acquisition = log_expected_improvement(
        mean.astype(np.float64), deviation.astype(np.float64), float(y.max()) + _TRADE_OFF
    )
    return Opinion(mean, acquisition.astype(np.float32), held_out.astype(np.float32))


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


def _rational_quadratic(squared: Floats, scale: float) -> Floats:
    """1 / (1 + d^2 / (2 l^2)), the kernel of mixture 1; ``scale`` is 2 l^2."""
    return np.asarray(1 / (1 + squared / np.float32(scale)), dtype=np.float32)
