"""How much of the truth a search finds, measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from index.vectors.approximate import ApproximateStore
from index.vectors.exact import ExactStore
from index.vectors.store import Hits, VectorArray

__all__ = ["RECALL_KS", "Recall", "choose_effort", "nearest_in_blocks", "recall_of"]

#: Of how many nearest neighbours recall is told.
RECALL_KS = (10, 100)
#: An effort is enough where it finds this share of the ten nearest.
ENOUGH = 0.99
_LEAST_EFFORT = {"ivf": 1, "hnsw": 16}
# The 97.5th percentile of the normal distribution.
_Z = 1.959964

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of the k nearest that was found, over some queries.

    Attributes
    ----------
    space
        Where the true neighbours were taken: among the vectors searched, or among the model's embeddings.
    effort
        Of the search; None for exact search (in another space than the truth's).
    interval
        95 per cent.
    """

    space: Literal["search", "embedding"]
    k: int
    effort: int | None
    recall: float
    interval: tuple[float, float]
    n_queries: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "interval": list(self.interval)}


def recall_of(
    found: Hits,
    expected: Rows,
    k: int,
    *,
    space: Literal["search", "embedding"],
    effort: int | None,
) -> Recall:
    """Compare what was found with the truth.

    Parameters
    ----------
    found
        For Q queries; what it is short of counts as missed.
    expected
        True neighbours, nearest first, shape (Q, at least k, or all there are).
    """
    truth = expected[:, :k]
    shared = np.array(
        [np.isin(rows, kept[kept >= 0]).sum() for rows, kept in zip(truth, found.rows[:, :k], strict=True)],
        dtype=np.float64,
    )
    per_query = shared / max(1, truth.shape[1])
    return Recall(space, k, effort, float(per_query.mean()), _interval(per_query, truth.shape[1]), len(truth))


def _interval(per_query: NDArray[np.float64], k: int) -> tuple[float, float]:
    """Give the 95 per cent interval of a mean share.

    Neighbours of one query are found or missed together, so that they count for fewer than they are.

    References
    ----------
    Wilson 1927, JASA 22, 209, with the design effect of Kish 1965, Survey Sampling, section 5.4: the variance among
    queries over that of independent trials. Without any miss it cannot be estimated and is k, the most it can be.
    """
    n, p = len(per_query), float(per_query.mean())
    independent = p * (1 - p) / k
    effect = float(k)
    if independent > 0 and n > 1:
        effect = min(max(1.0, float(per_query.var(ddof=1)) / independent), float(k))
    trials = n * k / effect
    centre = (p + _Z**2 / (2 * trials)) / (1 + _Z**2 / trials)
    half = _Z / (1 + _Z**2 / trials) * sqrt(p * (1 - p) / trials + _Z**2 / (4 * trials**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def choose_effort(store: ApproximateStore, queries: VectorArray, expected: Rows) -> list[Recall]:
    """Measure growing efforts until one finds enough; the last one measured is the one to take.

    Parameters
    ----------
    queries
        Shape (Q, D).
    expected
        True neighbours, shape (Q, 100) or all there are.

    Returns
    -------
    list
        Recall of the ten nearest by effort, which doubles, and of the hundred nearest at the last.
    """
    effort = min(_LEAST_EFFORT[store.kind], store.max_effort)
    measured = []
    while True:
        # Ten are asked for alone: among the candidates of a hundred more of them would be found.
        found = store.search(queries, RECALL_KS[0], effort=effort)
        measured.append(recall_of(found, expected, RECALL_KS[0], space="search", effort=effort))
        if measured[-1].recall >= ENOUGH or effort == store.max_effort:
            break
        effort = min(2 * effort, store.max_effort)
    found = store.search(queries, RECALL_KS[1], effort=effort)
    return [*measured, recall_of(found, expected, RECALL_KS[1], space="search", effort=effort)]


def nearest_in_blocks(queries: VectorArray, blocks: Iterable[tuple[Rows, VectorArray]], k: int) -> Rows:
    """Find the k nearest exactly among vectors that come in blocks, each with its number.

    Parameters
    ----------
    queries
        Shape (Q, D).
    blocks
        Numbers, shape (B,), and vectors, shape (B, D); a block may be empty.

    Returns
    -------
    Rows
        Numbers, nearest first, equal ones by number, shape (Q, k) or all there are.
    """
    numbers = np.empty((len(queries), 0), np.int64)
    similarity = np.empty((len(queries), 0), np.float32)
    for own, vectors in blocks:
        if not len(own):
            continue
        hits = ExactStore(vectors, threads=0).search(queries, k)
        numbers = np.hstack([numbers, own[hits.rows]])
        similarity = np.hstack([similarity, hits.similarity])
        order = np.lexsort((numbers, -similarity), axis=1)[:, :k]
        numbers = np.take_along_axis(numbers, order, axis=1)
        similarity = np.take_along_axis(similarity, order, axis=1)
    return numbers
