"""Exact search and k-means on a GPU, by faiss-gpu."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.vectors.exact import ExactStore
from index.vectors.scoring import checked_queries, rescored
from index.vectors.store import Hits, VectorArray
from index.vectors.training import Trainer, train_lists

__all__ = ["GPUStore", "NoGPU", "require_gpu", "trainer_on_gpu"]

# Its stubs know nothing of GPUs.
_faiss: Any = faiss

_EXTRA = "pip uninstall -y faiss-cpu onnxruntime && pip install -c constraints.txt -e '.[gpu]'"
# FAISS answers at most so many hits from a GPU (faiss/gpu/utils/DeviceDefs.cuh, GPU_MAX_SELECTION_K).
_MOST_HITS = 2048
# As for the exact store: candidates beyond k, and by how much a float32 product of unit vectors may be off.
_SPARE = 32
_ERROR = np.float32(2e-6)
_BLOCK = 262_144


class NoGPU(RuntimeError):
    """There is no GPU that this faiss could use; the message says what to install."""


def require_gpu() -> None:
    """Check that faiss can use a GPU.

    Raises
    ------
    NoGPU
        If it was built without, or sees none.
    """
    if not hasattr(_faiss, "StandardGpuResources"):
        raise NoGPU(
            f"faiss {faiss.__version__} was built without GPUs; install the extra [gpu] in place of [cpu]: {_EXTRA}"
        )
    if not _faiss.get_num_gpus():
        raise NoGPU(
            f"faiss {faiss.__version__} sees no GPU here; look at the driver with nvidia-smi, or take --device cpu"
        )


def trainer_on_gpu() -> Trainer:
    """Return k-means on the GPU; its sums come in another order than the CPU's, and so its centroids differ by rounding.

    Raises
    ------
    NoGPU
        If there is none.
    """
    require_gpu()
    return partial(train_lists, gpu=True)


class GPUStore(ExactStore):
    """An exact store whose candidates are found on a GPU; its answers are those of the store itself.

    The GPU holds the vectors as float32. Its candidates are scored in double precision from the stored numbers, and a
    query whose last candidate comes within rounding of its k-th hit is searched again on the CPU. Searches take turns;
    those with a mask, or for more hits than a GPU gives, run on the CPU.

    Parameters
    ----------
    store
        What it answers for.
    make_index
        Makes an empty inner-product index of a dimension: on the GPU, or, in tests, a likeness.

    Raises
    ------
    NoGPU
        If there is none.
    """

    def __init__(self, store: ExactStore, *, make_index: Callable[[int], Any] | None = None) -> None:
        super().__init__(store.stored(slice(None)), threads=0)
        self._index = (make_index or _on_gpu)(self.dimension)
        self._turn = threading.Lock()
        for start in range(0, self.n, _BLOCK):
            self._index.add(self.vectors(slice(start, start + _BLOCK)))

    def search(self, queries: VectorArray, k: int, *, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """Find the k most similar vectors of each query; see :class:`index.vectors.store.VectorStore`."""
        queries = checked_queries(queries, k, allowed, n=self.n, dimension=self.dimension)
        if allowed is not None or not len(queries) or min(k, self.n) + _SPARE > _MOST_HITS:
            return super().search(queries, k, allowed=allowed)
        k = min(k, self.n)
        fetched = min(self.n, k + _SPARE)
        with self._turn:
            approximate, candidates = self._index.search(queries, fetched)
        rows, similarity = rescored(self.stored(slice(None)), queries, candidates.astype(np.int64))
        rows, similarity = rows[:, :k], similarity[:, :k]
        if fetched < self.n:
            unsure = np.flatnonzero(approximate[:, -1] + _ERROR >= similarity[:, -1])
            if len(unsure):
                again = super().search(queries[unsure], k)
                rows[unsure], similarity[unsure] = again.rows, again.similarity
        return Hits(rows=rows, similarity=similarity, lengths=np.full(len(rows), k, dtype=np.int64))


def _on_gpu(dimension: int) -> Any:
    require_gpu()
    return _faiss.GpuIndexFlatIP(_faiss.StandardGpuResources(), dimension)
