"""How unusual a galaxy is: its distance to its neighbours, calibrated on the release itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.neighbours import NeighbourGraph
from index.vectors.store import VectorArray, VectorStore

__all__ = ["ANOMALY_K", "AnomalyScale", "AnomalyScore", "knn_distances"]

ANOMALY_K = 10
# By so much may the distance of the same image differ from the stored one: rounding of pixels and float32.
_SAME_DISTANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class AnomalyScore:
    """The anomaly of one galaxy with its cause.

    Attributes
    ----------
    percentile
        Share of the release's own galaxies, in per cent, whose neighbours are at most as far: 0 to 100.
    knn_distance
        Mean of (1 - similarity) over the nearest ``ANOMALY_K`` galaxies.
    nearest_rows, nearest_similarity
        Those galaxies, nearest first.
    """

    percentile: float
    knn_distance: float
    nearest_rows: NDArray[np.int64]
    nearest_similarity: VectorArray


def knn_distances(graph: NeighbourGraph) -> NDArray[np.float32]:
    """Mean cosine distance of every row to its ``ANOMALY_K`` nearest others (to all, if there are fewer).

    A row without neighbours among others that have some was withdrawn: NaN.
    """
    if graph.k == 0:
        return np.zeros(len(graph.rows), np.float32)
    near = graph.similarity[:, :ANOMALY_K]
    if graph.lengths is None:
        return np.asarray(1 - near.mean(axis=1, dtype=np.float64), dtype=np.float32)
    counts = np.arange(near.shape[1])[None] < graph.lengths[:, None]
    total = np.where(counts, near, 0).sum(axis=1, dtype=np.float64)
    mean = np.divide(total, counts.sum(axis=1), out=np.full(len(near), np.nan), where=graph.lengths > 0)
    return np.asarray(1 - mean, dtype=np.float32)


class AnomalyScale:
    """Turns k-NN distances into percentiles of the release's own distances.

    Parameters
    ----------
    distances
        :func:`knn_distances` of the release, shape (N,); NaN where a row was withdrawn.
    store, graph
        The release's vectors and neighbours.
    """

    def __init__(self, distances: NDArray[np.float32], store: VectorStore, graph: NeighbourGraph) -> None:
        self.distances = distances
        alive = np.isfinite(distances)
        self._alive = None if alive.all() else alive
        self._sorted = np.sort(distances[alive])
        self._kth = np.sort(_kth_distances(graph)[alive])
        self._store = store
        self._graph = graph

    def percentile(self, knn_distance: NDArray[np.floating] | float) -> NDArray[np.float64]:
        """Return the share of the release's distances that are at most as large, in per cent."""
        rank = np.searchsorted(self._sorted, np.asarray(knn_distance, dtype=np.float32), side="right")
        return np.asarray(100 * rank / len(self._sorted), dtype=np.float64)

    def kth_percentile(self, kth_distance: float) -> float:
        """Return the share of the release's galaxies whose ``ANOMALY_K``-th neighbour is at most so far, in per cent.

        An image of a galaxy of the release does not come out below that galaxy by rounding.
        """
        rank = np.searchsorted(self._kth, kth_distance + _SAME_DISTANCE, side="right")
        return 100 * float(rank) / len(self._kth)

    def score(
        self,
        vector: VectorArray,
        *,
        exclude_row: int | None = None,
        without: NDArray[np.int64] | None = None,
    ) -> AnomalyScore:
        """Score one embedding.

        Parameters
        ----------
        vector
            Unit vector, shape (D,).
        exclude_row
            The galaxy's own row, left out of its neighbours.
        without
            Rows that are no neighbours, for an image that shows galaxies of the release.
        """
        if exclude_row is not None:
            return self.score_row(exclude_row)
        left_out = np.empty(0, np.int64) if without is None else without
        hits = self._store.search(vector[None], ANOMALY_K + len(left_out), allowed=self._alive)
        kept = np.flatnonzero(~np.isin(hits.rows[0], left_out))[:ANOMALY_K]
        return self._score(hits.rows[0][kept], hits.similarity[0][kept], within=_SAME_DISTANCE)

    def score_row(self, row: int) -> AnomalyScore:
        """Score a galaxy of the release from its precomputed neighbours."""
        rows, similarity = self._graph.of(row, ANOMALY_K)
        return self._score(rows.astype(np.int64), similarity)

    def ranked(self) -> NDArray[np.int64]:
        """Rows from the most to the least anomalous; equal ones by row."""
        return np.argsort(-self.distances, kind="stable")[: len(self._sorted)]

    def _score(
        self, rows: NDArray[np.int64], similarity: VectorArray, *, within: float = 0.0
    ) -> AnomalyScore:
        distance = float(np.float32(1 - similarity.mean(dtype=np.float64))) if len(rows) else 0.0
        return AnomalyScore(float(self.percentile(distance + within)), distance, rows, similarity)


def _kth_distances(graph: NeighbourGraph) -> NDArray[np.float32]:
    """Distance of every row's ``ANOMALY_K``-th neighbour alone: how far the catalogue thins out."""
    if graph.k == 0:
        return np.zeros(len(graph.rows), np.float32)
    last = np.full(len(graph.rows), graph.k) if graph.lengths is None else graph.lengths
    at = np.clip(np.minimum(last, ANOMALY_K) - 1, 0, None)[:, None]
    return np.asarray(1 - np.take_along_axis(graph.similarity, at, axis=1)[:, 0])
