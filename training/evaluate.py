"""The retrieval protocol: which objects are scored, and how sure a difference is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.metrics import class_balanced_map, purity_at_k

__all__ = ["Retrieval", "evaluation_rows", "paired_interval", "retrieve"]


@dataclass(frozen=True, slots=True, eq=False)
class Retrieval:
    """How well neighbours share their query's label, every object of a gallery being a query once.

    Attributes
    ----------
    purity
        purity@k of each query, shape (n,).
    balanced_map
        Class-balanced mean average precision over the whole gallery.
    """

    purity: NDArray[np.float64]
    balanced_map: float

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
        balanced_map=class_balanced_map(gallery, names, excluded=excluded),
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
