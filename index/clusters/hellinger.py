"""How far Gaussian distributions lie from each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["hellinger"]


def hellinger(means: NDArray[np.float64], covariances: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return the Hellinger distance of every two Gaussians.

    .. math:: H^2 = 1 - \frac{|S_1|^{1/4} |S_2|^{1/4}}{|S|^{1/2}} \exp(-\tfrac18 \Delta^T S^{-1} \Delta),
        \quad S = (S_1 + S_2) / 2, \quad \Delta = m_1 - m_2

    Parameters
    ----------
    means
        Shape (K, d).
    covariances
        Shape (K, d, d), positive definite.

    Returns
    -------
    NDArray
        Shape (K, K), symmetric, from 0 (the same) to 1 (they share nothing).

    References
    ----------
    Pardo 2006, Statistical Inference Based on Divergence Measures, p. 51.
    """
    _, log_det = np.linalg.slogdet(covariances)
    both = (covariances[:, None] + covariances[None]) / 2
    _, log_det_both = np.linalg.slogdet(both)
    apart = means[:, None] - means[None]
    solved = np.linalg.solve(both, apart[..., None])[..., 0]
    exponent = (log_det[:, None] + log_det[None]) / 4 - log_det_both / 2 - (apart * solved).sum(axis=-1) / 8
    distance = np.sqrt(np.clip(1 - np.exp(exponent), 0, 1))
    # Symmetric to the last bit, and a Gaussian is no distance from itself.
    distance = np.maximum(distance, distance.T)
    np.fill_diagonal(distance, 0)
    return np.asarray(distance, dtype=np.float64)
