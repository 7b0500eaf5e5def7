"""The intrinsic dimension of a cloud of vectors, by two estimators."""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

__all__ = ["Dimension", "intrinsic_dimension"]

VectorArray = NDArray[np.float32]

_K = 20
_SAMPLE = 2000
# Facco et al. leave out the largest ratios, which say more about outliers than about the dimension.
_KEPT = 0.9


@dataclass(frozen=True)
class Dimension:
    """What both estimators say.

    Attributes
    ----------
    levina_bickel
        Levina & Bickel 2004 (NIPS 17), equation 9 with k = 20, averaged as inverses (MacKay & Ghahramani 2005).
    two_nn
        Facco et al. 2017, Scientific Reports 7, 12140.
    """

    levina_bickel: float
    two_nn: float


def intrinsic_dimension(vectors: VectorArray, rng: np.random.Generator) -> Dimension:
    """Estimate from the distances of 2,000 of the vectors to their 20 nearest among all.

    With T_j the distance to the j-th neighbour: 1/m = mean of log(T_k / T_j) over j < k and over the vectors;
    and d the slope through the origin of -log(1 - F) against log(T_2 / T_1), F their empirical distribution.

    Parameters
    ----------
    vectors
        Shape (N, D), N above 21; copies of a vector are left out.
    """
    chosen = rng.choice(len(vectors), min(_SAMPLE, len(vectors)), replace=False)
    squared, _ = faiss.knn(vectors[chosen], vectors, _K + 1, metric=faiss.METRIC_L2)
    distance = np.sqrt(np.maximum(squared[:, 1:].astype(np.float64), 0))
    distance = distance[distance[:, 0] > 1e-6]
    inverse = float(np.log(distance[:, -1:] / distance[:, :-1]).mean())
    ratio = np.sort(np.log(distance[:, 1] / distance[:, 0]))
    kept = int(_KEPT * len(ratio))
    empirical = -np.log1p(-np.arange(1, kept + 1) / len(ratio))
    slope = float(ratio[:kept] @ empirical / (ratio[:kept] @ ratio[:kept]))
    return Dimension(levina_bickel=1 / inverse, two_nn=slope)
