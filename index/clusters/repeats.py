"""Galaxies of a release that are there more than once: by place, by parent image, by picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from index.duplicates import groups_by_place, groups_by_value
from index.neighbours import NeighbourGraph
from index.release import PARENT, Release
from index.sky_rows import SkyRows
from index.vectors.exact import ExactStore

__all__ = ["SAME_PICTURE", "Repeat", "mutual_pairs", "repeats"]

#: Similarity from which two pictures are taken for the same one: what a lossless copy, moved by a rounding, keeps.
SAME_PICTURE: Final = 0.9999
# Half precision leaves norms of 1 within 1e-3, and similarities of copies with them.
_ROUNDED = 1e-3
_BLOCK = 65_536
_BY_PLACE, _BY_PARENT, _BY_PICTURE = "place", "parent", "picture"


@dataclass(frozen=True, slots=True)
class Repeat:
    """Rows that are taken for one galaxy.

    Attributes
    ----------
    rows
        Rising, at least two.
    found_by
        What joins them: some of ``place`` (within 2 arcsec), ``parent`` (of one parent image), ``picture`` (each among the
        other's nearest, and more similar than the limit).
    """

    rows: tuple[int, ...]
    found_by: tuple[str, ...]


def repeats(release: Release, *, above: float = SAME_PICTURE) -> list[Repeat]:
    """Return groups of rows that are one galaxy, the largest first; what is joined to one is joined to its others.

    Parameters
    ----------
    above
        Similarity from which pictures are the same, at most 1.
    """
    alive = np.ones(release.info.n, np.bool_) if release.alive is None else release.alive
    groups = {_BY_PLACE: groups_by_place(SkyRows(release.columns))}
    if PARENT in release.columns.names:
        groups[_BY_PARENT] = groups_by_value(release.columns.codes(PARENT)[0])
    is_rounded = release.store.storage == "float16"
    pictures = mutual_pairs(release.graph, above, norms=_norms(release.store) if is_rounded else None)
    pairs = {name: _pairs_of(one, alive) for name, one in groups.items()}
    pairs[_BY_PICTURE] = pictures[alive[pictures].all(axis=1)]
    joined = _joined(pairs.values(), release.info.n)
    members = np.flatnonzero(np.bincount(joined)[joined] > 1)
    order = members[np.argsort(joined[members], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(joined[order])) + 1) if len(order) else []
    reasons = {name: set(joined[one[:, 0]].tolist()) for name, one in pairs.items()}
    found = [
        Repeat(
            tuple(rows.tolist()),
            tuple(name for name, where in reasons.items() if int(joined[rows[0]]) in where),
        )
        for rows in parts
    ]
    return sorted(found, key=lambda one: (-len(one.rows), one.rows))


def mutual_pairs(
    graph: NeighbourGraph, above: float, *, norms: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """Return pairs of rows, the lower first, each among the other's neighbours and at least so similar; shape (P, 2).

    Parameters
    ----------
    norms
        Of the vectors, shape (N,), where they are not 1.
    """
    close = graph.similarity >= (above if norms is None else above - _ROUNDED)
    if graph.lengths is not None:
        close &= np.arange(graph.k)[None] < graph.lengths[:, None]
    one, at = np.nonzero(close)
    other = graph.rows[one, at].astype(np.int64)
    if norms is not None:
        # Similarities end at 1, where norms are larger too.
        kept = graph.similarity[one, at] >= above * np.minimum(norms[one] * norms[other], 1)
        one, other = one[kept], other[kept]
    pairs = np.stack([np.minimum(one, other), np.maximum(one, other)], axis=1)
    found, times = np.unique(pairs, axis=0, return_counts=True)
    return np.asarray(found[times == 2], dtype=np.int64).reshape(-1, 2)


def _norms(store: ExactStore) -> NDArray[np.float64]:
    norms = np.empty(store.n)
    for at in range(0, store.n, _BLOCK):
        norms[at : at + _BLOCK] = np.linalg.norm(store.vectors(slice(at, at + _BLOCK)), axis=1)
    return norms


def _pairs_of(groups: NDArray[np.int32], alive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Chain the living rows of each group: every one with the next."""
    rows = np.flatnonzero(alive)
    rows = rows[np.argsort(groups[rows], kind="stable")]
    same = groups[rows[1:]] == groups[rows[:-1]]
    return np.stack([rows[:-1][same], rows[1:][same]], axis=1)


def _joined(pairs: Iterable[NDArray[np.int64]], n: int) -> NDArray[np.int32]:
    links = np.vstack(list(pairs))
    graph = coo_array((np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32)
