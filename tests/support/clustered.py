"""Unit vectors in clusters, as embeddings of galaxies are, and indexes of them."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np


def clustered(
    n: int, dimension: int, *, seed: int = 0, clusters: int = 40, spread: float = 0.6
) -> np.ndarray:
    """Return unit vectors around random directions, float32, shape (n, dimension)."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(clusters, dimension))
    vectors = centres[rng.integers(0, clusters, n)] + spread * rng.normal(size=(n, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def raw_index(path: Path, vectors: np.ndarray, factory: str) -> Path:
    """Write a FAISS index of vectors, ids their rows, built without any of our code."""
    index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add_with_ids(vectors, np.arange(len(vectors)))
    faiss.write_index(index, str(path))
    return path


def overlap(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the share of expected rows that were found, over all queries."""
    shared = [len(set(a) & set(b)) for a, b in zip(found.tolist(), expected.tolist(), strict=True)]
    return sum(shared) / expected.size
