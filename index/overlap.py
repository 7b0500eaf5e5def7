"""How far two releases agree on who is whose neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from index.release import Release

__all__ = ["Overlap", "compare_releases"]

_BLOCK = 65536
_PERCENTILES = (5, 25, 50, 75, 95)
_SHOWN = 10
# Of one component of a unit vector: half precision keeps 11 bits.
_SAME = 2.0**-10


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Two releases compared.

    Attributes
    ----------
    is_same_model
        Whether one model made both; neighbours of different models differ for that reason alone.
    n_both, n_added, n_withdrawn
        Galaxies of both, of the second alone, of the first alone.
    n_changed
        Galaxies of both whose vectors differ by more than half precision; None where the vectors cannot be compared.
    k
        Neighbours compared.
    ids, shares
        The galaxies that were sampled, evenly through the ids of both in order, and which share of the k nearest in the
        first release is among the k nearest in the second, shape (n_sampled,).
    """

    first: str
    second: str
    is_same_model: bool
    n_both: int
    n_added: int
    n_withdrawn: int
    n_changed: int | None
    k: int
    ids: list[str]
    shares: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Mean share."""
        return float(self.shares.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean over all galaxies of both, by the normal approximation."""
        half = 1.96 * float(self.shares.std()) / sqrt(len(self.shares))
        return max(0.0, self.mean - half), min(1.0, self.mean + half)

    @property
    def identical(self) -> float:
        """Share of the galaxies that keep all their neighbours."""
        return float((self.shares == 1).mean())

    def most_changed(self, n: int = _SHOWN) -> list[tuple[str, float]]:
        """Return the galaxies with the smallest shares, equal ones by id."""
        order = np.lexsort((np.arange(len(self.ids)), self.shares))[:n].tolist()
        return [(self.ids[i], float(self.shares[i])) for i in order if self.shares[i] < 1]

    def to_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        levels = np.percentile(self.shares, _PERCENTILES).tolist()
        return {
            "first": self.first,
            "second": self.second,
            "is_same_model": self.is_same_model,
            "n_both": self.n_both,
            "n_added": self.n_added,
            "n_withdrawn": self.n_withdrawn,
            "n_changed": self.n_changed,
            "k": self.k,
            "n_sampled": len(self.ids),
            "overlap": self.mean,
            "interval": list(self.interval),
            "percentiles": dict(zip(map(str, _PERCENTILES), levels, strict=True)),
            "identical": self.identical,
            "most_changed": [{"object_id": i, "overlap": share} for i, share in self.most_changed()],
        }


def compare_releases(first: Release, second: Release, *, k: int = 10, sample: int = 1000) -> Overlap:
    """Compare the neighbours of galaxies that two releases have in common.

    Parameters
    ----------
    k
        At least 1; where a release has fewer other galaxies, all of them.
    sample
        Galaxies compared at most.

    Raises
    ------
    ValueError
        If k or the sample is below 1, or there is no galaxy that both have.
    """
    if k < 1 or sample < 1:
        raise ValueError(f"k is {k} and the sample {sample}; both must be at least 1")
    ids = [{r.columns.ids[row]: row for row in r.galaxies.tolist()} for r in (first, second)]
    both = sorted(ids[0].keys() & ids[1].keys())
    if not both:
        raise ValueError(f"{first.id} and {second.id} have no object in common")
    rows = [np.array([own[i] for i in both], dtype=np.int64) for own in ids]
    is_same_model = first.info.model_sha256 == second.info.model_sha256
    chosen = np.unique(np.linspace(0, len(both) - 1, min(sample, len(both))).astype(np.int64))
    near = [_neighbours(r, own[chosen], k) for r, own in zip((first, second), rows, strict=True)]
    shares = [len(a & b) / max(1, min(k, len(a))) for a, b in zip(*near, strict=True)]
    return Overlap(
        first=first.id,
        second=second.id,
        is_same_model=is_same_model,
        n_both=len(both),
        n_added=len(ids[1]) - len(both),
        n_withdrawn=len(ids[0]) - len(both),
        n_changed=_changed(first, second, rows[0], rows[1]) if is_same_model else None,
        k=k,
        ids=[both[i] for i in chosen.tolist()],
        shares=np.array(shares),
    )


def _neighbours(release: Release, rows: NDArray[np.int64], k: int) -> list[set[str]]:
    """Return the ids of the k nearest of each row, from the graph where it knows them."""
    ids = release.columns.ids
    found = []
    for row in rows.tolist():
        if release.graph.knows(row, k):
            near = release.graph.of(row, k)[0]
        else:
            hits = release.engine.search(release.store.vectors(np.array([row])), k + 1, exact=True).hits
            near = hits.rows[0][hits.rows[0] != row][:k]
        found.append({ids[n] for n in near.tolist()})
    return found


def _changed(
    first: Release, second: Release, ours: NDArray[np.int64], theirs: NDArray[np.int64]
) -> int | None:
    """Count rows whose vectors differ; None where they lie in different spaces."""
    if first.info.dimension != second.info.dimension or not _same_space(first, second):
        return None
    changed = 0
    for start in range(0, len(ours), _BLOCK):
        part = slice(start, start + _BLOCK)
        apart = np.abs(first.store.vectors(ours[part]) - second.store.vectors(theirs[part])).max(axis=1)
        changed += int((apart > _SAME).sum())
    return changed


def _same_space(first: Release, second: Release) -> bool:
    one, other = first.projection, second.projection
    if one is None or other is None:
        return one is other
    return np.array_equal(one.matrix, other.matrix)
