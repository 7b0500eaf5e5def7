"""Neighbours of several examples: liked ones and others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from index.duplicates import first_of_each
from index.queries.best_score import best_scores
from index.queries.merge import merge_by_max
from index.queries.rocchio import Weights, mean_direction, rocchio
from service.certificate import full_plan
from service.operations.finding import (
    ROUNDED,
    Allowed,
    Found,
    Ranked,
    Wanted,
    allowed_of,
    hits_of,
    rank_by_vector,
)
from service.served import Served

if TYPE_CHECKING:
    from index.vectors.plan import Plan
    from index.vectors.store import Hits

__all__ = ["Examples", "Method", "by_examples"]

# Positives that are searched together: their hits, 10,000 each on the last page, wait in memory.
_TOGETHER = 64

#: How several examples make one ranking.
Method = Literal["rocchio", "best_score", "mean", "max"]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What is asked with.

    Attributes
    ----------
    positives, negatives
        Unit vectors, shapes (P, D) and (N, D); P at least 1. ``mean`` and ``max`` take no negatives.
    rows
        Rows among them, which are no hits.
    """

    method: Method
    positives: NDArray[np.float32]
    negatives: NDArray[np.float32]
    weights: Weights
    rows: tuple[int, ...] = ()


def by_examples(served: Served, examples: Examples, wanted: Wanted) -> Found:
    """Find what is most like the positives and least like the negatives.

    The similarity of a hit is that to Rocchio's query, its mean or its largest similarity to the positives, or its
    best score (:mod:`index.queries.best_score`).

    Raises
    ------
    BadQuery
        If the examples cancel each other.
    BadSelection
        If the release cannot apply the selection.
    """
    allowed = allowed_of(served, wanted.selection, examples.rows)
    if examples.method == "rocchio":
        query = rocchio(examples.positives, examples.negatives, examples.weights)
        return hits_of(served, wanted, allowed, rank_by_vector(served, query, wanted, allowed))
    if examples.method == "mean":
        return _by_mean(served, examples, wanted, allowed)
    ranking = _by_max if examples.method == "max" else _by_best_score
    return hits_of(served, wanted, allowed, _cut(ranking(served, examples, wanted, allowed), wanted))


def _by_mean(served: Served, examples: Examples, wanted: Wanted, allowed: Allowed) -> Found:
    """Search with the direction of the mean, whose length turns its similarities into mean ones."""
    query, length = mean_direction(examples.positives.mean(axis=0, dtype=np.float64))
    if len(examples.positives) == 1:
        query, length = examples.positives[0], 1.0
    scaled = wanted
    if wanted.min_score is not None:
        scaled = replace(wanted, min_score=(wanted.min_score - ROUNDED) / length + ROUNDED)
    found = hits_of(served, scaled, allowed, rank_by_vector(served, query, scaled, allowed))
    return replace(found, similarity=(found.similarity * length).astype(np.float32))


def _by_max(served: Served, examples: Examples, wanted: Wanted, allowed: Allowed) -> Callable[[int], Ranked]:
    def rank(n: int) -> Ranked:
        n += len(allowed.left_out)
        plans: list[Plan] = []

        def lists() -> Iterator[Hits]:
            for start in range(0, len(examples.positives), _TOGETHER):
                searched = served.release.engine.search(
                    examples.positives[start : start + _TOGETHER],
                    n,
                    allowed=allowed.mask,
                    exact=wanted.exact,
                    groups=allowed.groups,
                )
                plans.append(searched.plan)
                yield searched.hits

        rows, similarity = merge_by_max(lists(), n, groups=allowed.groups)
        # The answer is as exact as the least exact of its searches.
        plan = next((plan for plan in plans if not plan.is_exact), plans[0])
        return _distinct(rows, similarity, allowed, Ranked(rows, similarity, plan))

    return rank


def _by_best_score(
    served: Served, examples: Examples, _wanted: Wanted, allowed: Allowed
) -> Callable[[int], Ranked]:
    release = served.release
    mask = np.ones(release.info.n, np.bool_) if allowed.mask is None else allowed.mask.copy()
    if release.alive is not None:
        mask &= release.alive
    candidates = np.flatnonzero(mask)
    plan = full_plan(served, len(candidates))
    candidates = candidates[~np.isin(candidates, allowed.left_out)]

    def rank(n: int) -> Ranked:
        # Rows of one object count once: all are scored, since nobody knows how many of them are the same.
        wide = n if allowed.groups is None else len(candidates)
        rows, scores = best_scores(
            release.store.vectors, candidates, examples.positives, examples.negatives, wide
        )
        ranked = _distinct(rows, scores, allowed, Ranked(rows, scores, plan))
        return Ranked(ranked.rows[:n], ranked.similarity[:n], plan)

    return rank


def _distinct(
    rows: NDArray[np.int64], similarity: NDArray[np.float32], allowed: Allowed, ranked: Ranked
) -> Ranked:
    """Drop what is left out, and all but the best row of each object."""
    kept = np.flatnonzero(~np.isin(rows, allowed.left_out))
    if allowed.groups is not None:
        kept = kept[first_of_each(allowed.groups[rows[kept]])]
    return Ranked(rows[kept], similarity[kept], ranked.plan)


def _cut(rank: Callable[[int], Ranked], wanted: Wanted) -> Callable[[int], Ranked]:
    """Keep of a ranking what reaches ``min_score``."""
    least = wanted.min_score
    if least is None:
        return rank

    def above(n: int) -> Ranked:
        ranked = rank(n)
        kept = ranked.similarity >= np.float32(least - ROUNDED)
        return Ranked(ranked.rows[kept], ranked.similarity[kept], ranked.plan)

    return above
