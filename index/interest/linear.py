"""A linear probe: ridge regression of the scores, with what it does not know of each object."""

from __future__ import annotations

import numpy as np

from index.interest.features import Floats
from index.interest.opinion import Labels, Opinion

__all__ = ["linear_probe"]

# Penalties tried, in units of the features' variance 1; the one with the least leave-one-out error is kept.
_PENALTIES = np.geomspace(1, 1e4, 13)


def linear_probe(values: Floats, labels: Labels, _start: Floats, _seed: int) -> Opinion:
    """Regress the scores on the features.

    Leave-one-out predictions are those of the hat matrix H, y_i - (y_i - f_i) / (1 - H_ii) (Hastie,
    Tibshirani & Friedman 2009, eq. 7.64). The next looks go where score plus one standard error of the mean
    is largest.
    """
    x = values[labels.rows].astype(np.float64)
    y = labels.scores
    centre, level = x.mean(axis=0), y.mean()
    left, singular, right = np.linalg.svd(x - centre, full_matrices=False)
    projected = left.T @ (y - level)
    best = (np.inf, _PENALTIES[-1], y)
    for penalty in _PENALTIES:
        shrink = singular**2 / (singular**2 + penalty)
        fitted = level + left @ (shrink * projected)
        leverage = 1 / len(y) + (left**2) @ shrink
        held_out = y - (y - fitted) / np.maximum(1 - leverage, 1e-6)
        error = float(np.mean((y - held_out) ** 2))
        if error < best[0]:
            best = (error, penalty, held_out)
    error, penalty, held_out = best
    slope = right.T @ (singular / (singular**2 + penalty) * projected)
    order = (values - centre.astype(np.float32)) @ slope.astype(np.float32) + np.float32(level)
    spread = np.linalg.cholesky(
        error * np.linalg.inv((x - centre).T @ (x - centre) + penalty * np.eye(x.shape[1]))
    )
    doubt = np.linalg.norm((values - centre.astype(np.float32)) @ spread.astype(np.float32), axis=1)
    return Opinion(order, order + doubt, held_out.astype(np.float32))
