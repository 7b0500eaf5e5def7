"""A release's galaxies from the oddest on, by every detector, with what explains each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from index.columns import Columns
    from index.release import Release

__all__ = ["CAUSES", "UNKNOWN", "Rankings"]

#: Causes by their code in :attr:`Rankings.causes`, and what it is called that the pixels were not looked at.
CAUSES: Final = ("astrophysical", "blend", "data_quality")
UNKNOWN: Final = "unknown"
_P: Final = "anomaly_p"


class Rankings:
    """Orders of a release and its causes, made once: a page takes a part of them.

    Attributes
    ----------
    detectors
        That scored the release; empty for one that was built before there were any, which has one order all the same.
    causes
        Index into :data:`CAUSES`, -1 where it is not known, int8, shape (N,); None where it is known of no galaxy.
    """

    def __init__(self, release: Release) -> None:
        self._columns = columns = release.columns
        self._galaxies = release.galaxies
        names = [name for name in columns.names if name.startswith(f"{_P}_") and _is_known(columns, name)]
        self.detectors = tuple(name.removeprefix(f"{_P}_") for name in names)
        every = (None, *self.detectors)
        self._p = {one: _numbers(columns, _column(one)) for one in every if _is_known(columns, _column(one))}
        self._orders: dict[str | None, NDArray[np.int64]] = {one: self._order(one) for one in every}
        self.causes = _causes(columns)
        self._defects = _words(columns, "defects")

    def order(self, detector: str | None = None) -> NDArray[np.int64]:
        """Return rows from the oddest on, equal ones by row; by the default detector when None.

        Raises
        ------
        KeyError
            If no such detector scored the release.
        """
        return self._orders[detector]

    def p(self, detector: str | None = None) -> NDArray[np.float64] | None:
        """Return tail probabilities by row, NaN where there is none; None where the release has none."""
        return self._p.get(detector)

    @property
    def defects(self) -> tuple[str, ...]:
        """Names of the defects that some galaxy has, sorted."""
        _, words = self._defects
        return tuple(sorted({name for word in words for name in word.split(",") if name}))

    def with_defects(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Return which rows have any of some defects, shape (N,)."""
        codes, words = self._defects
        wanted = set(names)
        # One more, which null's code of -1 finds.
        has = np.array([not wanted.isdisjoint(word.split(",")) for word in words] + [False])
        return np.asarray(has[codes], dtype=np.bool_)

    def count_defects(self, rows: NDArray[np.int64]) -> dict[str, int]:
        """Return how many of some rows have each defect, the most frequent first; those that none has are left out."""
        codes, words = self._defects
        counts: dict[str, int] = {}
        for code, n in zip(*np.unique(codes[rows], return_counts=True), strict=True):
            for name in words[code].split(",") if code >= 0 else ():
                if name:
                    counts[name] = counts.get(name, 0) + int(n)
        return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))

    def count_causes(self, rows: NDArray[np.int64]) -> dict[str, int]:
        """Return how many of some rows each cause explains, and of how many it is unknown."""
        if self.causes is None:
            return {**dict.fromkeys(CAUSES, 0), UNKNOWN: len(rows)}
        counts = np.bincount(self.causes[rows] + 1, minlength=len(CAUSES) + 1).tolist()
        return {**dict(zip(CAUSES, counts[1:], strict=True)), UNKNOWN: counts[0]}

    def _order(self, detector: str | None) -> NDArray[np.int64]:
        p = self.p(detector)
        key = -self._columns.array("anomaly_percentile") if p is None else p
        ordered: NDArray[np.int64] = self._galaxies[np.argsort(key[self._galaxies], kind="stable")]
        return ordered


def _column(detector: str | None) -> str:
    return _P if detector is None else f"{_P}_{detector}"


def _numbers(columns: Columns, name: str) -> NDArray[np.float64]:
    """Return a column with NaN for null; without a copy where there is none."""
    values, known = columns.numbers(name)
    return np.asarray(values if known is None else columns.array(name), dtype=np.float64)


def _is_known(columns: Columns, name: str) -> bool:
    return name in columns.names and bool(np.isfinite(columns.array(name)).any())


def _causes(columns: Columns) -> NDArray[np.int8] | None:
    codes, words = _words(columns, "cause")
    if not words:
        return None
    # One more, which null's code of -1 finds.
    known = np.array([CAUSES.index(word) if word in CAUSES else -1 for word in words] + [-1], dtype=np.int8)
    return np.asarray(known[codes])


def _words(columns: Columns, name: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    return columns.codes(name) if name in columns.names else (np.full(columns.n, -1, np.int32), ())
