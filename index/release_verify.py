"""Whether the parts of a release belong together, and its vectors find themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.anomalies.model import ANOMALIES
from index.clusters.mixture import CLUSTERS
from index.vectors.projection import PROJECTION
from survey.manifests import CorruptFolder

if TYPE_CHECKING:
    from index.release import Release

__all__ = ["check_counts", "hash_of_ids", "verify_release"]

_SELF_SIMILARITY = {"float32": 1e-5, "float16": 1e-3}
_VERIFY_AT_MOST = 100_000
# Multiplications: some seconds of one core. 540 vectors of 1,000,000 x 128, all of 23,000.
_VERIFY_PRODUCTS = 2**36
_LOOKED_UP = 1000
# An index of other vectors finds next to none of them; one at any sensible effort finds nearly all.
_FOUND_AT_LEAST = 0.9
_BLOCK = 1024
# The first kind of release with an anomaly model.
_SCORED_SINCE = 5


def check_counts(release: Release) -> None:
    """Check that vectors, columns, graph and manifest speak of the same galaxies.

    Raises
    ------
    CorruptFolder
        If they do not.
    """
    n, columns = release.info.n, release.columns
    counts = {
        "vectors": release.store.n,
        "columns": columns.n,
        "neighbours": len(release.graph.rows),
        **_stored_counts(release),
    }
    # Opened, it checks that it holds the rows it should.
    _ = release.approximate
    projection = release.projection
    if projection is not None and projection.dimension_out != release.info.dimension:
        raise CorruptFolder(
            f"{release.id}: {PROJECTION} gives {projection.dimension_out} dimensions, the vectors have "
            f"{release.info.dimension}; build the release again"
        )
    _check_scores(release)
    if release.causes is not None:
        counts["inspected galaxies"] = len(release.causes)
    if release.domain is not None and release.domain.n > n:
        counts["measured galaxies"] = release.domain.n
    wrong = [name for name, count in counts.items() if count != n]
    if wrong:
        raise CorruptFolder(
            f"{release.id}: {counts[wrong[0]]} {wrong[0]} for {n} galaxies; build the release again"
        )
    _check_clusters(release)
    if hash_of_ids(columns.ids) != release.info.ids_sha256:
        raise CorruptFolder(
            f"{release.id}: the ids of the columns are not those of the vectors; build the release again"
        )


def _check_scores(release: Release) -> None:
    """Check that the anomaly model scores this release's vectors, and that every galaxy is scored."""
    model = release.anomalies
    if model is None:
        if release.format >= _SCORED_SINCE:
            raise CorruptFolder(f"{release.id}: {ANOMALIES} is missing; build the release again")
        return
    if model.dimension != release.info.dimension:
        raise CorruptFolder(
            f"{release.id}: {ANOMALIES} scores {model.dimension} dimensions, the vectors have "
            f"{release.info.dimension}; build the release again"
        )
    unknown = np.isnan(release.columns.array("anomaly_p")[release.galaxies])
    if unknown.any():
        raise CorruptFolder(
            f"{release.id}: {int(unknown.sum())} galaxies have no anomaly score; build the release again"
        )


def _check_clusters(release: Release) -> None:
    """Check that the mixture, if there is one, parts this release's vectors, and its exemplars are of the release."""
    mixture = release.clusters
    if mixture is None:
        return
    if len(mixture.mean) != release.info.dimension or mixture.exemplars.max(initial=-1) >= release.info.n:
        raise CorruptFolder(f"{release.id}: {CLUSTERS} is of another release; build the release again")


def hash_of_ids(ids: Iterable[str]) -> str:
    """Return the SHA-256 of ids in order; NUL, which no id may hold, ends each."""
    digest = hashlib.sha256()
    for object_id in ids:
        digest.update(object_id.encode() + b"\x00")
    return digest.hexdigest()


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


def _stored_counts(release: Release) -> dict[str, int]:
    try:
        stored = release.stored_redshifts
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptFolder(f"{release.id}: the redshifts cannot be read; build the release again") from error
    return {} if stored is None else stored.counts


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
