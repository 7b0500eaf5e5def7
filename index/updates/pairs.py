"""Exact comparison of new vectors with all others, in one pass for both directions."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from index.vectors.exact import ExactStore
from index.vectors.store import VectorArray

__all__ = ["Pairs", "compare", "similarities", "wanting"]

# New vectors and stored ones that are multiplied at once: 16 MiB of products, which a core's caches nearly hold.
_NEW, _STORED = 256, 16384
# Two float32 products of unit vectors: candidates are taken with this margin, and scored again in double precision.
_ERROR = np.float32(4e-6)
_SCORED = 2**12


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of an object and a neighbour, ordered by object, then nearest first, then by the neighbour's row.

    Attributes
    ----------
    owner, neighbour
        Rows, int64, shape (P,).
    similarity
        In double precision, clipped to [-1, 1], shape (P,).
    """

    owner: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    similarity: NDArray[np.float64]

    @classmethod
    def ordered(cls, store: ExactStore, owner: NDArray[np.int64], neighbour: NDArray[np.int64]) -> Pairs:
        """Score pairs and order them."""
        similarity = similarities(store, owner, neighbour)
        order = np.lexsort((neighbour, -similarity, owner))
        return cls(owner[order], neighbour[order], similarity[order])

    def ranks(self) -> NDArray[np.int64]:
        """Return the place of each pair among those of its owner, from 0, shape (P,)."""
        starts = np.flatnonzero(np.diff(self.owner, prepend=-1))
        return np.arange(len(self.owner)) - np.repeat(starts, np.diff(starts, append=len(self.owner)))

    def first(self, k: int) -> Pairs:
        """Return the first ``k`` pairs of each owner."""
        kept = self.ranks() < k
        return Pairs(self.owner[kept], self.neighbour[kept], self.similarity[kept])


