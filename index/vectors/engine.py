"""The one way to search a release: exact where it can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.duplicates import first_of_each
from index.vectors.exact import ExactStore
from index.vectors.plan import Plan, Searched
from index.vectors.planner import ApproximateIndex, Choice, choose
from index.vectors.store import Hits, VectorArray

__all__ = ["SearchEngine"]

Mask = NDArray[np.bool_]
Groups = NDArray[np.int32]


class SearchEngine:
    """Chooses how each search is done, does it, and says how.

    Parameters
    ----------
    exact
        Every vector of the release.
    approximate
        An index of them that is quicker and may miss some; None for small releases.
    alive
        Shape (n,): rows that can be hits at all; None when none was withdrawn.
    recall_at_10
        What an unfiltered search of the approximate index was measured to find.
    """

    def __init__(
        self,
        exact: ExactStore,
        approximate: ApproximateIndex | None = None,
        *,
        alive: Mask | None = None,
        recall_at_10: float | None = None,
    ) -> None:
        self.exact = exact
        self.approximate = approximate
        self.alive = alive
        self.recall_at_10 = recall_at_10
        self.n_total = exact.n if alive is None else int(np.count_nonzero(alive))

    def use_threads(self, threads: int) -> None:
        """Let each search run with so many OpenMP threads; until then it is one."""
        self.exact.threads = threads
        if self.approximate is not None:
            self.approximate.threads = threads

    def search(
        self,
        queries: VectorArray,
        k: int,
        *,
        allowed: Mask | None = None,
        exact: bool = False,
        groups: Groups | None = None,
    ) -> Searched:
        """Find the k most similar vectors of each query.

        Parameters
        ----------
        queries
            Unit vectors, float32, shape (Q, D).
        k
            At least 1; each query gets k hits, or all there are when fewer are allowed.
        allowed
            Shape (n,): rows that may be answered; None allows all.
        exact
            Compare every allowed vector, even where there is a quicker index.
        groups
            Shape (n,): rows of one number are one object, of which only the nearest is a hit.

        Raises
        ------
        BadQuery
            If a query is not finite or a shape does not fit.
        """
        allowed, n_allowed = self._allowed(allowed)
        choice = choose(self.n_total, n_allowed, self.exact.dimension, self.approximate, exact=exact)
        if groups is None or not len(queries):
            hits, n_redone = self._found(queries, k, allowed, n_allowed, choice)
        else:
            hits, n_redone = self._distinct(queries, k, allowed, n_allowed, choice, groups=groups)
        return Searched(hits, self._plan(choice, n_allowed, n_redone, len(hits.rows)))

    def above(
        self,
        query: VectorArray,
        min_score: float,
        limit: int,
        *,
        allowed: Mask | None = None,
        groups: Groups | None = None,
    ) -> Searched:
        """Find every vector at least as similar as ``min_score``, by comparing all that are allowed.

        Parameters
        ----------
        query
            Unit vector, float32, shape (D,).
        min_score
            Cosine; hits are at least as similar.
        limit
            Most hits returned, the nearest; ``is_truncated`` says whether there are more.
        allowed, groups
            As for :meth:`search`.

        Returns
        -------
        Searched
            Hits of one query, shape (1, K); K is 0 when nothing is as similar.

        Raises
        ------
        BadQuery
            As :meth:`search`, or if ``min_score`` is not finite.
        """
        allowed, n_allowed = self._allowed(allowed)
        rows, similarity = self.exact.above(query, min_score, allowed=allowed)
        if groups is not None:
            nearest = first_of_each(groups[rows])
            rows, similarity = rows[nearest], similarity[nearest]
        is_truncated = len(rows) > limit
        rows, similarity = rows[:limit], similarity[:limit]
        hits = Hits(rows[None], similarity[None], np.array([len(rows)], dtype=np.int64))
        what = "A search by similarity compares every allowed object"
        choice = Choice(
            "exact" if n_allowed == self.n_total else "subset",
            None,
            f"{what}, with an approximate index too." if self.approximate else f"{what}.",
        )
        return Searched(hits, self._plan(choice, n_allowed, 0, 1), is_truncated)

    def _allowed(self, allowed: Mask | None) -> tuple[Mask | None, int]:
        """Leave out what was withdrawn; None where every vector may be a hit."""
        if self.alive is not None:
            allowed = self.alive if allowed is None else allowed & self.alive
        return allowed, self.n_total if allowed is None else int(np.count_nonzero(allowed))

    def _found(
        self, queries: VectorArray, k: int, allowed: Mask | None, n_allowed: int, choice: Choice
    ) -> tuple[Hits, int]:
        """Search as chosen, each query that comes out short once more exactly; and how many those were."""
        if choice.effort is None or self.approximate is None:
            return self.exact.search(queries, k, allowed=allowed), 0
        hits = self.approximate.search(queries, k, allowed=allowed, effort=choice.effort)
        width = min(k, n_allowed)
        short = np.flatnonzero(hits.lengths < width)
        if len(short) in {0, len(hits.lengths)}:
            return (self.exact.search(queries, k, allowed=allowed) if len(short) else hits), len(short)
        rows = np.empty((len(hits.lengths), width), np.int64)
        similarity = np.empty(rows.shape, np.float32)
        whole = np.flatnonzero(hits.lengths >= width)
        rows[whole], similarity[whole] = hits.rows[whole, :width], hits.similarity[whole, :width]
        again = self.exact.search(queries[short], k, allowed=allowed)
        rows[short], similarity[short] = again.rows, again.similarity
        return Hits(rows, similarity, np.full(len(rows), width, dtype=np.int64)), len(short)

    def _distinct(
        self,
        queries: VectorArray,
        k: int,
        allowed: Mask | None,
        n_allowed: int,
        choice: Choice,
        *,
        groups: Groups,
    ) -> tuple[Hits, int]:
        """Search deeper until every query has k objects, or all are found."""
        depth = 2 * k
        while True:
            hits, n_redone = self._found(queries, depth, allowed, n_allowed, choice)
            kept = [first_of_each(groups[rows])[:k] for rows in hits.rows]
            if depth >= n_allowed or all(len(places) == k for places in kept):
                break
            depth *= 4
        places = np.array(kept, dtype=np.int64).reshape(len(kept), -1)
        rows = np.take_along_axis(hits.rows, places, axis=1)
        similarity = np.take_along_axis(hits.similarity, places, axis=1)
        return Hits(rows, similarity, np.full(len(rows), rows.shape[1], dtype=np.int64)), n_redone

    def _plan(self, choice: Choice, n_allowed: int, n_redone: int, n_queries: int) -> Plan:
        is_exact = choice.effort is None or (n_redone > 0 and n_redone == n_queries)
        redone = f" It fell short for {n_redone} of {n_queries} queries, for which every allowed object was compared."
        measured = self.recall_at_10 if n_allowed == self.n_total and not n_redone else None
        return Plan(
            strategy="redone" if n_redone else choice.strategy,
            is_exact=is_exact,
            recall_at_10=1.0 if is_exact else measured,
            n_total=self.n_total,
            n_allowed=n_allowed,
            effort=choice.effort,
            reason=choice.reason + (redone if n_redone else ""),
        )
