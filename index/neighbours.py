"""The precomputed nearest neighbours of every object in a release."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from index.vectors.approximate import ApproximateStore
from index.vectors.exact import ExactStore
from index.vectors.store import Hits, VectorArray

__all__ = ["GRAPH_FILES", "GRAPH_K", "GRAPH_LENGTHS", "NeighbourGraph", "build_graph", "graph_recall"]

GRAPH_K = 100
GRAPH_FILES = ("neighbours_rows.npy", "neighbours_similarity.npy")
#: Of an updated release only: how many of each row's neighbours count.
GRAPH_LENGTHS = "neighbours_lengths.npy"
_BLOCK = 1024
_TIMES_EFFORT = 4
_RECALLED = 500


class NeighbourGraph:
    """The exact K nearest neighbours of each row, itself left out; answers by id without a search.

    Attributes
    ----------
    rows
        int32, shape (N, K), nearest first; K is 100, or N - 1 when that is less.
    similarity
        float32, shape (N, K).
    lengths
        Neighbours of each row that count, shape (N,); None when all do. Beyond them ``rows`` repeats the row itself,
        at similarity -1: an update takes neighbours away. A withdrawn row has none.
    """

    def __init__(
        self,
        rows: NDArray[np.int32],
        similarity: NDArray[np.float32],
        lengths: NDArray[np.int32] | None = None,
    ) -> None:
        if rows.shape != similarity.shape or rows.ndim != 2:
            raise ValueError(f"a graph of {rows.shape} rows with {similarity.shape} similarities")
        if lengths is not None and lengths.shape != rows.shape[:1]:
            raise ValueError(f"a graph of {rows.shape} rows with {lengths.shape} lengths")
        self.rows = rows
        self.similarity = similarity
        self.lengths = lengths
        alive = len(rows) if lengths is None else int(np.count_nonzero(lengths))
        self._others = max(0, alive - 1)

    @classmethod
    def open(cls, folder: Path) -> NeighbourGraph:
        """Map the graph of a release folder."""
        rows, similarity = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in GRAPH_FILES)
        path = folder / GRAPH_LENGTHS
        lengths = np.load(path, allow_pickle=False) if path.is_file() else None
        return cls(np.asarray(rows), np.asarray(similarity), lengths)

    def save(self, folder: Path) -> None:
        """Write the graph into a release folder."""
        for name, array in zip(GRAPH_FILES, (self.rows, self.similarity), strict=True):
            np.save(folder / name, array, allow_pickle=False)
        if self.lengths is not None:
            np.save(folder / GRAPH_LENGTHS, self.lengths, allow_pickle=False)

    @property
    def k(self) -> int:
        """Neighbours kept of each row."""
        return int(self.rows.shape[1])

    def of(self, row: int, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return rows and similarities of the k nearest neighbours of ``row``, at most those that are known."""
        k = k if self.lengths is None else min(k, int(self.lengths[row]))
        return self.rows[row, :k], self.similarity[row, :k]

    def knows(self, rows: int | NDArray[np.integer[Any]], k: int) -> bool:
        """Whether the k nearest neighbours of all of some rows are here, or as many as there are."""
        wanted = min(k, self._others)
        return wanted <= self.k if self.lengths is None else bool(np.all(self.lengths[rows] >= wanted))


