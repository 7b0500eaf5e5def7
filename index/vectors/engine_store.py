"""A store that searches as its release does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.vectors.engine import SearchEngine
from index.vectors.store import Hits, VectorArray

__all__ = ["EngineStore"]


class EngineStore:
    """Vectors found by the engine: by its approximate index where that is quicker, never short.

    Redshift evidence, anomaly scores and the recognition of images search so where comparing all galaxies would take
    seconds; see :class:`index.vectors.store.VectorStore`.
    """

    def __init__(self, engine: SearchEngine) -> None:
        self._engine = engine

    @property
    def n(self) -> int:
        """Vectors held."""
        return self._engine.exact.n

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._engine.exact.dimension

    def vector(self, row: int) -> VectorArray:
        """Return one stored vector, shape (D,)."""
        return self._engine.exact.vector(row)

    def search(self, queries: VectorArray, k: int, *, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """Find the k most similar vectors of each query, or all that are allowed."""
        return self._engine.search(queries, k, allowed=allowed).hits
