"""The neighbour graph of an updated release, exact, from that of the release before."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from index.neighbours import GRAPH_K, NeighbourGraph
from index.updates.pairs import Pairs, compare, similarities
from index.vectors.exact import ExactStore

__all__ = ["update_graph", "width"]

_BLOCK = 4096
_NOTHING = np.float32(-2)


def update_graph(
    base: NeighbourGraph,
    store: ExactStore,
    alive: NDArray[np.bool_],
    out: tuple[NDArray[np.int32], NDArray[np.float32]],
    *,
    threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> NeighbourGraph:
    """Give new rows their neighbours, and let old rows lose withdrawn neighbours and win new ones.

    Every list stays exact: a list of K neighbours holds all that are at least as near as its last one, so that a new
    object belongs to it if, and only if, it is nearer than that. A list that loses more than it wins gets shorter; one
    shorter than K / 2 is searched anew.

    Parameters
    ----------
    base
        Of the first rows of ``store``.
    store
        The vectors of all rows, the new ones last.
    alive
        Shape (store.n,): False for rows that are withdrawn, by this update or before.
    out
        Rows and similarities to write to, shape (store.n, :func:`width`).

    Returns
    -------
    NeighbourGraph
        Of ``out``.
    """
    n_base, n_others = len(base.rows), int(alive.sum()) - 1
    merge = _Merge(base, store, alive, out)
    new = np.arange(n_base, store.n)
    nearest, reached = compare(
        store, new, np.flatnonzero(alive), merge.k, merge.floor, threads=threads, progress=progress
    )
    blocks = [slice(start, min(start + _BLOCK, n_base)) for start in range(0, n_base, _BLOCK)]
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        list(pool.map(lambda block: merge.old(block, reached), blocks))
        merge.write(new, nearest)
        short = np.flatnonzero(alive & (merge.lengths < min(merge.k // 2, n_others)))
        list(pool.map(merge.search, np.array_split(short, -(-len(short) // 1024) or 1)))
    is_full = bool((merge.lengths == merge.k).all())
    return NeighbourGraph(*out, None if is_full else merge.lengths)


def width(n_alive: int) -> int:
    """Return how many neighbours of each row are kept among so many galaxies."""
    return min(GRAPH_K, n_alive - 1)


class _Merge:
    """Old lists and new neighbours on their way into one graph.

    Attributes
    ----------
    floor
        Shape (n,): similarity from which a new object may belong to a list.
    """

    def __init__(
        self,
        base: NeighbourGraph,
        store: ExactStore,
        alive: NDArray[np.bool_],
        out: tuple[NDArray[np.int32], NDArray[np.float32]],
    ) -> None:
        self._base, self._store, self._alive = base, store, alive
        self._rows, self._similarity = out
        self.k = out[0].shape[1]
        self.lengths = np.zeros(store.n, np.int32)
        n_base = len(base.rows)
        self._counts = np.full(n_base, base.k, np.int32) if base.lengths is None else base.lengths
        # What knows all others has no end before which a new one must come.
        self._is_whole = (
            self._counts >= np.count_nonzero(self._counts) - 1 if base.k else np.ones(n_base, bool)
        )
        last = np.clip(self._counts - 1, 0, None)[:, None]
        reach = np.take_along_axis(base.similarity, last, axis=1)[:, 0] if base.k else np.zeros(n_base)
        self.floor = np.full(store.n, np.inf, np.float32)
        self.floor[:n_base] = np.where(self._is_whole, _NOTHING, reach)
        self.floor[~alive] = np.inf

    def write(self, owners: NDArray[np.int64], pairs: Pairs) -> None:
        """Write the lists of some rows as they are."""
        self._clear(owners)
        ranks = pairs.ranks()
        self._rows[pairs.owner, ranks] = pairs.neighbour
        self._similarity[pairs.owner, ranks] = pairs.similarity
        self.lengths[owners] = (
            np.bincount(pairs.owner - owners[0], minlength=len(owners)) if len(owners) else 0
        )

    def old(self, block: slice, reached: Pairs) -> None:
        """Write the lists of a block of old rows."""
        own = np.arange(block.start, block.stop)
        low, high = np.searchsorted(reached.owner, (block.start, block.stop))
        owner, neighbour = reached.owner[low:high] - block.start, reached.neighbour[low:high]
        similarity = reached.similarity[low:high].astype(np.float32)
        floor = self.floor[block]
        at_end = similarity == floor[owner]
        inside = similarity > floor[owner]
        unsure = np.zeros(len(own), np.bool_)
        unsure[owner[at_end & ~self._is_whole[block][owner]]] = True
        pairs = Pairs(owner[inside], neighbour[inside], similarity[inside].astype(np.float64)).first(self.k)
        near = self._base.rows[block]
        kept = (np.arange(near.shape[1]) < self._counts[block, None]) & self._alive[near]
        kept &= self._alive[block, None]
        widest = int(np.bincount(pairs.owner, minlength=1).max(initial=0))
        added = np.zeros((len(own), widest), np.int64)
        key = np.full((len(own), widest), _NOTHING, np.float32)
        ranks = pairs.ranks()
        added[pairs.owner, ranks], key[pairs.owner, ranks] = pairs.neighbour, pairs.similarity
        keys = np.concatenate([np.where(kept, self._base.similarity[block], _NOTHING), key], axis=1)
        order = np.argsort(-keys, axis=1, kind="stable")
        keys = np.take_along_axis(keys, order, axis=1)
        # Equal to the last bit of float32, an old and a new neighbour: the double sums tell which is nearer.
        is_new = order >= near.shape[1]
        tied = (keys[:, 1:] == keys[:, :-1]) & (keys[:, 1:] > _NOTHING) & (is_new[:, 1:] != is_new[:, :-1])
        unsure |= tied.any(axis=1)
        rows = np.take_along_axis(np.concatenate([near, added], axis=1), order, axis=1)
        self._put(own, rows, keys)
        for row in np.flatnonzero(unsure).tolist():
            self._settle(row + block.start, near[row][kept[row]], neighbour[owner == row])

    def search(self, own: NDArray[np.int64]) -> None:
        """Find the lists of some rows anew."""
        if not len(own):
            return
        hits = self._store.search(self._store.vectors(own), self.k + 1, allowed=self._alive)
        kept = hits.rows != own[:, None]
        kept[kept.all(axis=1), -1] = False
        shape = (len(own), hits.rows.shape[1] - 1)
        self._put(own, hits.rows[kept].reshape(shape), hits.similarity[kept].reshape(shape))

    def _put(self, own: NDArray[np.int64], rows: NDArray[np.int64], keys: NDArray[np.float32]) -> None:
        """Write sorted lists, wider or narrower than the graph."""
        used = min(self.k, rows.shape[1])
        counts = keys[:, :used] > _NOTHING
        self._clear(own)
        self._rows[own, :used] = np.where(counts, rows[:, :used], own[:, None])
        self._similarity[own, :used] = np.where(counts, keys[:, :used], -1)
        self.lengths[own] = counts.sum(axis=1)

    def _settle(self, row: int, old: NDArray[np.int32], new: NDArray[np.int64]) -> None:
        """Order one list by similarities in double precision."""
        candidates = np.concatenate([old.astype(np.int64), new])
        score = similarities(self._store, np.full(len(candidates), row), candidates)
        if not self._is_whole[row]:
            end = int(self._base.rows[row, self._counts[row] - 1])
            limit = similarities(self._store, np.array([row]), np.array([end]))[0]
            inside = (score > limit) | ((score == limit) & (candidates <= end))
            candidates, score = candidates[inside], score[inside]
        order = np.lexsort((candidates, -score))[: self.k]
        self._put(np.array([row]), candidates[order][None], score[order][None].astype(np.float32))

    def _clear(self, own: NDArray[np.int64]) -> None:
        self._rows[own] = own[:, None]
        self._similarity[own] = -1
