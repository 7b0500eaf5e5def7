"""The certificate of a search: how far its list of hits can be trusted."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from index.vectors.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.served import Served

__all__ = ["certificate", "full_plan", "graph_plan", "sealed"]


def certificate(
    served: Served,
    plan: Plan,
    *,
    n_searched: int | None = None,
    filters: Mapping[str, Any] | None = None,
    is_complete: bool = True,
    is_truncated: bool = False,
) -> dict[str, Any]:
    """Return the ``search`` member of an answer, without token and plan (:func:`sealed`).

    Parameters
    ----------
    n_searched
        Objects that were allowed to be hits, where a question leaves out more than its filters do: itself.
    filters
        As the request stated them.
    is_complete
        Whether every hit that was asked for and exists is there: as many as asked for, or all there are.
    is_truncated
        Whether more objects fulfil a request by ``min_score`` than are given.
    """
    info = served.release.info
    recall = 1.0 if plan.is_exact else plan.recall_at_10
    return {
        "space": "embedding" if served.release.projection is None else "projection",
        "metric": info.metric,
        "exact": plan.is_exact,
        "recall": recall,
        "recall_at_10": info.recall_at_10 if recall is None else recall,
        "n_total": plan.n_total,
        "n_searched": plan.n_allowed if n_searched is None else n_searched,
        "filters": filters or {},
        "complete": is_complete and not is_truncated,
        "truncated": is_truncated,
        "partial": False,
        "strategy": plan.strategy,
        "release_sha256": served.release.sha256,
        "releases": None,
        "replay": None,
        "plan": None,
    }


def sealed(
    block: dict[str, Any], *, replay: str | None, plan: Plan | None = None, releases: Any = None
) -> dict[str, Any]:
    """Return a certificate with its replay token, and the plan where it is asked to explain itself.

    Parameters
    ----------
    releases
        What was searched together; None for one release.
    """
    return {**block, "releases": releases, "replay": replay, "plan": None if plan is None else asdict(plan)}


def graph_plan(served: Served) -> Plan:
    """Return the plan of an answer read from the precomputed neighbours."""
    release = served.release
    n = release.engine.n_total
    is_exact = release.graph_is_exact
    return Plan(
        strategy="graph",
        is_exact=is_exact,
        recall_at_10=1.0 if is_exact else release.graph_recall_at_10,
        n_total=n,
        n_allowed=n,
        effort=None,
        reason="The neighbours of every object were computed when the release was built.",
    )


def full_plan(served: Served, n_allowed: int) -> Plan:
    """Return the plan of an answer for which each of some objects was compared."""
    n = served.release.engine.n_total
    return Plan(
        strategy="exact" if n_allowed == n else "subset",
        is_exact=True,
        recall_at_10=1.0,
        n_total=n,
        n_allowed=n_allowed,
        effort=None,
        reason="Every allowed object was compared.",
    )
