"""Looks up the vectors of a release in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from survey.manifests import CorruptFolder

if TYPE_CHECKING:
    from index.release import Release

__all__ = ["verify_release"]

_SELF_SIMILARITY = {"float32": 1e-5, "float16": 1e-3}
_VERIFY_AT_MOST = 100_000
# Multiplications: some seconds of one core. 540 vectors of 1,000,000 x 128, all of 23,000.
_VERIFY_PRODUCTS = 2**36
_LOOKED_UP = 1000
# An index of other vectors finds next to none of them; one at any sensible effort finds nearly all.
_FOUND_AT_LEAST = 0.9
_BLOCK = 1024


def verify_release(release: Release) -> None:
    """Look up vectors (all, or as many as take some seconds, spread over the rows): each must find itself first, or a tie.

    In an approximate index nine in ten must, of up to 1,000.

    Raises
    ------
    CorruptFolder
        If one does not, or has not norm 1 within 1e-5 (1e-3 in half precision).
    """
    store = release.store
    limit = _SELF_SIMILARITY[store.storage]
    at_most = max(1, min(_VERIFY_AT_MOST, _VERIFY_PRODUCTS // (store.n * store.dimension)))
    rows = np.arange(0, store.n, -(-store.n // at_most))
    for start in range(0, len(rows), _BLOCK):
        own = rows[start : start + _BLOCK]
        vectors = store.vectors(own)
        hits = store.search(vectors, 1)
        itself = np.einsum("qd,qd->q", vectors.astype(np.float64), vectors.astype(np.float64))
        lost = (hits.rows[:, 0] != own) & (hits.similarity[:, 0] - itself > limit)
        lost |= ~(np.abs(itself - 1) <= limit)
        if lost.any():
            object_id = release.columns.ids[int(own[lost.argmax()])]
            raise CorruptFolder(
                f"{release.id}: {object_id!r} does not find itself first; build the release again"
            )
    _look_up(release, rows[:: -(-len(rows) // _LOOKED_UP)], limit)


def _look_up(release: Release, rows: NDArray[np.int64], limit: float) -> None:
    """Look up some rows in the approximate index, if there is one."""
    if release.approximate is None:
        return
    vectors = release.store.vectors(rows)
    hits = release.approximate.search(vectors, 1)
    found = np.zeros(len(rows), np.bool_)
    if hits.rows.shape[1]:
        found = (hits.rows[:, 0] == rows) | (hits.similarity[:, 0] >= 1 - limit)
    if found.mean() < _FOUND_AT_LEAST:
        raise CorruptFolder(
            f"{release.id}: its index finds {int(found.sum())} of {len(rows)} vectors; build the release again"
        )
