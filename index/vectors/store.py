"""What every vector store answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["BadQuery", "Hits", "VectorArray", "VectorStore"]

VectorArray = NDArray[np.float32]


class BadQuery(ValueError):
    """A query that no store can answer: wrong shape, not finite, k below 1, a mask of another length."""


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Neighbours of Q queries, nearest first.

    When fewer than k rows are there (or allowed), the arrays are narrower. Exact searches never pad: every column is
    a real hit. Approximate ones may find more for one query than for another; then an answer ends at its length, and
    beyond it the row is -1 and the similarity minus infinity.

    Attributes
    ----------
    rows
        Rows of the store, int64, shape (Q, K) with K at most the k asked for; equal similarities are
        ordered by row.
    similarity
        Cosine in [-1, 1], float32, shape (Q, K), falling.
    lengths
        Hits of each query, shape (Q,).
    """

    rows: NDArray[np.int64]
    similarity: VectorArray
    lengths: NDArray[np.int64]


class VectorStore(Protocol):
    """Unit vectors that can be searched by cosine similarity."""

    @property
    def n(self) -> int:
        """Vectors held."""

    @property
    def dimension(self) -> int:
        """Length of each vector."""

    def search(self, queries: VectorArray, k: int, *, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """Find the k most similar vectors of each query.

        Parameters
        ----------
        queries
            Unit vectors, float32, shape (Q, D).
        k
            At least 1; more than ``n`` means all.
        allowed
            Shape (n,): rows that may be answered; None allows all.

        Raises
        ------
        BadQuery
            If a query is not finite or a shape does not fit.
        """

    def vector(self, row: int) -> VectorArray:
        """Return one stored vector, shape (D,)."""
