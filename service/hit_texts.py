"""Hits as JSON, each object's columns written once and joined to ranks and similarities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

if TYPE_CHECKING:
    from index.columns import Columns

__all__ = ["HIT_COLUMNS", "HitTexts"]

#: What hits say of their objects, in this order.
HIT_COLUMNS = ("object_id", "ra_deg", "dec_deg", "z_spec", "z_phot", "mag_r", "label", "anomaly_percentile")

# Texts that are kept: 200 bytes each. When they are so many all go, and those that are asked for come back.
_KEPT = 1 << 17
_RANKS = 1000


class HitTexts:
    """Writes lists of hits of one release; safe between threads.

    Half of the time of an answer by id went into taking ten rows of eight columns and writing them as JSON, the same each time.
    """

    def __init__(self, columns: Columns, survey: str) -> None:
        self._columns = columns
        self._texts: dict[int, bytes] = {}
        self._survey = orjson.dumps(survey)
        self._heads = [self._head(rank) for rank in range(1, _RANKS + 1)]

    def of(
        self, rows: NDArray[Any], similarity: NDArray[np.float32], *, n_before: int = 0
    ) -> orjson.Fragment:
        """Return the hits, ranked on from ``n_before``, as orjson would write a list of dictionaries of them.

        Parameters
        ----------
        rows, similarity
            Nearest first, shape (K,).
        """
        listed = rows.tolist()
        if not listed:
            return orjson.Fragment(b"[]")
        texts = self._of_rows(listed)
        numbers = orjson.dumps([round(one, 6) for one in similarity.tolist()])[1:-1].split(b",")
        n_after = n_before + len(listed)
        heads = (
            self._heads[n_before:n_after]
            if n_after <= _RANKS
            else map(self._head, range(n_before + 1, n_after + 1))
        )
        hits = b",".join([b"%b%b%b" % parts for parts in zip(heads, numbers, texts, strict=True)])
        return orjson.Fragment(b"[%b]" % hits)

    def _of_rows(self, rows: Sequence[int]) -> list[bytes]:
        known = self._texts
        try:
            return [known[row] for row in rows]
        except KeyError:
            if len(known) > _KEPT:
                known = self._texts = {}
        missing = [row for row in dict.fromkeys(rows) if row not in known]
        taken = self._columns.take(missing, HIT_COLUMNS)
        for row, values in zip(missing, zip(*taken.values(), strict=True), strict=True):
            known[row] = b"," + orjson.dumps(dict(zip(HIT_COLUMNS, values, strict=True)))[1:]
        # Of the same dictionary: another thread may have begun a new one.
        return [known[row] for row in rows]

    def _head(self, rank: int) -> bytes:
        return b'{"rank":%d,"survey":%b,"similarity":' % (rank, self._survey)
