"""What a built release finds of the truth, measured with its own galaxies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from index.release import Release
from index.vectors.recall import RECALL_KS, Recall, recall_of
from index.vectors.store import Hits

__all__ = ["measure_release"]

_BLOCK = 256


def measure_release(
    release: Release,
    n_queries: int,
    *,
    effort: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Recall]:
    """Search with vectors of the release, each without itself, and compare with exact search in the same space.

    An inverted file finds neighbours of a vector that it holds as it finds those of others. A graph may lead to them
    by way of the vector itself, so that its share comes out a little high; that measured at building did not.

    Parameters
    ----------
    n_queries
        Galaxies drawn by ``seed``; all there are when they are fewer.
    effort
        The release's own by default.
    progress
        Told how many queries are done, of how many.

    Returns
    -------
    list
        Recall of the 10 and the 100 nearest.
    """
    alive = release.alive
    living = np.arange(release.info.n) if alive is None else np.flatnonzero(alive)
    own = np.random.default_rng(seed).choice(
        living, min(n_queries, len(living)), replace=False, shuffle=False
    )
    index = release.approximate
    used = None if index is None else min(effort or index.effort, index.max_effort)
    measured = []
    for step, k in enumerate(RECALL_KS):
        truth, found = [], []
        for start in range(0, len(own), _BLOCK):
            block = own[start : start + _BLOCK]
            vectors = release.store.vectors(block)
            exact = release.store.search(vectors, k + 1, allowed=alive)
            hits = exact if index is None else index.search(vectors, k + 1, allowed=alive, effort=used)
            truth.append(_others(exact, block, k))
            found.append(_others(hits, block, k))
            if progress is not None:
                progress(step * len(own) + start + len(block), len(RECALL_KS) * len(own))
        rows = np.vstack(found)
        hits = Hits(rows, np.zeros(rows.shape, np.float32), (rows >= 0).sum(axis=1))
        expected = np.vstack(truth)[:, : min(k, len(living) - 1)]
        measured.append(recall_of(hits, expected, k, space="search", effort=used))
    return measured


def _others(hits: Hits, own: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Return the first k hits of each query that are not itself; -1 where there are fewer."""
    rows = np.full((len(own), k), -1, np.int64)
    for query, (row, found) in enumerate(zip(own, hits.rows, strict=True)):
        kept = found[(found != row) & (found >= 0)][:k]
        rows[query, : len(kept)] = kept
    return rows
