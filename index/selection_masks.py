"""Which rows of a release a selection allows."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.columns import Columns
from index.duplicates import DUPLICATE_ARCSEC, groups_by_place, groups_by_value
from index.selection import BadSelection, Dedup, Selection
from index.sky_rows import SkyRows
from survey.archive import UnknownObject

__all__ = ["Masks"]

# Masks that are kept, and their memory, a byte a row: 32 of a release of a million.
_KEPT, _KEPT_BYTES = 256, 32 * 2**20
_PARENT = "parent_id"
_LISTED = 20


class Masks:
    """Selections evaluated on the columns of one release; the latest are kept, since sessions and pages repeat them.

    Parameters
    ----------
    columns
        Of the release.
    name
        Of the release, for messages.
    """

    def __init__(self, columns: Columns, name: str) -> None:
        self._columns, self._name = columns, name
        self._kept: OrderedDict[bytes, NDArray[np.bool_]] = OrderedDict()
        self._lock, self._grouping = Lock(), Lock()
        self._groups: dict[Dedup, NDArray[np.int32]] = {}
        self._labels: tuple[NDArray[np.int32], tuple[str, ...]] | None = None

    @cached_property
    def sky(self) -> SkyRows:
        """Where the rows lie."""
        return SkyRows(self._columns)

    def of(self, selection: Selection) -> NDArray[np.bool_]:
        """Return which rows a selection allows, read-only, shape (n,).

        Raises
        ------
        BadSelection
            If the release has not a column or a label of it, or its columns cannot say what is asked.
        """
        mask = self._condition(selection) if selection.is_condition else np.ones(self._columns.n, np.bool_)
        rows = [row for row in map(self._row, selection.excluded_ids) if row is not None]
        rows += selection.excluded_rows
        if rows:
            mask = mask.copy()
            mask[rows] = False
            if selection.dedup is not None:
                groups = self.groups(selection.dedup)
                mask &= ~np.isin(groups, groups[rows])
        mask.flags.writeable = False
        return mask

    def groups(self, dedup: Dedup) -> NDArray[np.int32]:
        """Return a number for each row that rows of the same object share, shape (n,).

        Raises
        ------
        BadSelection
            If the release has no column of parents and they are asked for.
        """
        if dedup == "parent" and _PARENT not in self._columns.names:
            raise BadSelection(
                f"Release {self._name} has no column {_PARENT}; ask for dedup=position, which joins objects "
                f"within {DUPLICATE_ARCSEC:g} arcsec."
            )
        # It takes 1.5 s for a million places: masks are not kept waiting.
        with self._grouping:
            if dedup not in self._groups:
                self._groups[dedup] = (
                    groups_by_value(self._columns.codes(_PARENT)[0])
                    if dedup == "parent"
                    else groups_by_place(self.sky)
                )
            return self._groups[dedup]

    def _row(self, object_id: str) -> int | None:
        try:
            return self._columns.row_of(object_id)
        except UnknownObject:
            return None

    def _condition(self, selection: Selection) -> NDArray[np.bool_]:
        key = selection.key
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        mask = self._evaluated(selection)
        with self._lock:
            self._kept[key] = mask
            while len(self._kept) > min(_KEPT, max(1, _KEPT_BYTES // max(1, self._columns.n))):
                self._kept.popitem(last=False)
        return mask

    def _evaluated(self, selection: Selection) -> NDArray[np.bool_]:
        mask = np.ones(self._columns.n, dtype=np.bool_)
        for name, (low, high) in selection.ranges.items():
            values, known = self._numbers(name)
            # As float64, as bounds are: 0.3 in float32 is above 0.3.
            if low is not None:
                mask &= values >= np.float64(low)
            if high is not None:
                mask &= values <= np.float64(high)
            if known is not None:
                mask &= known
        if selection.flags_none or selection.flags_any:
            flags, known = self._numbers("z_flags")
            mask &= (flags & selection.flags_none) == 0
            if selection.flags_any:
                mask &= (flags & selection.flags_any) != 0
            if known is not None:
                mask &= known
        if selection.labels:
            mask &= self._labelled(selection.labels)
        for region in selection.regions:
            mask &= region.mask(self.sky)
        return mask

    def _numbers(self, name: str) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        if name in self._columns.numeric:
            return self._columns.numbers(name)
        why = "holds words" if name in self._columns.names else "is no column"
        raise BadSelection(
            f"{name[:64]!r} {why} of release {self._name}. Columns of numbers are: {', '.join(self._columns.numeric)}. "
            "A column that Skylike computes is missing from a release of an earlier version: build it anew with "
            "`skylike index build`."
        )

    def _labelled(self, labels: tuple[str, ...]) -> NDArray[np.bool_]:
        if self._labels is None:
            self._labels = self._columns.codes("label")
        codes, words = self._labels
        unknown = sorted(set(labels) - set(words))
        if unknown:
            listed = ", ".join(sorted(words)[:_LISTED]) or "none"
            raise BadSelection(
                f"No object of release {self._name} has the label {unknown[0][:64]!r}. Its {len(words)} labels are: {listed}"
                f"{' …' if len(words) > _LISTED else '.'}"
            )
        # One more, which null's code of -1 finds.
        is_wanted = np.array([word in labels for word in words] + [False])
        return np.asarray(is_wanted[codes], dtype=np.bool_)
