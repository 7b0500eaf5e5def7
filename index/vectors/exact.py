"""Exact inner-product search over one memory-mapped matrix."""

from __future__ import annotations

import os
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from index.vectors.store import BadQuery, Hits, VectorArray

__all__ = ["FAISS_VERSION", "ExactStore"]

FAISS_VERSION: str = faiss.__version__

# FAISS multiplies queries x dimension and takes BLAS from this product on. Its default, 128000, would need
# 2,667 queries of 48 dimensions: micro-batches would gain nothing. 512 is 4 queries of 128 dimensions.
_BLAS_FROM = 512
# Candidates fetched beyond k, and the float32 error of a product of unit vectors: candidates are scored again
# in double precision, so that an answer depends neither on the batch it came in nor on a BLAS kernel.
_SPARE = 8
_ERROR = np.float32(2e-6)
_BLOCK = 65536

faiss.cvar.distance_compute_blas_threshold = _BLAS_FROM


class ExactStore:
    """Unit vectors searched without approximation.

    Searches run on the matrix as it lies on disk, without a second copy in memory. Similarities are
    summed in double precision and equal ones ordered by row, so that a query gets the same answer alone
    and in any batch.

    Parameters
    ----------
    source
        A raw little-endian float32 file of shape (n, dimension), mapped read-only, or an array.
    dimension
        Required for a file.
    threads
        OpenMP threads of a search; 1 in a serving process, 0 for all cores.

    Raises
    ------
    ValueError
        If the file is not a whole number of vectors, the store is empty, or a vector is not finite.
    """

    def __init__(self, source: Path | VectorArray, dimension: int | None = None, *, threads: int = 1) -> None:
        self._vectors = _open(source, dimension)
        self._threads = threads
        for start in range(0, self.n, _BLOCK):
            if not np.isfinite(self._vectors[start : start + _BLOCK]).all():
                bad = start + int(
                    np.flatnonzero(~np.isfinite(self._vectors[start : start + _BLOCK]).all(axis=1))[0]
                )
                raise ValueError(f"vector {bad} is not finite; embed the survey again")

    @property
    def n(self) -> int:
        """Vectors held."""
        return int(self._vectors.shape[0])

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return int(self._vectors.shape[1])

    def vector(self, row: int) -> VectorArray:
        """Return one stored vector, shape (D,)."""
        return np.array(self._vectors[row])

    def vectors(self, rows: slice | NDArray[np.int64]) -> VectorArray:
        """Return stored vectors, shape (len(rows), D)."""
        return self._vectors[rows]

    def search(self, queries: VectorArray, k: int, *, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """Find the k most similar vectors of each query; see :class:`index.vectors.store.VectorStore`."""
        queries = self._checked(queries, k, allowed)
        # omp_set_num_threads holds for the calling thread only, so a setting made at start would not
        # reach the threads of a server's pool.
        faiss.omp_set_num_threads(self._threads or os.cpu_count() or 1)
        if allowed is None:
            return _hits(*_nearest(self._vectors, queries, min(k, self.n)))
        return self._search_subset(queries, k, np.flatnonzero(allowed))

    def _checked(self, queries: VectorArray, k: int, allowed: NDArray[np.bool_] | None) -> VectorArray:
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dimension:
            raise BadQuery(
                f"queries of shape {queries.shape}; this store holds vectors of {self.dimension} dimensions"
            )
        if not np.isfinite(queries).all():
            raise BadQuery("a query vector is not finite")
        if k < 1:
            raise BadQuery(f"k is {k}; ask for at least 1 neighbour")
        if allowed is not None and allowed.shape != (self.n,):
            raise BadQuery(f"a mask of shape {allowed.shape} for {self.n} vectors")
        return queries

    def _search_subset(self, queries: VectorArray, k: int, subset: NDArray[np.int64]) -> Hits:
        """Search blocks of the allowed rows and merge, so that memory stays bounded."""
        rows = np.empty((len(queries), 0), np.int64)
        for start in range(0, len(subset), _BLOCK):
            chosen = subset[start : start + _BLOCK]
            found, _ = _nearest(self._vectors[chosen], queries, min(k, len(chosen)))
            rows = np.concatenate([rows, chosen[found]], axis=1)
        rows, similarity = _rescore(self._vectors, queries, rows)
        return _hits(rows[:, :k], similarity[:, :k])


def _nearest(vectors: VectorArray, queries: VectorArray, k: int) -> tuple[NDArray[np.int64], VectorArray]:
    """Find the k nearest vectors of each query, k at most their number: rows and similarities."""
    if len(queries) == 0:
        return np.empty((0, k), np.int64), np.empty((0, k), np.float32)
    fetched = min(len(vectors), k + _SPARE)
    approximate, candidates = faiss.knn(queries, vectors, fetched, metric=faiss.METRIC_INNER_PRODUCT)
    rows, similarity = _rescore(vectors, queries, candidates.astype(np.int64))
    rows, similarity = rows[:, :k], similarity[:, :k]
    if fetched < len(vectors):
        # A row left outside the candidates scores at most the last candidate: only where that comes
        # within rounding of the k-th hit could it belong inside.
        for query in np.flatnonzero(approximate[:, -1] + _ERROR >= similarity[:, -1]):
            rows[query], similarity[query] = _nearest_by_full_pass(vectors, queries[query], k)
    return rows, similarity


def _nearest_by_full_pass(
    vectors: VectorArray, query: VectorArray, k: int
) -> tuple[NDArray[np.int64], VectorArray]:
    """Score again everything within rounding of the k-th hit."""
    approximate = vectors @ query
    limit = np.partition(approximate, -k)[-k] - 2 * _ERROR
    candidates = np.flatnonzero(approximate >= limit)
    rows, similarity = _rescore(vectors, query[None], candidates[None])
    return rows[0, :k], similarity[0, :k]


def _rescore(
    vectors: VectorArray, queries: VectorArray, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], VectorArray]:
    """Score candidate rows in double precision and order them: similarity falling, then row rising."""
    exact = np.empty(rows.shape, np.float64)
    step = max(1, 2**22 // max(1, rows.shape[1] * vectors.shape[1]))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        candidates = vectors[rows[part]].astype(np.float64)
        exact[part] = np.einsum("qkd,qd->qk", candidates, queries[part].astype(np.float64))
    order = np.lexsort((rows, -exact), axis=1)
    similarity = np.clip(np.take_along_axis(exact, order, axis=1), -1, 1).astype(np.float32)
    return np.take_along_axis(rows, order, axis=1), similarity


def _hits(rows: NDArray[np.int64], similarity: VectorArray) -> Hits:
    return Hits(rows=rows, similarity=similarity, lengths=np.full(len(rows), rows.shape[1], dtype=np.int64))


def _open(source: Path | VectorArray, dimension: int | None) -> VectorArray:
    if not isinstance(source, Path):
        vectors = np.ascontiguousarray(source, dtype=np.float32)
        if vectors.ndim != 2 or 0 in vectors.shape:
            raise ValueError(
                f"vectors of shape {vectors.shape}; a store needs at least one row and one column"
            )
        return vectors
    size = source.stat().st_size
    if dimension is None or dimension < 1 or size == 0 or size % (4 * dimension):
        raise ValueError(
            f"{source.name}: {size} bytes are no whole number of float32 vectors of {dimension} dimensions"
        )
    mapped = np.memmap(source, dtype="<f4", mode="r", shape=(size // (4 * dimension), dimension))
    return np.asarray(mapped)
