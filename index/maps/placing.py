"""Where a galaxy belongs on a map that was made without it: among its nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from index.release import Release

__all__ = ["PLACING_K", "Placed", "among_neighbours", "beside_itself", "place"]

#: Neighbours that a place is made from.
PLACING_K = 10
# Nearer than this is the same image; see `service.operations.likeness`.
_SAME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Places of Q vectors on a release's map, and their clusters.

    Attributes
    ----------
    xy
        float32, shape (Q, 2); NaN where the release has no map.
    cluster
        int32, shape (Q,); -1 where the release has no clusters.
    probability
        Of that cluster, float32, shape (Q,); NaN where there is none.
    """

    xy: NDArray[np.float32]
    cluster: NDArray[np.int32]
    probability: NDArray[np.float32]


def place(release: Release, vectors: NDArray[np.float32]) -> Placed:
    """Place new vectors on a release's map and in its clusters; nothing is fitted.

    Parameters
    ----------
    vectors
        Unit vectors of the space that is searched, shape (Q, D).
    """
    n = len(vectors)
    xy = np.full((n, 2), np.nan, np.float32)
    if release.places is not None and n:
        hits = release.searched.search(vectors, PLACING_K, allowed=release.alive)
        xy = among_neighbours(release.places, hits.rows, beside_itself(vectors, hits.similarity))
    if release.clusters is None:
        return Placed(xy, np.full(n, -1, np.int32), np.full(n, np.nan, np.float32))
    assigned = release.clusters.assign(vectors)
    return Placed(xy, assigned.cluster, assigned.probability)


def beside_itself(vectors: NDArray[np.float32], similarity: NDArray[np.float32]) -> NDArray[np.float64]:
    """Move similarities of vectors, shape (Q, D) and (Q, K), so that the very same vector is at 1: in half precision norms are not.

    Similarities end at 1, where a norm is larger too.
    """
    itself = np.minimum(np.einsum("qd,qd->q", vectors, vectors, dtype=np.float64), 1)
    return np.asarray(similarity + (1 - itself)[:, None], dtype=np.float64)


def among_neighbours(
    places: NDArray[np.float32], rows: NDArray[np.integer], similarity: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return the weighted mean of neighbours' places; the very same image has the very same place.

    A neighbour at distance d weighs exp(-(d - d_1) / s), where d_1 is the nearest one's and s the mean excess over it: as
    in UMAP's own graph (McInnes et al. 2018, section 3.1) it does not matter how thinly the sky of embeddings is
    populated there.

    Parameters
    ----------
    places
        Of the release's rows, shape (N, 2); NaN where one has none.
    rows, similarity
        Neighbours of Q vectors, nearest first, shape (Q, K); a row of -1 is none.

    Returns
    -------
    NDArray
        Shape (Q, 2), float32; NaN where no neighbour has a place.
    """
    if not rows.shape[1]:
        return np.full((len(rows), 2), np.nan, np.float32)
    xy = places[np.maximum(rows, 0)].astype(np.float64)
    counts = (rows >= 0) & np.isfinite(xy).all(axis=2)
    distance = np.where(counts, np.maximum(1 - similarity.astype(np.float64), 0), np.inf)
    nearest = distance.min(axis=1, keepdims=True)
    excess = np.subtract(distance, nearest, out=np.zeros_like(distance), where=counts)
    n = counts.sum(axis=1, keepdims=True)
    scale = excess.sum(axis=1, keepdims=True) / np.maximum(n, 1)
    weight = np.where(counts, np.exp(-excess / np.where(scale > 0, scale, 1)), 0.0)
    # The first of the same images alone.
    same = counts & (distance <= _SAME)
    first = same & (np.cumsum(same, axis=1) == 1)
    weight = np.where(same.any(axis=1, keepdims=True), first, weight)
    total = weight.sum(axis=1, keepdims=True)
    placed = (weight[:, :, None] * np.where(counts[:, :, None], xy, 0)).sum(axis=1)
    result = np.divide(placed, total, out=np.full_like(placed, np.nan), where=total > 0)
    return np.asarray(result, dtype=np.float32)
