"""Selections around the query object's own values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from index.queries.matched import BadMatch, parse_match, ranges_of
from service.operations.refusals import InvalidFilter

if TYPE_CHECKING:
    from index.selection import Bounds, Selection
    from service.served import Served

__all__ = ["matched"]


def matched(served: Served, row: int, text: str, selection: Selection) -> Selection:
    """Return a selection of objects that are as a stored one is, within tolerances (:mod:`index.queries.matched`).

    Raises
    ------
    InvalidFilter
        If the text is no match, the release lacks a column or the object a value, or a filter leaves nothing of it.
    """
    columns = served.release.columns
    try:
        found = ranges_of(
            parse_match(text), columns.numeric, lambda name: columns.take([row], [name])[name][0]
        )
    except BadMatch as error:
        raise InvalidFilter(
            f"match={text[:200]} cannot be applied to {columns.ids[row]}: {error}.",
            object_id=columns.ids[row],
        ) from error
    return replace(
        selection,
        ranges={
            **selection.ranges,
            **{name: _both(name, bounds, selection.ranges.get(name)) for name, bounds in found.items()},
        },
    )


def _both(name: str, wanted: tuple[float, float], filtered: Bounds | None) -> tuple[float, float]:
    low, high = filtered or (None, None)
    both = (
        max(wanted[0], wanted[0] if low is None else low),
        min(wanted[1], wanted[1] if high is None else high),
    )
    if both[0] > both[1]:
        raise InvalidFilter(
            f"match asks for {name} from {wanted[0]:g} to {wanted[1]:g}, of which the filter leaves nothing. Drop one of them."
        )
    return both
