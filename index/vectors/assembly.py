"""Builds the FAISS index of a release in blocks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.vectors.exact import ExactStore
from index.vectors.factory import IndexChoice
from index.vectors.training import Trainer, train_lists

__all__ = ["Assembly"]

_BLOCK = 16_384
_EF_CONSTRUCTION = 80

_faiss: Any = faiss

Rows = NDArray[np.int64]


class Assembly:
    """An index that grows: trained, then filled by blocks, written as often as it is needed.

    The same vectors, choice and seed give the same index: a graph is linked by one thread, since several would link
    it in the order in which they happen to come.

    Parameters
    ----------
    store
        The vectors; ids of the index are its rows.
    choice
        Not of kind ``exact``.
    train
        Finds the centroids of an inverted file.
    """

    def __init__(self, store: ExactStore, choice: IndexChoice, *, train: Trainer = train_lists) -> None:
        self._store, self._choice = store, choice
        self._train = train
        self._index: Any = _faiss.index_factory(store.dimension, choice.factory, _faiss.METRIC_INNER_PRODUCT)
        if choice.kind == "hnsw":
            graph = _faiss.downcast_index(self._index.index).hnsw
            graph.efConstruction = _EF_CONSTRUCTION
            graph.rng = _faiss.RandomGenerator(choice.seed)

    def train(self, rows: Rows) -> None:
        """Train on some rows, rising, as many as the choice says or fewer."""
        faiss.omp_set_num_threads(_threads())
        if not len(rows):
            return
        sample = self._store.vectors(rows)
        if self._choice.kind == "ivf":
            centroids = self._train(sample, self._choice.n_lists, self._choice.seed)
            faiss.omp_set_num_threads(1)
            # FAISS sees that the lists are there and trains the codes alone.
            self._index.quantizer.add(np.ascontiguousarray(centroids, dtype=np.float32))
            faiss.omp_set_num_threads(_threads())
        self._index.train(sample)

    def add(self, rows: Rows, *, progress: Callable[[int], None] | None = None) -> None:
        """Add some rows by blocks; ``progress`` is told how many are in."""
        faiss.omp_set_num_threads(1 if self._choice.kind == "hnsw" else _threads())
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            self._index.add_with_ids(self._store.vectors(block), block)
            if progress is not None:
                progress(start + len(block))

    def write(self, path: Path) -> None:
        """Write it in one step; who has mapped an earlier one keeps that."""
        staged = path.with_name(f".{path.name}.staged")
        _faiss.write_index(self._index, str(staged))
        staged.replace(path)


def _threads() -> int:
    """Return the cores that this process may use: more threads than those would wait for each other."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
