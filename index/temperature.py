"""One number that makes a network as sure of itself as it may be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from index.pdf import FloatArray, RedshiftGrid, cde_loss

__all__ = ["fit_temperature", "softmax"]

_HOTTEST = 5.0


def softmax(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> FloatArray:
    """Return probabilities of shape (Q, B), whose rows sum to 1."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def fit_temperature(logits: NDArray[np.floating[Any]], grid: RedshiftGrid, z_spec: FloatArray) -> float:
    """Return the temperature between 1/5 and 5 whose softmax has the least CDE loss.

    References
    ----------
    Guo et al. 2017, Proc. ICML 70, 1321, with the likelihood in place of the CDE loss.
    """
    reach = float(np.log(_HOTTEST))
    found = minimize_scalar(
        lambda log: cde_loss(softmax(logits, float(np.exp(log))), grid, z_spec),
        bounds=(-reach, reach),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return float(np.exp(found.x))
