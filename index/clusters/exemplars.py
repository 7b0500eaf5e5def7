"""The galaxies that show best what a cluster is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.clusters.mixture import Assigned

__all__ = ["N_EXEMPLARS", "exemplars"]

#: Of each cluster.
N_EXEMPLARS = 12
# Of which a galaxy surely belongs to its cluster.
_SURE = 0.9


def exemplars(assigned: Assigned, n_clusters: int, *, n: int = N_EXEMPLARS) -> NDArray[np.int64]:
    """Return the members nearest their cluster's mean, in units of its spread; those that surely belong go first.

    Returns
    -------
    NDArray
        Rows, shape (n_clusters, n); -1 where a cluster has fewer members.
    """
    found = np.full((n_clusters, n), -1, np.int64)
    for cluster in range(n_clusters):
        rows = np.flatnonzero(assigned.cluster == cluster)
        unsure = assigned.probability[rows] < _SURE
        best = rows[np.lexsort((rows, assigned.distance[rows], unsure))[:n]]
        found[cluster, : len(best)] = best
    return found
