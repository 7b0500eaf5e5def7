"""Approximate search in a FAISS index, its candidates scored again from the vectors themselves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
from numpy.typing import NDArray

from index.vectors.exact import ExactStore
from index.vectors.scoring import checked_queries, rescored
from index.vectors.store import Hits, VectorArray

__all__ = ["ApproximateStore", "Kind"]

Kind = Literal["ivf", "hnsw"]

# Its stubs lack half of what it has.
_faiss: Any = faiss

# An efSearch beyond this visits so much of a graph that the exact search is the better tool.
_MAX_EF = 2048
# A graph is searched by a list of candidates, which must be longer than what is asked for: of the hundred nearest of
# 4,280 galaxies (208 dimensions) it holds 0.75 when it is 116 long, and 1.00 when it is 200 long.
_EF_PER_K = 2
# Candidates fetched, by the bits that a code spends on a dimension: times k, and these more. 20,000 clustered vectors
# of 64 dimensions, 32 of 128 lists: SQ8 holds 0.976 of the ten nearest among its ten best, SQ4 0.995 among 40.
_TIMES = {16: 1, 8: 2, 4: 4}
_TIMES_BELOW = 10
_SPARE = 16


class ApproximateStore:
    """An inverted file or a graph over the first rows of a store, with the rows after them searched exactly.

    Similarities are those that :class:`index.vectors.exact.ExactStore` gives: codes only choose the candidates, which
    are scored in double precision from the stored vectors. A query gets the same answer alone and in any batch. An
    answer may miss a true neighbour and may be shorter than k. The index is mapped, so that processes share its pages.

    Parameters
    ----------
    index_file
        Written by :mod:`index.vectors.assembly`; its ids are rows of ``vectors``.
    vectors
        All vectors of the release.
    n_indexed
        The index holds rows 0 to ``n_indexed`` - 1; an update may have added others since.
    effort
        Used where a search names none: ``nprobe`` of an inverted file, ``efSearch`` of a graph.
    left_out
        Rows before ``n_indexed`` that the index does not hold: while its recall is measured with them.
    threads
        OpenMP threads of a search; 1 in a serving process, 0 for all cores.

    Raises
    ------
    ValueError
        If the file cannot be read, or holds another number of vectors or another dimension.
    """

    def __init__(
        self,
        index_file: Path,
        vectors: ExactStore,
        n_indexed: int,
        kind: Kind,
        effort: int,
        *,
        left_out: int = 0,
        threads: int = 1,
    ) -> None:
        self.kind = kind
        self.n_indexed = n_indexed
        self._vectors = vectors
        self.threads = threads
        self._index = _mapped(index_file, kind)
        if (self._index.ntotal, self._index.d) != (n_indexed - left_out, vectors.dimension):
            raise ValueError(
                f"{index_file.name} holds {self._index.ntotal} vectors of {self._index.d} dimensions; "
                f"{n_indexed - left_out} of {vectors.dimension} are expected"
            )
        self._coarse = _coarse(self._index) if kind == "ivf" else None
        self.effort = min(effort, self.max_effort)
        self._times = _TIMES.get(_bits(self._index, kind), _TIMES_BELOW)
        self._tail = (
            ExactStore(vectors.stored(slice(n_indexed, None)), threads=threads)
            if n_indexed < vectors.n
            else None
        )

    @property
    def n(self) -> int:
        """Vectors that can be found."""
        return self._vectors.n

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._vectors.dimension

    @property
    def max_effort(self) -> int:
        """The largest effort that does more than a smaller one: of an inverted file, the number of its lists."""
        return int(self._index.nlist) if self.kind == "ivf" else _MAX_EF

    def vector(self, row: int) -> VectorArray:
        """Return one stored vector, shape (D,)."""
        return self._vectors.vector(row)

    @property
    def n_lists(self) -> int:
        """Lists of an inverted file; 0 of a graph."""
        return int(self._index.nlist) if self.kind == "ivf" else 0

    def around(self, number: int, effort: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of one list of an inverted file, and those of it and of the lists nearest to it, both rising.

        Parameters
        ----------
        number
            From 0.
        effort
            How many lists near it.
        """
        assert self._coarse is not None
        centroid = _faiss.downcast_index(self._index.quantizer).reconstruct(number)
        near, _ = self._coarse(centroid[None], min(effort, self.n_lists))
        every = [_members(self._index, int(one)) for one in {number, *near[0].tolist()} if one >= 0]
        return np.sort(_members(self._index, number)), np.sort(np.concatenate(every))

    def search(
        self,
        queries: VectorArray,
        k: int,
        *,
        allowed: NDArray[np.bool_] | None = None,
        effort: int | None = None,
    ) -> Hits:
        """Find most of the k most similar vectors of each query.

        Parameters
        ----------
        queries
            Unit vectors, float32, shape (Q, D).
        k
            At least 1.
        allowed
            Shape (n,): rows that may be answered; None allows all.
        effort
            At least 1; more than :attr:`max_effort` means that; None means :attr:`effort`.

        Returns
        -------
        Hits
            Of as many columns as the longest answer has; beyond ``lengths`` the rows are -1.

        Raises
        ------
        BadQuery
            If a query is not finite or a shape does not fit.
        """
        queries = checked_queries(queries, k, allowed, n=self.n, dimension=self.dimension)
        if not len(queries):
            return self._vectors.search(queries, k)
        effort = min(max(1, self.effort if effort is None else effort), self.max_effort)
        if self.kind == "hnsw":
            effort = max(effort, _EF_PER_K * k)
        fetched = min(self._times * k + _SPARE, self.n_indexed)
        rows = self._candidates(queries, fetched, allowed, effort)
        if self._tail is not None:
            tail = None if allowed is None else allowed[self.n_indexed :]
            rows = np.hstack([rows, self._tail.search(queries, k, allowed=tail).rows + self.n_indexed])
        rows, similarity = rescored(self._vectors.stored(slice(None)), queries, rows)
        lengths = np.minimum((rows >= 0).sum(axis=1), k).astype(np.int64)
        width = int(lengths.max())
        return Hits(rows=rows[:, :width], similarity=similarity[:, :width], lengths=lengths)

    def _candidates(
        self, queries: VectorArray, k: int, allowed: NDArray[np.bool_] | None, effort: int
    ) -> NDArray[np.int64]:
        # Parameters of its own for every search: setting them on the index would be a race between threads.
        faiss.omp_set_num_threads(self.threads or os.cpu_count() or 1)
        chosen: dict[str, Any] = {}
        if allowed is not None:
            chosen["sel"] = _faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        if self._coarse is None:
            parameters = _faiss.SearchParametersHNSW(efSearch=effort, **chosen)
            _, rows = self._index.search(queries, k, params=parameters)
            return np.asarray(rows, dtype=np.int64)
        # FAISS would choose lists in float32, by BLAS or not as the batch is large or small.
        parameters = _faiss.SearchParametersIVF(nprobe=effort, **chosen)
        return _scanned(self._index, queries, k, self._coarse(queries, effort), parameters)


