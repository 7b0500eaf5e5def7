"""The one way to search a release: exact where it can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.vectors.exact import ExactStore
from index.vectors.plan import Plan, Searched
from index.vectors.store import VectorArray

__all__ = ["SearchEngine"]


class SearchEngine:
    """Chooses how each search is done, does it, and says how.

    Parameters
    ----------
    exact
        Every vector of the release.
    alive
        Shape (n,): rows that can be hits at all; None when none was withdrawn.
    """

    def __init__(self, exact: ExactStore, *, alive: NDArray[np.bool_] | None = None) -> None:
        self.exact = exact
        self.alive = alive
        self.n_total = exact.n if alive is None else int(alive.sum())

    def search(self, queries: VectorArray, k: int, *, allowed: NDArray[np.bool_] | None = None) -> Searched:
        """Find the k most similar vectors of each query.

        Parameters
        ----------
        queries
            Unit vectors, float32, shape (Q, D).
        k
            At least 1; each query gets k hits, or all there are when fewer are allowed.
        allowed
            Shape (n,): rows that may be answered; None allows all.

        Raises
        ------
        BadQuery
            If a query is not finite or a shape does not fit.
        """
        if self.alive is not None:
            allowed = self.alive if allowed is None else allowed & self.alive
        hits = self.exact.search(queries, k, allowed=allowed)
        n_allowed = self.n_total if allowed is None else int(allowed.sum())
        plan = Plan(
            strategy="exact" if n_allowed == self.n_total else "subset",
            is_exact=True,
            recall_at_10=1.0,
            n_total=self.n_total,
            n_allowed=n_allowed,
            effort=None,
            reason="Every allowed object was compared.",
        )
        return Searched(hits, plan)
