"""The retrieval protocol: which objects are scored, and how sure a difference is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.metrics import average_precision, class_mean, purity_at_k

__all__ = [
    "Retrieval",
    "evaluation_rows",
    "paired_interval",
    "recognition",
    "retrieve",
]


@dataclass(frozen=True, slots=True, eq=False)
class Retrieval:
    """How well neighbours share their query's label, every object of a gallery being a query once.

    Attributes
    ----------
    purity
        purity@k of each query, shape (n,).
    precision
        Average precision of each query over the whole gallery, shape (n,); NaN where nothing shares its label.
    labels
        Of the queries, shape (n,).
    """

    purity: NDArray[np.float64]
    precision: NDArray[np.float64]
    labels: NDArray[np.str_]

    @property
    def balanced_map(self) -> float:
        """Class-balanced mean average precision."""
        return class_mean(self.precision, self.labels)

    @property
    def mean_purity(self) -> float:
        """purity@k of the gallery."""
        return float(self.purity.mean())


def evaluation_rows(groups: Sequence[Hashable], *, share: float, seed: int) -> NDArray[np.intp]:
    """Draw a share of the groups and return all their rows, in order: no group is parted.

    Parameters
    ----------
    groups
        The group of each row, sortable.
    """
    _, members = np.unique(np.asarray(groups), axis=0, return_inverse=True)
    members = members.ravel()
    n_groups = int(members.max()) + 1
    drawn = np.random.default_rng(seed).permutation(n_groups)[: round(share * n_groups)]
    return np.flatnonzero(np.isin(members, drawn))


def retrieve(
    embeddings: NDArray[np.float32],
    labels: Sequence[str] | NDArray[np.str_],
    *,
    rows: NDArray[np.intp] | None = None,
    same_sky: Sequence[tuple[int, int]] = (),
    k: int = 10,
) -> Retrieval:
    """Score a gallery on itself.

    Parameters
    ----------
    rows
        The gallery; default all.
    same_sky
        Pairs of rows of ``embeddings`` that show one patch of sky and must not count for each other.
    """
    chosen = np.arange(len(embeddings)) if rows is None else rows
    names = np.asarray(labels)[chosen]
    place = {int(row): n for n, row in enumerate(chosen)}
    excluded = [(place[a], place[b]) for a, b in same_sky if a in place and b in place]
    gallery = embeddings[chosen]
    return Retrieval(
        purity=purity_at_k(gallery, names, k=k, excluded=excluded),
        precision=average_precision(gallery, names, excluded=excluded),
        labels=names,
    )


def paired_interval(
    differences: NDArray[np.floating],
    groups: Sequence[Hashable],
    *,
    rng: np.random.Generator,
    n_draws: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the bootstrap interval of a mean difference, drawing whole groups.

    Parameters
    ----------
    differences
        Score of one model minus score of the other, for each query.
    groups
        The group of each query; queries of one group are not independent.
    """
    _, members = np.unique(np.asarray(groups), axis=0, return_inverse=True)
    members = members.ravel()
    totals = np.bincount(members, weights=differences)
    sizes = np.bincount(members)
    drawn = rng.integers(0, len(sizes), (n_draws, len(sizes)))
    means = totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def recognition(
    queries: NDArray[np.float32], gallery: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Look for each object's other image among the other images of all objects.

    Parameters
    ----------
    queries, gallery
        Two images each of N objects in the same order, unit norm, shape (N, D), N at least 2.

    Returns
    -------
    tuple
        Whether the other image comes first (their mean is recall@1), and its cosine less the largest of any other
        object, both of shape (N,).
    """
    margin = np.empty(len(queries))
    for first in range(0, len(queries), 512):
        similarity = queries[first : first + 512].astype(np.float64) @ gallery.T
        here = np.arange(len(similarity))
        own = similarity[here, first + here].copy()
        similarity[here, first + here] = -np.inf
        margin[first + here] = own - similarity.max(axis=1)
    return margin > 0, margin
