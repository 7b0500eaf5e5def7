"""Exact inner-product search over one memory-mapped matrix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import faiss
import numpy as np
from numpy.typing import NDArray

from index.vectors.blocks import blocks
from index.vectors.scan import best_products, is_worth_it
from index.vectors.scoring import Stored, checked_queries, rescored
from index.vectors.store import BadQuery, Hits, VectorArray

__all__ = ["FAISS_VERSION", "ExactStore", "Storage"]

Storage = Literal["float32", "float16"]

FAISS_VERSION: str = faiss.__version__

# FAISS multiplies queries x dimension and takes BLAS from this product on. Its default, 128000, would need
# 2,667 queries of 48 dimensions: micro-batches would gain nothing. 512 is 4 queries of 128 dimensions.
_BLAS_FROM = 512
# Candidates fetched beyond k, and the float32 error of a product of unit vectors: candidates are scored again
# in double precision, so that an answer depends neither on the batch it came in nor on a BLAS kernel.
_SPARE = 8
_ERROR = np.float32(2e-6)
_BLOCK = 65536
# Queries whose similarities to a block with a mask are held together: 8 MiB for 65,536 vectors.
_TOGETHER = 32

faiss.cvar.distance_compute_blas_threshold = _BLAS_FROM


class ExactStore:
    """Unit vectors searched without approximation.

    Searches run on the matrix as it lies on disk, without a second copy in memory. Similarities are
    those of the stored numbers, summed in double precision, and equal ones ordered by row, so that a query
    gets the same answer alone and in any batch.

    Parameters
    ----------
    source
        A raw little-endian file of shape (n, dimension), mapped read-only, or an array (of float16 is kept so).
    dimension
        Required for a file.
    storage
        What a file holds.
    threads
        OpenMP threads of a search; 1 in a serving process, 0 for all cores.

    Raises
    ------
    ValueError
        If the file is not a whole number of vectors, the store is empty, or a vector is not finite.
    """

    def __init__(
        self,
        source: Path | Stored,
        dimension: int | None = None,
        *,
        storage: Storage = "float32",
        threads: int = 1,
    ) -> None:
        self._vectors = _open(source, dimension, storage)
        self.threads = threads
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

    @property
    def storage(self) -> Storage:
        """How numbers are stored."""
        return "float16" if self._vectors.dtype == np.float16 else "float32"

    def vector(self, row: int) -> VectorArray:
        """Return one stored vector, shape (D,)."""
        return np.array(self._vectors[row], dtype=np.float32)

    def vectors(self, rows: slice | NDArray[np.int64]) -> VectorArray:
        """Return stored vectors as float32, shape (len(rows), D)."""
        return np.asarray(self._vectors[rows], dtype=np.float32)

    def stored(self, rows: slice) -> Stored:
        """Return vectors as they are stored, without a copy, shape (len(rows), D)."""
        return self._vectors[rows]

    def search(self, queries: VectorArray, k: int, *, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """Find the k most similar vectors of each query; see :class:`index.vectors.store.VectorStore`."""
        queries = checked_queries(queries, k, allowed, n=self.n, dimension=self.dimension)
        # omp_set_num_threads holds for the calling thread only, so a setting made at start would not
        # reach the threads of a server's pool.
        faiss.omp_set_num_threads(self.threads or os.cpu_count() or 1)
        if allowed is None and self.storage == "float32":
            return _hits(*_nearest(self.stored(slice(None)), queries, k))
        rows = np.empty((len(queries), 0), np.int64)
        for block in blocks(self._vectors, allowed):
            rows = np.concatenate(
                [rows, block.rows[_nearest(block.vectors, queries, k, block.allowed)[0]]], axis=1
            )
        rows, similarity = rescored(self._vectors, queries, rows)
        return _hits(rows[:, :k], similarity[:, :k])

    def above(
        self, query: VectorArray, min_score: float, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], VectorArray]:
        """Find all vectors at least as similar as ``min_score``.

        Parameters
        ----------
        query
            Unit vector, float32, shape (D,).
        min_score
            Cosine, taken as float32, as similarities are.
        allowed
            Shape (n,): rows that may be answered; None allows all.

        Returns
        -------
        rows, similarity
            Nearest first, as :class:`index.vectors.store.Hits`, shape (K,).

        Raises
        ------
        BadQuery
            If the query or ``min_score`` is not finite, or a shape does not fit.
        """
        queries = checked_queries(query[None], 1, allowed, n=self.n, dimension=self.dimension)
        if not np.isfinite(min_score):
            raise BadQuery(f"a similarity of {min_score}; give a number from -1 to 1")
        # Rounded vectors, of float16 most, have products beyond 1 in size; similarities end there.
        limit = np.float32(min_score) - _ERROR if min_score > -1 else np.float32(-np.inf)
        near = [np.empty(0, np.int64)]
        for block in blocks(self._vectors, allowed):
            is_near = block.vectors @ queries[0] >= limit
            near.append(block.rows[is_near if block.allowed is None else is_near & block.allowed])
        candidates = np.concatenate(near)[None]
        rows, similarity = rescored(self._vectors, queries, candidates)
        kept = similarity[0] >= np.float32(min_score)
        return rows[0, kept], similarity[0, kept]


def _nearest(
    vectors: VectorArray, queries: VectorArray, k: int, allowed: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], VectorArray]:
    """Find the k nearest vectors of each query, or all that are allowed: rows and similarities."""
    n = len(vectors) if allowed is None else int(np.count_nonzero(allowed))
    k = min(k, n)
    if len(queries) == 0:
        return np.empty((0, k), np.int64), np.empty((0, k), np.float32)
    fetched = min(n, k + _SPARE)
    lowest, candidates = _candidates(vectors, queries, fetched, allowed)
    rows, similarity = rescored(vectors, queries, candidates)
    rows, similarity = rows[:, :k], similarity[:, :k]
    if fetched < n:
        # A row left outside the candidates scores at most the last candidate: only where that comes
        # within rounding of the k-th hit could it belong inside.
        for query in np.flatnonzero(lowest + _ERROR >= similarity[:, -1]):
            rows[query], similarity[query] = _nearest_by_full_pass(vectors, queries[query], k, allowed)
    return rows, similarity


def _candidates(
    vectors: VectorArray, queries: VectorArray, n: int, allowed: NDArray[np.bool_] | None
) -> tuple[VectorArray, NDArray[np.int64]]:
    """Find about the n nearest: the similarity of the last, shape (Q,), and all, shape (Q, n), both as float32 has them."""
    if allowed is None and is_worth_it(len(queries), len(vectors), n):
        return best_products(vectors, queries, n)
    if allowed is None:
        approximate, rows = faiss.knn(queries, vectors, n, metric=faiss.METRIC_INNER_PRODUCT)
        return approximate[:, -1], rows.astype(np.int64)
    # FAISS never takes BLAS with a selector, and looks at one query after the other.
    outside = np.where(allowed, np.float32(0), np.float32(-np.inf))
    lowest, rows = np.empty(len(queries), np.float32), np.empty((len(queries), n), np.int64)
    for start in range(0, len(queries), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        approximate = queries[part] @ vectors.T
        approximate += outside
        rows[part] = np.argpartition(approximate, len(vectors) - n, axis=1)[:, -n:]
        lowest[part] = np.take_along_axis(approximate, rows[part], axis=1).min(axis=1)
    return lowest, rows


def _nearest_by_full_pass(
    vectors: VectorArray, query: VectorArray, k: int, allowed: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], VectorArray]:
    """Score again everything within rounding of the k-th hit."""
    approximate = vectors @ query
    if allowed is not None:
        approximate[~allowed] = -np.inf
    limit = np.partition(approximate, -k)[-k] - 2 * _ERROR
    candidates = np.flatnonzero(approximate >= limit)
    rows, similarity = rescored(vectors, query[None], candidates[None])
    return rows[0, :k], similarity[0, :k]


def _hits(rows: NDArray[np.int64], similarity: VectorArray) -> Hits:
    return Hits(rows=rows, similarity=similarity, lengths=np.full(len(rows), rows.shape[1], dtype=np.int64))


def _open(source: Path | Stored, dimension: int | None, storage: Storage) -> Stored:
    if not isinstance(source, Path):
        kept = np.float16 if source.dtype == np.float16 else np.float32
        vectors: Stored = np.ascontiguousarray(source, dtype=kept)
        if vectors.ndim != 2 or 0 in vectors.shape:
            raise ValueError(
                f"vectors of shape {vectors.shape}; a store needs at least one row and one column"
            )
        return vectors
    size, kind = source.stat().st_size, np.dtype(storage).newbyteorder("<")
    if dimension is None or dimension < 1 or size == 0 or size % (kind.itemsize * dimension):
        raise ValueError(
            f"{source.name}: {size} bytes are no whole number of {storage} vectors of {dimension} dimensions"
        )
    mapped = np.memmap(source, dtype=kind, mode="r", shape=(size // (kind.itemsize * dimension), dimension))
    return np.asarray(mapped)
