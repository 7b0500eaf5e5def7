"""k-means: the centroids of an inverted file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from index.vectors.store import VectorArray

__all__ = ["Trainer", "train_lists"]

# As many as FAISS gives its own inverted files.
_ITERATIONS = 10

#: Takes a sample (S, D), a number of lists and a seed; returns centroids (lists, D) of unit norm.
Trainer = Callable[[VectorArray, int, int], VectorArray]

_faiss: Any = faiss


def train_lists(sample: VectorArray, n_lists: int, seed: int, *, gpu: bool = False) -> VectorArray:
    """Find centroids by spherical k-means.

    Parameters
    ----------
    sample
        Unit vectors, float32, shape (S, D), S at least ``n_lists``.
    gpu
        Whether on all GPUs, by faiss-gpu.

    Returns
    -------
    VectorArray
        Unit vectors, float32, shape (n_lists, D); the same for the same sample and seed.

    References
    ----------
    Dhillon & Modha 2001, Machine Learning 42, 143: k-means by inner product, centroids on the sphere.
    """
    means = _faiss.Kmeans(
        sample.shape[1],
        n_lists,
        niter=_ITERATIONS,
        seed=seed,
        spherical=True,
        gpu=gpu,
        # The sample's size was chosen by the factory: take all of it, and warn of nothing.
        min_points_per_centroid=1,
        max_points_per_centroid=len(sample),
    )
    means.train(np.ascontiguousarray(sample, dtype=np.float32))
    return np.asarray(means.centroids, dtype=np.float32)
