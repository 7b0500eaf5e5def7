"""The map and the clusters of an updated release: those of the release before, with new galaxies placed in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.maps.placing import PLACING_K, among_neighbours, beside_itself
from index.neighbours import NeighbourGraph
from index.release import Release
from index.vectors.exact import ExactStore

__all__ = ["carry_map"]

_BLOCK = 16_384


def carry_map(base: Release, vectors: ExactStore, graph: NeighbourGraph) -> dict[str, NDArray[Any]]:
    """Return the columns ``map_x``, ``map_y`` and ``cluster`` of an updated release; galaxies of ``base`` keep theirs.

    Parameters
    ----------
    vectors, graph
        Of the updated release: the rows of ``base``, then the new ones.

    Returns
    -------
    dict
        Shape (N,) each, NaN for null; without those that ``base`` has not.
    """
    columns: dict[str, NDArray[Any]] = {}
    new = np.arange(base.info.n, vectors.n)
    if base.places is not None:
        places = np.full((vectors.n, 2), np.nan, np.float32)
        places[: base.info.n] = base.places
        # A withdrawn row has none, and so places nobody.
        places[base.info.n :] = _among_old(base, vectors, graph, new)
        columns |= {"map_x": places[:, 0], "map_y": places[:, 1]}
    if base.clusters is not None:
        parts = [
            base.clusters.assign(vectors.vectors(new[at : at + _BLOCK])).cluster
            for at in range(0, len(new), _BLOCK)
        ]
        columns["cluster"] = np.concatenate([base.columns.array("cluster"), *parts])
    return columns


def _among_old(
    base: Release, vectors: ExactStore, graph: NeighbourGraph, new: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Place new rows among rows of ``base``, shape (len(new), 2)."""
    assert base.places is not None
    placed = np.full((len(new), 2), np.nan, np.float32)
    for at in range(0, len(new), _BLOCK):
        own = new[at : at + _BLOCK]
        near = graph.rows[own]
        counts = near < base.info.n
        counts &= np.cumsum(counts, axis=1) <= PLACING_K
        # A row repeats itself beyond its length: it is new, and so none of these.
        rows = np.where(counts, near, -1)
        similarity = beside_itself(vectors.vectors(own), graph.similarity[own])
        placed[at : at + len(own)] = among_neighbours(base.places, rows, similarity)
    lost = np.flatnonzero(np.isnan(placed[:, 0]))
    if len(lost):
        own_vectors = vectors.vectors(new[lost])
        hits = base.store.search(own_vectors, PLACING_K, allowed=base.alive)
        placed[lost] = among_neighbours(base.places, hits.rows, beside_itself(own_vectors, hits.similarity))
    return placed
