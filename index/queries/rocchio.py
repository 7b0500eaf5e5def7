"""One query vector from galaxies that are liked and galaxies that are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.vectors.store import BadQuery, VectorArray

__all__ = ["Weights", "mean_direction", "rocchio"]

# Shorter than this, a sum of unit vectors is what rounding left of vectors that cancel each other.
_SHORTEST = 1e-6


@dataclass(frozen=True, slots=True)
class Weights:
    """Shares of the parts of Rocchio's query.

    The defaults are those of Manning, Raghavan & Schuetze 2008, section 9.1.1; with all three 1 it is what Qdrant calls
    the average vector: twice the mean of the positives minus the mean of the negatives.

    Attributes
    ----------
    alpha
        Of the query itself, for which the mean of the positives stands: who asks with examples has no other.
    beta
        Of the mean of the positives.
    gamma
        Of the mean of the negatives, subtracted.
    """

    alpha: float = 1.0
    beta: float = 0.75
    gamma: float = 0.15


def rocchio(
    positives: VectorArray, negatives: VectorArray | None = None, weights: Weights | None = None
) -> VectorArray:
    """Move the query towards the positives and away from the negatives.

    Parameters
    ----------
    positives, negatives
        Unit vectors, shapes (P, D) and (N, D), P at least 1.

    Returns
    -------
    VectorArray
        Unit norm, shape (D,); of one positive without negatives that vector itself, to the bit.

    Raises
    ------
    BadQuery
        If what remains has no direction.

    References
    ----------
    Rocchio 1971, "Relevance feedback in information retrieval", in Salton (ed.), The SMART Retrieval System.
    """
    if len(positives) == 1 and (negatives is None or not len(negatives)):
        own: VectorArray = positives[0]
        return own
    weights = weights or Weights()
    query = (weights.alpha + weights.beta) * positives.mean(axis=0, dtype=np.float64)
    if negatives is not None and len(negatives):
        query -= weights.gamma * negatives.mean(axis=0, dtype=np.float64)
    return mean_direction(query)[0]


def mean_direction(vector: NDArray[np.float64]) -> tuple[VectorArray, float]:
    """Return a vector's direction (unit norm, float32) and its length.

    Raises
    ------
    BadQuery
        If it has no direction: the vectors that it was made of cancel each other.
    """
    length = float(np.linalg.norm(vector))
    if length < _SHORTEST:
        raise BadQuery(
            f"the examples cancel each other: what remains of them has length {length:.1e}. Leave some out, or ask by `max`"
        )
    return (vector / length).astype(np.float32), length
