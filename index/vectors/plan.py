"""How a search was done, which says how far its answer can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from index.vectors.store import Hits

__all__ = ["Plan", "Searched", "Strategy"]

#: ``graph``: read from the precomputed neighbours. ``exact``: every object compared. ``subset``: every allowed object
#: compared. ``ivf``, ``hnsw``: an approximate index. ``redone``: an approximate index fell short, so all were compared.
Strategy = Literal["graph", "exact", "subset", "ivf", "hnsw", "redone"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How hits were found.

    Attributes
    ----------
    is_exact
        Whether every allowed object was compared.
    recall_at_10
        Share of the true ten nearest that such a search finds: 1 where exact, else as measured when the index was
        built; None where nothing like it was measured.
    n_total, n_allowed
        Objects that can be hits, without and with the filters.
    effort
        ``nprobe`` or ``efSearch``; None for exact searches.
    reason
        Why this strategy, one sentence for people.
    """

    strategy: Strategy
    is_exact: bool
    recall_at_10: float | None
    n_total: int
    n_allowed: int
    effort: int | None
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """Hits with the plan that found them.

    Attributes
    ----------
    is_truncated
        Whether more objects fulfil the request than are given: of searches by ``min_score`` only.
    """

    hits: Hits
    plan: Plan
    is_truncated: bool = False
