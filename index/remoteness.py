"""How far the catalogue's own galaxies lie from their neighbours, so that an image far from all is noticed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.neighbours import NeighbourGraph

__all__ = ["REMOTENESS_K", "Remoteness"]

#: The neighbour that is looked at.
REMOTENESS_K = 10
# By so much may the distance of the same image differ from the stored one: rounding of pixels and float32.
_SAME_DISTANCE = 1e-6


class Remoteness:
    """Distances (1 - similarity) of a release's galaxies to their tenth neighbour, or the last if there are fewer.

    It says whether an image is like anything that is indexed at all; how odd a galaxy is, its anomaly scores say.
    """

    def __init__(self, graph: NeighbourGraph) -> None:
        self.k = min(REMOTENESS_K, graph.k)
        self._sorted = np.sort(_distances(graph))

    def percentile(self, distance: float) -> float:
        """Return the share of the release's galaxies whose tenth neighbour is at most so far, in per cent.

        An image of a galaxy of the release does not come out below that galaxy by rounding.
        """
        rank = np.searchsorted(self._sorted, distance + _SAME_DISTANCE, side="right")
        return 100 * float(rank) / len(self._sorted)


def _distances(graph: NeighbourGraph) -> NDArray[np.float32]:
    """Distances of all rows that are galaxies: one without neighbours among others that have some was withdrawn."""
    if graph.k == 0:
        return np.zeros(len(graph.rows), np.float32)
    if graph.lengths is None:
        return np.asarray(1 - graph.similarity[:, min(REMOTENESS_K, graph.k) - 1])
    alive = np.flatnonzero(graph.lengths)
    last = np.minimum(graph.lengths[alive], REMOTENESS_K) - 1
    return np.asarray(1 - graph.similarity[alive, last])