class _Flat:
    """Chooses lists by comparing every centroid."""

    def __init__(self, centroids: VectorArray) -> None:
        self._store = ExactStore(centroids)

    def __call__(self, queries: VectorArray, k: int) -> tuple[NDArray[np.int64], VectorArray]:
        hits = self._store.search(queries, k)
        return hits.rows, hits.similarity


class _Graph:
    """Chooses lists by a graph over the centroids, which looks at each query alone."""

    def __init__(self, quantizer: Any) -> None:
        self._quantizer = quantizer

    def __call__(self, queries: VectorArray, k: int) -> tuple[NDArray[np.int64], VectorArray]:
        similarity, lists = self._quantizer.search(
            queries, k, params=_faiss.SearchParametersHNSW(efSearch=2 * k)
        )
        return lists, similarity


def _scanned(
    index: Any, queries: VectorArray, k: int, coarse: tuple[NDArray[np.int64], VectorArray], parameters: Any
) -> NDArray[np.int64]:
    """Scan the lists that ``coarse`` names, with their similarities.

    FAISS's Python layer lets ``search_preassigned`` take no parameters (1.15.1); what it calls does.
    """
    lists, similarity = (np.ascontiguousarray(array) for array in coarse)
    found = np.empty((len(queries), k), np.float32)
    rows = np.empty((len(queries), k), np.int64)
    pointers = [_faiss.swig_ptr(array) for array in (lists, similarity, found, rows)]
    wants_pairs = False
    index.search_preassigned_c(len(queries), _faiss.swig_ptr(queries), k, *pointers, wants_pairs, parameters)
    return rows


def _members(index: Any, number: int) -> NDArray[np.int64]:
    """Return what one list holds."""
    size = index.invlists.list_size(number)
    if not size:
        return np.empty(0, np.int64)
    ids = _faiss.rev_swig_ptr(index.invlists.get_ids(number), size)
    return np.array(ids, dtype=np.int64)


def _coarse(index: Any) -> _Flat | _Graph:
    quantizer = _faiss.downcast_index(index.quantizer)
    if isinstance(quantizer, faiss.IndexHNSW):
        return _Graph(quantizer)
    return _Flat(quantizer.reconstruct_n(0, index.nlist))


def _mapped(path: Path, kind: Kind) -> Any:
    how = faiss.IO_FLAG_MMAP if kind == "ivf" else faiss.IO_FLAG_MMAP_IFC
    try:
        index = _faiss.read_index(str(path), how | faiss.IO_FLAG_READ_ONLY)
    except RuntimeError as error:
        raise ValueError(f"{path.name} is not a readable FAISS index") from error
    if kind == "ivf":
        # By default every search would start 32 threads that touch the lists beforehand.
        _faiss.downcast_InvertedLists(index.invlists).prefetch_nthread = 0
    return index


def _bits(index: Any, kind: Kind) -> int:
    """Bits that a code spends on a dimension."""
    coder = index if kind == "ivf" else _faiss.downcast_index(_faiss.downcast_index(index.index).storage)
    return int(8 * coder.code_size // index.d)
