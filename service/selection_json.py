"""Filters as JSON: the member ``filters`` of a request's body, and of certificates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import orjson
from pydantic import Field

from index.moc import MOC
from index.photoz_columns import Flag, flag_bits
from index.regions import MAX_VERTICES, BadRegion, Box, Cone, Polygon, Region
from index.selection import EVERYTHING, RESERVED, BadSelection, Bounds, Dedup, Selection
from service.operations.refusals import InvalidFilter

__all__ = ["FLAG_NAMES", "LONGEST_NAME", "MOST_COLUMNS", "MOST_LABELS", "FiltersJSON", "parse_filters"]

#: Columns, labels and left out ids of one selection; characters of a name.
MOST_COLUMNS: Final = 64
MOST_LABELS: Final = 200
_MOST_EXCLUDED: Final = 10_000
LONGEST_NAME: Final = 200
FLAG_NAMES = ", ".join(flag.name.lower() for flag in Flag if flag.name is not None)

FiltersJSON = Annotated[
    dict[str, Any],
    Field(
        description=(
            "What hits must keep. A column of numbers with its bounds, ends included, null where open (a column whose name "
            "is also one of the following stands in `where`); `label`: any of a list; `flags_none`, `flags_any`: names of "
            "redshift flags; `cone`: RA, Dec, radius; `box`: two RA, two Dec; `polygon`: corners; `moc`: text, or orders "
            "with cells; `exclude`: ids; `dedup`: true, `position` or `parent`. Degrees throughout."
        ),
        examples=[{"z_spec": [0.05, 0.1], "mag_r": [None, 17.7], "cone": [150.1, 2.2, 5.0], "dedup": True}],
    ),
]


def parse_filters(filters: Mapping[str, Any]) -> Selection:
    """Read the ``filters`` of a body (:data:`FiltersJSON`), which is also what certificates say.

    Raises
    ------
    InvalidFilter
        If one cannot be applied; the message names it, its limit and the remedy.
    """
    if not filters:
        return EVERYTHING
    where = filters.get("where", {})
    if not isinstance(where, Mapping):
        raise InvalidFilter('`where` is an object of columns with their bounds: {"z_spec": [0.05, 0.1]}.')
    named = {name: pair for name, pair in filters.items() if name not in RESERVED}
    if twice := sorted(map(str, where.keys() & named.keys())):
        raise InvalidFilter(f"{twice[0][:64]} is bounded twice; give both bounds in one filter.")
    columns = {**where, **named}
    if len(columns) > MOST_COLUMNS:
        raise InvalidFilter(f"Filters on {len(columns)} columns; at most {MOST_COLUMNS} go together.")
    try:
        return Selection(
            ranges={_column(name): _bounds(name, pair) for name, pair in columns.items()},
            labels=_texts(filters, "label", MOST_LABELS),
            flags_none=_bits(filters, "flags_none"),
            flags_any=_bits(filters, "flags_any"),
            regions=tuple(_regions(filters)),
            excluded_ids=_texts(filters, "exclude", _MOST_EXCLUDED),
            dedup=_dedup(filters.get("dedup")),
        )
    except (BadRegion, BadSelection) as error:
        raise InvalidFilter(str(error)) from error


def _regions(filters: Mapping[str, Any]) -> Iterable[Region]:
    if (cone := filters.get("cone")) is not None:
        yield Cone(*_floats("cone", cone, 3, "[150.1, 2.2, 0.5]: RA, Dec and radius"))
    if (box := filters.get("box")) is not None:
        yield Box(*_floats("box", box, 4, "[149, 151, 1.5, 2.5]: two RA, then two Dec"))
    if (polygon := filters.get("polygon")) is not None:
        if not isinstance(polygon, Sequence) or isinstance(polygon, str):
            raise InvalidFilter("`polygon` is a list of corners, [RA, Dec] each.")
        if len(polygon) > MAX_VERTICES:
            raise InvalidFilter(f"A polygon of {len(polygon)} corners; give 3 to {MAX_VERTICES}, or a MOC.")
        corners = [_floats("polygon", corner, 2, "corners [RA, Dec]") for corner in polygon]
        yield Polygon(tuple((ra, dec) for ra, dec in corners))
    if (moc := filters.get("moc")) is not None:
        yield MOC.parse(moc if isinstance(moc, str) else _moc_text(moc))


def _moc_text(moc: object) -> str:
    try:
        return orjson.dumps(moc).decode()
    except TypeError as error:
        raise InvalidFilter('`moc` is a text, `3/0-2 7`, or orders with cells: {"3": [0, 1]}.') from error


def _column(name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise InvalidFilter(f"The name of a column is 1 to {LONGEST_NAME} characters.")
    return name


def _bounds(name: object, pair: object) -> Bounds:
    what = f"the filter on {str(name)[:64]}"
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        raise InvalidFilter(f"{what.capitalize()} is [low, high], with null where it is open: [0.05, null].")
    low, high = (None if bound is None else _float(what, bound) for bound in pair)
    return low, high


def _floats(name: str, values: object, length: int, form: str) -> list[float]:
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != length:
        raise InvalidFilter(f"`{name}` is written {form}, in degrees.")
    return [_float(f"`{name}`", value) for value in values]


def _float(what: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidFilter(f"In {what} {str(value)[:40]!r} is no number.")
    try:
        return float(value)
    except OverflowError as error:
        raise InvalidFilter(f"In {what} is a number beyond all that are kept.") from error


def _texts(filters: Mapping[str, Any], name: str, most: int) -> tuple[str, ...]:
    values = filters.get(name)
    if values is None:
        return ()
    values = [values] if isinstance(values, str) else values
    if not isinstance(values, Sequence) or not all(isinstance(value, str) for value in values):
        raise InvalidFilter(f"`{name}` is a list of texts.")
    if len(values) > most:
        raise InvalidFilter(f"`{name}` lists {len(values)}; at most {most} go together.")
    return tuple(sorted(set(values)))


def _bits(filters: Mapping[str, Any], name: str) -> int:
    value = filters.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= sum(Flag):
            raise InvalidFilter(
                f"`{name}` has bits 0 to {sum(Flag)}, not {value}; or give names: {FLAG_NAMES}."
            )
        return value
    names = _texts(filters, name, len(Flag))
    unknown = [word for word in names if word.upper() not in Flag.__members__]
    if unknown:
        raise InvalidFilter(f"`{name}` has no flag {unknown[0][:64]!r}; the flags are {FLAG_NAMES}.")
    return flag_bits(names)


def _dedup(value: object) -> Dedup | None:
    if isinstance(value, str) and value in {"position", "parent"}:
        return "parent" if value == "parent" else "position"
    if value is not None and not isinstance(value, bool):
        raise InvalidFilter(f"`dedup` is true, false, position or parent, not {str(value)[:40]!r}.")
    return "position" if value else None
