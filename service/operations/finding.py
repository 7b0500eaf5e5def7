"""From a ranking of a release's objects to the hits of one page of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.queries.diversity import diversify, pool_size
from index.selection import EVERYTHING, Selection
from index.vectors.plan import Plan
from service.certificate import certificate
from service.operations.cursors import MOST_HITS, HitCursor, after
from service.served import Served
from survey.archive import UnknownObject

__all__ = ["ROUNDED", "Allowed", "Found", "Ranked", "Wanted", "allowed_of", "hits_of", "rank_by_vector"]

#: Answers state similarities in six digits: half of the last one, by which a hit may seem nearer than it is.
ROUNDED = 5e-7
# So many left out objects are searched with and dropped: a mask would cost a copy of all other vectors.
_FEW = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which hits of a ranking are wanted.

    Attributes
    ----------
    k
        How many.
    exact
        Whether an approximate answer will not do.
    min_score
        Least similarity of a hit as answers state it (:data:`ROUNDED`); None without a limit.
    diversity
        0 for the plain ranking, to 1 (:mod:`index.queries.diversity`).
    cursor
        The end of the page before; None for the first page.
    """

    k: int = 10
    selection: Selection = EVERYTHING
    exact: bool = False
    min_score: float | None = None
    diversity: float = 0.0
    cursor: HitCursor | None = None

    @property
    def is_plain(self) -> bool:
        """Whether these are just the k nearest of all."""
        is_free = self.selection is EVERYTHING or not self.selection
        return is_free and self.min_score is None and not self.diversity and self.cursor is None


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """What may be a hit.

    Attributes
    ----------
    mask
        Shape (n,); None when all may.
    groups
        Shape (n,): rows of one number count once; None when each counts.
    left_out
        Rows that the mask allows and that are no hits all the same.
    """

    mask: NDArray[np.bool_] | None
    groups: NDArray[np.int32] | None
    left_out: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The best of a ranking: rows, their similarities falling, and how they were found."""

    rows: NDArray[np.int64]
    similarity: NDArray[np.float32]
    plan: Plan


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Hits in their order.

    Attributes
    ----------
    search
        The certificate.
    end
        Number of hits up to here, similarity and row of the last one, where more follow; else None.
    n_before
        Hits on the pages before.
    """

    rows: NDArray[Any]
    similarity: NDArray[np.float32]
    search: dict[str, Any]
    plan: Plan
    end: tuple[int, float, int] | None = None
    n_before: int = 0


def allowed_of(served: Served, selection: Selection, own: Iterable[int]) -> Allowed:
    """Return what a selection allows without the objects that were asked with.

    Raises
    ------
    BadSelection
        If the release cannot apply it.
    """
    release = served.release
    rows = {*own, *selection.excluded_rows, *_rows(served, selection.excluded_ids)}
    if selection.is_condition or selection.dedup or len(rows) > _FEW:
        masked = replace(selection, excluded_rows=tuple(rows), excluded_ids=())
        groups = None if selection.dedup is None else release.masks.groups(selection.dedup)
        return Allowed(masked.mask(release), groups, np.empty(0, np.int64))
    return Allowed(None, None, np.array(sorted(rows), np.int64))


def rank_by_vector(
    served: Served, vector: NDArray[np.float32], wanted: Wanted, allowed: Allowed
) -> Callable[[int], Ranked]:
    """Return what finds the n objects nearest to a unit vector, shape (D,)."""
    engine = served.release.engine

    def rank(n: int) -> Ranked:
        n += len(allowed.left_out)
        if wanted.min_score is None:
            searched = engine.search(
                vector[None], n, allowed=allowed.mask, exact=wanted.exact, groups=allowed.groups
            )
        else:
            least = wanted.min_score - ROUNDED
            searched = engine.above(vector, least, n, allowed=allowed.mask, groups=allowed.groups)
        hits = searched.hits
        rows, similarity = hits.rows[0, : hits.lengths[0]], hits.similarity[0, : hits.lengths[0]]
        if len(allowed.left_out):
            kept = ~np.isin(rows, allowed.left_out)
            rows, similarity = rows[kept], similarity[kept]
        return Ranked(rows, similarity, searched.plan)

    return rank


def hits_of(served: Served, wanted: Wanted, allowed: Allowed, rank: Callable[[int], Ranked]) -> Found:
    """Return the hits that are wanted of a ranking."""
    n_before = 0 if wanted.cursor is None else wanted.cursor.n_given
    k = min(wanted.k, MOST_HITS - n_before)
    # One more than wanted shows whether there are more.
    n = pool_size(k) if wanted.diversity else n_before + k + 1
    while True:
        ranked = rank(n)
        rows, similarity = ranked.rows, ranked.similarity
        if wanted.cursor is not None:
            behind = after(wanted.cursor, rows, similarity)
            rows, similarity = rows[behind], similarity[behind]
        # An approximate search that now finds what the pages before lacked has fewer left for this one.
        if wanted.cursor is None or len(rows) > k or len(ranked.rows) < n:
            break
        n *= 2
    has_more = len(rows) > k
    chosen: slice | NDArray[np.int64] = slice(k)
    if wanted.diversity:
        chosen = diversify(similarity, served.release.store.vectors(rows), k, wanted.diversity)
    rows, similarity = rows[chosen], similarity[chosen]
    n_here = n_before + len(rows)
    is_range = wanted.min_score is not None
    search = certificate(
        served,
        ranked.plan,
        n_searched=ranked.plan.n_allowed - len(allowed.left_out),
        filters=wanted.selection.to_json(),
        # An exact search gives all there are, unless the list ends before.
        is_complete=(len(rows) == wanted.k and not is_range)
        or (ranked.plan.is_exact and not (has_more and k < wanted.k)),
        is_truncated=is_range and has_more,
    )
    goes_on = has_more and not wanted.diversity and n_here < MOST_HITS
    end = (n_here, float(similarity[-1]), int(rows[-1])) if goes_on else None
    return Found(rows, similarity, search, ranked.plan, end, n_before)


def _rows(served: Served, ids: Iterable[str]) -> Iterable[int]:
    for object_id in ids:
        try:
            yield served.release.columns.row_of(object_id)
        except UnknownObject:
            continue
