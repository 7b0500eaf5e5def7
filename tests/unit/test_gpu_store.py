"""What surrounds the GPU, checked with a likeness of it on the CPU."""

import faiss
import numpy as np
import pytest

from index.vectors import gpu
from index.vectors.exact import ExactStore
from index.vectors.gpu import GPUStore, NoGPU, require_gpu, trainer_on_gpu


def unit(n, dimension=16, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(n, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Coarse:
    """An index that answers as a GPU may: similarities off by rounding, and ties in any order."""

    def __init__(self, dimension):
        self._vectors = np.empty((0, dimension), np.float32)
        self.asked = 0

    def add(self, vectors):
        self._vectors = np.concatenate([self._vectors, vectors])

    def search(self, queries, k):
        self.asked += len(queries)
        similarity = queries @ self._vectors.T
        similarity += np.random.default_rng(1).uniform(-1e-6, 1e-6, similarity.shape).astype(np.float32)
        # Of equal ones the last come first.
        rows = len(self._vectors) - 1 - np.argsort(-similarity[:, ::-1], axis=1, kind="stable")[:, :k]
        return np.take_along_axis(similarity, rows, axis=1), rows


def pair(vectors):
    store = ExactStore(vectors)
    return store, GPUStore(store, make_index=Coarse)


def test_answers_are_those_of_the_store_itself():
    store, on_gpu = pair(unit(300))
    queries = unit(20, seed=1)
    expected, found = store.search(queries, 10), on_gpu.search(queries, 10)
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.similarity, expected.similarity)


def test_many_copies_of_a_vector_come_in_the_order_of_their_rows():
    vectors = np.concatenate([np.repeat(unit(1), 100, axis=0), unit(100, seed=2)])
    _, on_gpu = pair(vectors)
    hits = on_gpu.search(vectors[:1], 10)
    np.testing.assert_array_equal(hits.rows[0], np.arange(10))


def test_a_mask_is_kept():
    store, on_gpu = pair(unit(300))
    allowed = np.arange(300) % 3 == 0
    found = on_gpu.search(unit(5, seed=1), 10, allowed=allowed)
    np.testing.assert_array_equal(found.rows, store.search(unit(5, seed=1), 10, allowed=allowed).rows)


def test_more_hits_than_a_gpu_gives_come_from_the_cpu(monkeypatch):
    monkeypatch.setattr(gpu, "_MOST_HITS", 50)
    store, on_gpu = pair(unit(300))
    found = on_gpu.search(unit(2, seed=1), 100)
    assert on_gpu._index.asked == 0
    np.testing.assert_array_equal(found.rows, store.search(unit(2, seed=1), 100).rows)


def test_half_precision_is_scored_as_it_is_stored():
    store, on_gpu = pair(unit(300).astype(np.float16))
    queries = unit(5, seed=1)
    np.testing.assert_array_equal(on_gpu.search(queries, 7).similarity, store.search(queries, 7).similarity)


def test_without_a_gpu_the_extra_is_named(monkeypatch):
    monkeypatch.delattr(faiss, "StandardGpuResources", raising=False)
    with pytest.raises(NoGPU, match=r"\[gpu\] in place of \[cpu\]"):
        require_gpu()
    with pytest.raises(NoGPU):
        trainer_on_gpu()
    with pytest.raises(NoGPU):
        GPUStore(ExactStore(unit(10)))


def test_a_gpu_that_is_not_seen_is_told_from_a_faiss_without(monkeypatch):
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    with pytest.raises(NoGPU, match="sees no GPU"):
        require_gpu()
