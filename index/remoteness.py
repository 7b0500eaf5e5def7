"""How far the catalogue's own galaxies lie from their neighbours, so that an image far from all is noticed."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from index.neighbours import NeighbourGraph

__all__ = ["REMOTENESS_K", "Remoteness"]

#: Neighbours that are looked at.
REMOTENESS_K = 10
# By so much may the distance of the same image differ from the stored one: rounding of pixels and float32.
_SAME_DISTANCE = 1e-6


class Remoteness:
    """Distances (1 - similarity) of a release's galaxies to their ten nearest neighbours, or all if there are fewer.

    It says whether an image is like anything that is indexed at all; how odd a galaxy is, its anomaly scores say. An image of
    a galaxy of the release does not come out below that galaxy by rounding.
    """

    def __init__(self, graph: NeighbourGraph) -> None:
        self.k = min(REMOTENESS_K, graph.k)
        self._graph = graph

    def percentile(self, distance: float) -> float:
        """Return the share of the release's galaxies whose tenth neighbour is at most so far, in per cent."""
        return _share(self._tenth, distance)

    def mean_percentile(self, distance: float) -> float:
        """Return the share whose ten neighbours are at most so far on the average, in per cent: the score of before format 5."""
        return _share(self._mean, distance)

    @cached_property
    def _tenth(self) -> NDArray[np.float32]:
        similarity, counts = self._near
        last = counts.sum(axis=1)[:, None] - 1
        return np.sort(1 - np.take_along_axis(similarity, last, axis=1)[:, 0])

    @cached_property
    def _mean(self) -> NDArray[np.float32]:
        similarity, counts = self._near
        total = np.where(counts, similarity, 0).sum(axis=1, dtype=np.float64)
        return np.sort((1 - total / counts.sum(axis=1)).astype(np.float32))

    @property
    def _near(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Similarities of the rows that are galaxies, and which of them count."""
        graph = self._graph
        if graph.k == 0:
            return np.ones((len(graph.rows), 1), np.float32), np.ones((len(graph.rows), 1), np.bool_)
        similarity = graph.similarity[:, : self.k]
        if graph.lengths is None:
            return similarity, np.ones(similarity.shape, np.bool_)
        # A row without neighbours among others that have some was withdrawn.
        alive = np.flatnonzero(graph.lengths)
        return similarity[alive], np.arange(self.k) < graph.lengths[alive, None]


def _share(distances: NDArray[np.float32], distance: float) -> float:
    rank = np.searchsorted(distances, distance + _SAME_DISTANCE, side="right")
    return 100 * float(rank) / len(distances)
