"""How a search is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from index.vectors.plan import Strategy
from index.vectors.store import Hits, VectorArray

__all__ = ["SUBSET_BYTES", "ApproximateIndex", "Choice", "choose"]

#: Allowed vectors, as float32, up to which all of them are compared. On 200,000 x 128 an inverted file of 1,024 lists is
#: as quick from 4 MB on (1 ms); but 25 MB take 4 ms at most, a quarter more than nothing left out takes, and miss nothing.
SUBSET_BYTES = 25_000_000
# Lists are read in inverse proportion to the share that is allowed, and as many times more: where a filter goes with the
# embedding, as redshift does, the nearest lists hold little of it. Of cuts at 0.8 to 0.2 along a direction (200,000 x 128,
# nprobe 16 of 1,024) once finds 0.93 to 0.98 of the ten nearest, four times 0.996 to 1, for 0.6 to 0.8 ms.
_FILTERED_TIMES = 4
# Below this share HNSW walks past most of what it meets: recall 0.91 at ef 64 where half is allowed, 0.50 at a
# correlated tenth, 0.17 at a hundredth (100,000 x 128; the same in faiss#4727 and apache/lucene#656).
_HNSW_SHARE = 0.5


class ApproximateIndex(Protocol):
    """An index that may miss neighbours.

    Attributes
    ----------
    effort, max_effort
        ``nprobe`` or ``efSearch``: what a search takes by itself, and the most there is.
    threads
        OpenMP threads of a search.
    """

    threads: int

    @property
    def kind(self) -> Literal["ivf", "hnsw"]:
        """The sort of index."""

    @property
    def effort(self) -> int:
        """Effort of an unfiltered search."""

    @property
    def max_effort(self) -> int:
        """The most effort there is."""

    def search(
        self,
        queries: VectorArray,
        k: int,
        *,
        allowed: NDArray[np.bool_] | None = None,
        effort: int | None = None,
    ) -> Hits:
        """Find about the k most similar vectors of each query; it may find fewer."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is tried first; see :class:`index.vectors.plan.Plan`."""

    strategy: Strategy
    effort: int | None
    reason: str


def choose(
    n_total: int, n_allowed: int, dimension: int, approximate: ApproximateIndex | None, *, exact: bool
) -> Choice:
    """Choose between comparing every allowed object and asking the approximate index.

    Parameters
    ----------
    exact
        Whether an approximate answer will not do.

    References
    ----------
    Qdrant, OpenSearch and Lucene decide alike: by the number of objects that pass the filter.
    """
    compared: Strategy = "exact" if n_allowed == n_total else "subset"
    if approximate is None:
        return Choice(
            compared, None, "The release has no approximate index: every allowed object was compared."
        )
    if exact:
        return Choice(compared, None, "An exact answer was asked for: every allowed object was compared.")
    if n_allowed * dimension * 4 <= SUBSET_BYTES:
        return Choice(
            compared, None, f"Only {n_allowed:,} objects are allowed: comparing them all is quickest."
        )
    share = n_allowed / n_total
    wanted = approximate.effort if share == 1 else ceil(_FILTERED_TIMES * approximate.effort / share)
    if approximate.kind == "hnsw" and share <= _HNSW_SHARE:
        return Choice(
            compared,
            None,
            f"The filters allow {share:.1%} of the objects, and a graph index loses its way below "
            f"{_HNSW_SHARE:.0%}: every allowed object was compared.",
        )
    if share < 1 and wanted >= approximate.max_effort:
        return Choice(
            compared,
            None,
            f"The filters allow {share:.1%} of the objects, for which the whole index would be read: "
            "every allowed object was compared.",
        )
    scaled = "" if share == 1 else f", its effort raised for filters that allow {share:.1%} of the objects"
    return Choice(approximate.kind, wanted, f"The approximate index was asked{scaled}.")