def build_graph(
    store: ExactStore,
    k: int = GRAPH_K,
    *,
    index: ApproximateStore | None = None,
    folder: Path | None = None,
    threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> NeighbourGraph:
    """Find the k nearest neighbours of every stored vector, block by block.

    Blocks are shared among Python threads, each searching with one OpenMP thread: on a machine that is
    busy otherwise, OpenMP's own threads wait for each other and took three times the processor time.

    Parameters
    ----------
    index
        Searches in place of comparing all with all, at four times the effort of its other searches. The vectors of one list
        of an inverted file are compared together with those of the lists around it: at a million that takes minutes, and
        one search for each vector hours. A vector for which too few are found is compared with all.
    folder
        Where the graph is written as it grows; without one it is kept in memory, and :meth:`NeighbourGraph.save` writes it.
    threads
        Blocks searched at once; 0 means as many as there are cores.

    Returns
    -------
    NeighbourGraph
        Exact without ``index``; with k = n - 1 when the store is smaller than that.
    """
    k = min(k, store.n - 1)
    rows, similarity = _arrays((store.n, k), folder)

    find: Callable[[int], tuple[NDArray[np.int64], Hits]] = partial(_of_block, store, index, k + 1)
    n_pieces, done = -(-store.n // _BLOCK), 0
    if index is not None and index.n_lists and index.n_indexed == store.n:
        find, n_pieces = partial(_of_list, store, index, k + 1), index.n_lists

    def fill(number: int) -> int:
        own, hits = find(number)
        kept = hits.rows != own[:, None]
        # Among more than k identical vectors the row itself may be missing: then the last hit goes.
        kept[kept.all(axis=1), -1] = False
        rows[own] = hits.rows[kept].reshape(len(own), k)
        similarity[own] = hits.similarity[kept].reshape(len(own), k)
        return len(own)

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for filled in pool.map(fill, range(n_pieces)):
            done += filled
            if progress is not None:
                progress(done, store.n)
    if isinstance(rows, np.memmap) and isinstance(similarity, np.memmap):
        rows.flush()
        similarity.flush()
    return NeighbourGraph(rows, similarity)


def graph_recall(graph: NeighbourGraph, store: ExactStore, seed: int) -> float:
    """Return the share of the true ten nearest others that the graph holds, of up to 500 vectors drawn by a seed."""
    own = np.random.default_rng(seed).choice(store.n, min(store.n, _RECALLED), replace=False, shuffle=False)
    k = min(10, graph.k)
    if k == 0:
        return 1.0
    true = store.search(store.vectors(own), k + 1)
    found = 0
    for row, rows in zip(own, true.rows, strict=True):
        found += int(np.isin(rows[rows != row][:k], graph.rows[row, :k]).sum())
    return found / (len(own) * k)


def _arrays(shape: tuple[int, int], folder: Path | None) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    if folder is None or not all(shape):
        return np.empty(shape, np.int32), np.empty(shape, np.float32)
    rows, similarity = (
        open_memmap(folder / name, "w+", np.dtype(kind), shape)
        for name, kind in zip(GRAPH_FILES, ("<i4", "<f4"), strict=True)
    )
    return rows, similarity


def _of_block(
    store: ExactStore, index: ApproximateStore | None, k: int, number: int
) -> tuple[NDArray[np.int64], Hits]:
    """Return the rows of a block with the k nearest vectors of each, itself among them."""
    own = np.arange(number * _BLOCK, min((number + 1) * _BLOCK, store.n))
    return own, _nearest(store, index, store.vectors(own), k)


def _of_list(
    store: ExactStore, index: ApproximateStore, k: int, number: int
) -> tuple[NDArray[np.int64], Hits]:
    """Return the rows of a list of an inverted file with the k nearest vectors of each, itself among them."""
    own, near = index.around(number, _TIMES_EFFORT * index.effort)
    if not len(own) or len(near) < k:
        return own, store.search(store.vectors(own), k)
    hits = ExactStore(store.vectors(near)).search(store.vectors(own), k)
    return own, Hits(near[hits.rows], hits.similarity, hits.lengths)


def _nearest(store: ExactStore, index: ApproximateStore | None, queries: VectorArray, k: int) -> Hits:
    """Find k vectors of each query."""
    if index is None:
        return store.search(queries, k)
    hits = index.search(queries, k, effort=_TIMES_EFFORT * index.effort)
    short = np.flatnonzero(hits.lengths < k)
    if not len(short):
        return hits
    rows = np.empty((len(queries), k), np.int64)
    similarity = np.empty(rows.shape, np.float32)
    whole = np.flatnonzero(hits.lengths >= k)
    rows[whole], similarity[whole] = hits.rows[whole], hits.similarity[whole]
    again = store.search(queries[short], k)
    rows[short], similarity[short] = again.rows, again.similarity
    return Hits(rows, similarity, np.full(len(rows), k, dtype=np.int64))
