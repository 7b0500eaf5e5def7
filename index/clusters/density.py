"""Clusters by density: HDBSCAN, which leaves galaxies that belong to none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.clusters.components import fit_components
from index.vectors.exact import ExactStore

__all__ = ["MOST_FITTED", "density_clusters"]

#: Galaxies that are compared with each other; further ones follow the nearest of them.
MOST_FITTED = 20_000
# As Mohale & Lochner 2024 have them.
_MIN_SIZE, _MIN_SAMPLES = 50, 30
_BLOCK = 4096


def density_clusters(
    vectors: ExactStore, *, seed: int = 0, alive: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """Part vectors into dense groups, on the principal components of 95 % of the variance.

    Above 20,000 a seeded sample is parted, and every other galaxy goes where its nearest one of the sample went.

    Parameters
    ----------
    alive
        Rows that are galaxies, shape (N,); None for all.

    Returns
    -------
    NDArray
        Group of each row, the largest 0, shape (N,); -1 for none, as most galaxies are where many dimensions spread them
        evenly.

    References
    ----------
    Campello, Moulavi & Sander 2013, PAKDD, 160.
    """
    from sklearn.cluster import HDBSCAN  # noqa: PLC0415 # seconds of import

    rows = np.arange(vectors.n) if alive is None else np.flatnonzero(alive)
    labels = np.full(vectors.n, -1, np.int32)
    drawn = rows
    if len(rows) > MOST_FITTED:
        drawn = np.sort(np.random.default_rng(seed).choice(rows, MOST_FITTED, replace=False))
    if len(drawn) < _MIN_SIZE:
        return labels
    sample = vectors.vectors(drawn)
    found = HDBSCAN(min_cluster_size=_MIN_SIZE, min_samples=_MIN_SAMPLES, copy=True, n_jobs=1).fit_predict(
        fit_components(sample)(sample)
    )
    labels[drawn] = _largest_first(found)
    others = np.setdiff1d(rows, drawn, assume_unique=True)
    if len(others):
        store = ExactStore(sample)
        for at in range(0, len(others), _BLOCK):
            own = others[at : at + _BLOCK]
            labels[own] = labels[drawn[store.search(vectors.vectors(own), 1).rows[:, 0]]]
    return labels


def _largest_first(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    sizes = np.bincount(labels[labels >= 0])
    rank = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
    return np.where(labels < 0, -1, rank[labels] if len(sizes) else -1).astype(np.int32)
