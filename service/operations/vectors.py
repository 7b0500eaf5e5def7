"""Neighbours of vectors: many searches, one certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from service.certificate import certificate
from service.operations.finding import Wanted, allowed_of, hits_of, rank_by_vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.vectors.plan import Plan, Searched
    from service.served import Served

__all__ = ["Answered", "of_each", "of_searched"]


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What vectors find.

    Attributes
    ----------
    search
        The certificate of all.
    results
        Of each vector, as an answer says it.
    n_hits
        Of all together.
    """

    search: dict[str, Any]
    plan: Plan
    results: list[dict[str, Any]]
    n_hits: int


def of_searched(served: Served, searched: Sequence[Searched], k: int) -> Answered:
    """Return what plain searches for the k nearest found."""
    results = []
    for part in searched:
        for row, length in enumerate(part.hits.lengths.tolist()):
            rows, similarity = part.hits.rows[row, :length], part.hits.similarity[row, :length]
            is_complete = part.plan.is_exact or length >= k
            results.append(_result(served.hit_texts.of(rows, similarity), is_complete=is_complete))
    # The answer is as exact as the least exact of its passes.
    plan = min((part.plan for part in searched), key=lambda one: (one.is_exact, one.strategy != "redone"))
    is_complete = all(result["complete"] for result in results)
    n_hits = int(sum(part.hits.lengths.sum() for part in searched))
    return Answered(certificate(served, plan, is_complete=is_complete), plan, results, n_hits)


def of_each(served: Served, vectors: NDArray[np.float32], wanted: Wanted) -> Answered:
    """Return what filtered or bounded searches find, one after another.

    Raises
    ------
    BadSelection
        If the release cannot apply the selection.
    """
    allowed = allowed_of(served, wanted.selection, ())
    found = [
        hits_of(served, wanted, allowed, rank_by_vector(served, vector, wanted, allowed))
        for vector in vectors
    ]
    results = [
        _result(
            served.hit_texts.of(one.rows, one.similarity),
            is_complete=one.search["complete"],
            is_truncated=one.search["truncated"],
        )
        for one in found
    ]
    # Where an index fell short for one of them, that one tells.
    least = min(found, key=lambda one: (one.search["exact"], one.plan.strategy != "redone"))
    search = {
        **least.search,
        "complete": all(result["complete"] for result in results),
        "truncated": any(result["truncated"] for result in results),
    }
    return Answered(search, least.plan, results, sum(len(one.rows) for one in found))


def _result(hits: orjson.Fragment, *, is_complete: bool, is_truncated: bool = False) -> dict[str, Any]:
    return {"complete": is_complete, "truncated": is_truncated, "hits": hits}
