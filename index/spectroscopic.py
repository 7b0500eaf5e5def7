"""The spectroscopic redshifts of a release: which neighbours of a galaxy have one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.neighbours import NeighbourGraph
from index.vectors.store import VectorArray, VectorStore

__all__ = ["Spectroscopic"]

_Neighbours = tuple[NDArray[np.int64], VectorArray, NDArray[np.int64]]

# Below this many rows it is cheaper to fetch more neighbours than to gather those with a spectrum.
_FETCH_LIMIT = 1000
# Nearby galaxies may move towards us; anything beyond is a failed fit.
_Z_MIN = -0.005


class Spectroscopic:
    """Redshifts by row, and which rows are one galaxy seen several times.

    Attributes
    ----------
    z
        Shape (N,), clipped to at least 0; NaN where there is no usable spectrum.
    rows
        Rows with a redshift.
    """

    def __init__(self, z_spec: NDArray[np.float64], parents: NDArray[np.object_] | None = None) -> None:
        usable = np.isfinite(z_spec) & (z_spec > _Z_MIN)
        self.z = np.where(usable, np.maximum(z_spec, 0), np.nan)
        self.rows = np.flatnonzero(usable)
        self._usable = usable
        self._groups = np.arange(len(z_spec)) if parents is None else _groups(parents)
        self._largest_group = int(np.bincount(self._groups).max(initial=1))

    @property
    def n(self) -> int:
        """Rows with a redshift."""
        return len(self.rows)

    @property
    def n_rows(self) -> int:
        """All rows of the release."""
        return len(self.z)

    def same_galaxies(self, rows: Sequence[int]) -> NDArray[np.int64]:
        """Return the rows that show the galaxies of ``rows``: these and those with their ``parent_id``."""
        return np.flatnonzero(np.isin(self._groups, self._groups[np.asarray(rows, dtype=np.int64)]))

    def nearest(
        self,
        store: VectorStore,
        vectors: VectorArray,
        k: int,
        *,
        without: NDArray[np.int64] | Sequence[NDArray[np.int64]] | None = None,
    ) -> tuple[NDArray[np.int64], VectorArray]:
        """Find the k nearest galaxies with a redshift, exactly.

        Parameters
        ----------
        without
            Rows that are left out: for all vectors, or one array for each.

        Returns
        -------
        tuple
            Rows and similarities, shape (Q, k), fewer columns if there are fewer such galaxies.
        """
        if without is not None and not isinstance(without, np.ndarray):
            return self._nearest_of_each(store, vectors, k, without)
        usable = self._usable
        if without is not None and len(without):
            usable = usable.copy()
            usable[without] = False
        k = min(k, int(usable.sum()))
        if k == 0:
            return np.empty((len(vectors), 0), np.int64), np.empty((len(vectors), 0), np.float32)
        fetched = int(2 * k * self.n_rows / max(self.n, 1)) + 8
        if fetched <= _FETCH_LIMIT:
            hits = store.search(vectors, fetched)
            rows, similarity, lengths = _first(hits.rows, hits.similarity, usable[hits.rows], k)
            if (lengths == k).all():
                return rows, similarity
        hits = store.search(vectors, k, allowed=usable)
        return hits.rows, hits.similarity

    def nearest_of_rows(
        self, store: VectorStore, graph: NeighbourGraph, rows: NDArray[np.int64], k: int
    ) -> _Neighbours:
        """Find for each row the k nearest other galaxies with a redshift, exactly.

        A galaxy with the row's ``parent_id`` is no other galaxy. The graph answers where it reaches far
        enough, a search elsewhere.

        Returns
        -------
        tuple
            Rows and similarities, shape (Q, k), and how many of each are meant, shape (Q,).
        """
        near = graph.rows[rows].astype(np.int64)
        found, similarity, lengths = _first(near, graph.similarity[rows], self._others(rows, near), k)
        short = np.flatnonzero(lengths < k)
        if len(short) and graph.k < self.n_rows - 1:
            vectors = np.stack([store.vector(int(row)) for row in rows[short]])
            wide_rows, wide_similarity = self.nearest(store, vectors, k + self._largest_group)
            found[short], similarity[short], lengths[short] = _first(
                wide_rows, wide_similarity, self._others(rows[short], wide_rows), k
            )
        return found, similarity, lengths

    def _nearest_of_each(
        self, store: VectorStore, vectors: VectorArray, k: int, without: Sequence[NDArray[np.int64]]
    ) -> tuple[NDArray[np.int64], VectorArray]:
        """Search for all at once, for as many more as the longest list leaves out; then leave out."""
        most = max((int(np.count_nonzero(self._usable[own])) for own in without), default=0)
        k = max(0, min(k, self.n - most))
        found, similarity = self.nearest(store, vectors, k + most)
        wanted = np.ones(found.shape, dtype=np.bool_)
        for n, own in enumerate(without):
            if len(own):
                wanted[n] = ~np.isin(found[n], own)
        rows, kept, _ = _first(found, similarity, wanted, k)
        return rows, kept

    def _others(self, rows: NDArray[np.int64], near: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(self._usable[near] & (self._groups[near] != self._groups[rows][:, None]))


def _first(
    rows: NDArray[np.int64], similarity: VectorArray, wanted: NDArray[np.bool_], k: int
) -> _Neighbours:
    """Keep the first k wanted columns of each row; where there are fewer, the rest repeats unwanted ones."""
    if rows.shape[1] < k:
        pad = ((0, 0), (0, k - rows.shape[1]))
        rows, similarity = np.pad(rows, pad), np.pad(similarity, pad)
        wanted = np.pad(wanted, pad)
    order = np.argsort(~wanted, axis=1, kind="stable")[:, :k]
    lengths = np.minimum(wanted.sum(axis=1), k)
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(similarity, order, axis=1), lengths


def _groups(parents: NDArray[np.object_]) -> NDArray[np.int64]:
    """Give galaxies of one parent one number; a galaxy without a parent has a number of its own."""
    codes: dict[object, int] = {}
    keys = [("row", n) if parent is None else ("parent", parent) for n, parent in enumerate(parents)]
    return np.array([codes.setdefault(key, len(codes)) for key in keys], dtype=np.int64)