def similarities(store: ExactStore, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the similarity of rows pairwise, summed in double precision as searches do, shape (P,)."""
    found = np.empty(len(left), np.float64)
    for start in range(0, len(left), _SCORED):
        part = slice(start, start + _SCORED)
        a, b = (store.vectors(rows[part]).astype(np.float64) for rows in (left, right))
        found[part] = np.einsum("pd,pd->p", a, b)
    return np.clip(found, -1, 1)


def compare(
    store: ExactStore,
    new: NDArray[np.int64],
    others: NDArray[np.int64],
    k: int,
    floor: NDArray[np.float32],
    *,
    threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Pairs, Pairs]:
    """Multiply new vectors with all that are alive, once, and keep what either side needs.

    Memory holds what is kept, about k pairs of each new row and as many of the others together.

    Parameters
    ----------
    new
        Rows, int64.
    others
        All living rows, the new ones among them, rising.
    k
        Neighbours wanted of each new row.
    floor
        Shape (store.n,): a row wants to know of new neighbours at least as similar; infinity for none.
    threads
        Blocks multiplied at once; 0 means as many as there are cores.

    Returns
    -------
    tuple
        The k nearest of each new row, fewer where there are fewer others; and (row, new neighbour) at or above the
        floor.
    """
    job = _Comparison(store, others, k, floor)
    blocks = [new[start : start + _NEW] for start in range(0, len(new), _NEW)]
    parts = []
    # Blocks are shared among Python threads, each multiplying with one: the comparisons of the products with their
    # limits, which take as long as the products, run on all cores then.
    with threadpool_limits(1), ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for done, part in enumerate(pool.map(job.run, blocks), start=1):
            parts.append(part)
            if progress is not None:
                progress(min(done * _NEW, len(new)), len(new))
    nearest, reached = (
        [np.concatenate([np.empty(0, np.int64), *column]) for column in zip(*side, strict=True)]
        if side
        else [np.empty(0, np.int64)] * 2
        for side in ([near for near, _ in parts], [above for _, above in parts])
    )
    return Pairs.ordered(store, *nearest).first(k), Pairs.ordered(store, *reached)


def wanting(
    store: ExactStore, new: NDArray[np.int64], others: NDArray[np.int64], floor: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return those of ``others`` to which one of the new rows is about as similar as their floor, or more."""
    found = np.zeros(len(others), np.bool_)
    for start in range(0, len(others), _STORED):
        part = slice(start, start + _STORED)
        rows = others[part]
        stored, limit = store.vectors(rows), floor[rows] - _ERROR
        for first in range(0, len(new), _NEW):
            found[part] |= (store.vectors(new[first : first + _NEW]) @ stored.T).max(axis=0) >= limit
    return others[found]


_Columns = tuple[NDArray[np.int64], NDArray[np.int64]]


class _Comparison:
    """What all blocks of one comparison share."""

    def __init__(
        self, store: ExactStore, others: NDArray[np.int64], k: int, floor: NDArray[np.float32]
    ) -> None:
        self._store, self._others, self._k = store, others, k
        self._floor = floor - _ERROR

    def run(self, own: NDArray[np.int64]) -> tuple[_Columns, _Columns]:
        """Compare one block of new rows: (own, neighbour) of its nearest, (row, own) of who wants to know."""
        queries = np.ascontiguousarray(self._store.vectors(own))
        best = _Best(len(own), self._k)
        wanting: list[NDArray[np.int64]] = []
        wanted: list[NDArray[np.int64]] = []
        for start in range(0, len(self._others), _STORED):
            rows = self._others[start : start + _STORED]
            product = queries @ self._store.vectors(rows).T
            # Rows rise: a new row stands where it is found, and is no neighbour of itself.
            at = np.minimum(np.searchsorted(rows, own), len(rows) - 1)
            here = np.flatnonzero(rows[at] == own)
            product[here, at[here]] = -np.inf
            best.take(product, rows)
            query, column = np.divmod(np.flatnonzero(product >= self._floor[rows]), len(rows))
            wanting.append(rows[column])
            wanted.append(own[query])
        query, neighbour = best.pairs()
        return (own[query], neighbour), (np.concatenate(wanting), np.concatenate(wanted))


class _Best:
    """The candidates for the k nearest of some queries, while blocks of products come in."""

    def __init__(self, n: int, k: int) -> None:
        self._k, self._most = k, 2 * n * k
        self._limit: VectorArray = np.full((n, 1), -2, np.float32)
        self._query: list[NDArray[np.int64]] = []
        self._row: list[NDArray[np.int64]] = []
        self._similarity: list[VectorArray] = []
        self._held = 0

    def take(self, product: VectorArray, rows: NDArray[np.int64]) -> None:
        """Keep the products of a block, shape (n, len(rows)), that may belong to the nearest."""
        if self._held == 0 and product.shape[1] > self._k:
            # Most of the first block is far: its own k-th best is a limit already.
            self._limit = np.partition(product, -self._k, axis=1)[:, [-self._k]] - _ERROR
        at = np.flatnonzero(product >= self._limit)
        query, column = np.divmod(at, len(rows))
        self._query.append(query)
        self._row.append(rows[column])
        self._similarity.append(product.reshape(-1)[at])
        self._held += len(at)
        if self._held > self._most:
            self._compact()

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (query, row) of all that may belong to the k nearest."""
        self._compact()
        return self._query[0], self._row[0]

    def _compact(self) -> None:
        query, row = np.concatenate(self._query), np.concatenate(self._row)
        similarity: VectorArray = np.concatenate(self._similarity)
        order = np.lexsort((-similarity, query))
        query, row, similarity = query[order], row[order], similarity[order]
        starts = np.searchsorted(query, np.arange(len(self._limit)))
        counts = np.diff(starts, append=len(query))
        full = counts >= self._k
        kth = similarity[np.minimum(starts + self._k - 1, len(query) - 1)]
        self._limit[full, 0] = kth[full] - _ERROR
        kept = similarity >= self._limit[query, 0]
        self._query, self._row, self._similarity = [query[kept]], [row[kept]], [similarity[kept]]
        self._held = int(kept.sum())
        # Ties without end would be compacted at every block.
        self._most = max(self._most, 2 * self._held)
