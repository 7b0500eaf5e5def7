"""Filters as query parameters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query
from pydantic import Field

from index.regions import MAX_VERTICES
from index.selection import Bounds, Selection
from service.operations.refusals import InvalidFilter
from service.parameters import MagMax, MagMin, ZConfMin, ZMax, ZMin, ZPhotMax, ZPhotMin, angle_deg
from service.selection_json import FLAG_NAMES, LONGEST_NAME, MOST_COLUMNS, MOST_LABELS, parse_filters

__all__ = ["Selected", "selection_of"]

# More ids than these do not fit into a URL.
_MOST_EXCLUDED: Final = 200
_BOUND = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
_CONDITION = re.compile(rf"(.+):({_BOUND})?\.\.({_BOUND})?")

# Of one in a URL: headers and query string together end at 32 KiB (service/middleware.py).
_LONGEST_MOC: Final = 16_000

Name = Annotated[str, Field(max_length=LONGEST_NAME)]
Where = Annotated[
    list[Annotated[str, Field(max_length=400)]] | None,
    Query(
        max_length=MOST_COLUMNS,
        description=(
            "Only hits with a column within bounds, ends included: `column:low..high`, either may be left out. Any "
            "column of numbers of the release; give it again for more columns."
        ),
        examples=[["r50_arcsec:1..3", "flux_r:10.."]],
    ),
]
Labels = Annotated[
    list[Name] | None,
    Query(
        alias="label",
        max_length=MOST_LABELS,
        description="Only hits with this label; give it again for others.",
    ),
]
FlagsNone = Annotated[
    str | None,
    Query(
        max_length=LONGEST_NAME,
        description=f"Only hits on whose redshift none of these flags is raised: names with commas between ({FLAG_NAMES}), or their bits as one number.",
        examples=["out_of_support,pdf_edge"],
    ),
]
FlagsAny = Annotated[
    str | None,
    Query(
        max_length=LONGEST_NAME,
        description="Only hits on whose redshift at least one of these flags is raised.",
    ),
]
ConeText = Annotated[
    str | None,
    Query(
        max_length=100,
        description="Only hits in a cone: `ra,dec,radius` in degrees; the radius may have a unit (`2arcmin`).",
        examples=["150.1,2.2,0.5"],
    ),
]
BoxText = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Only hits with `ra_from,ra_to,dec_from,dec_to` in degrees; from 350 to 10 is through 0.",
        examples=["149,151,1.5,2.5"],
    ),
]
PolygonText = Annotated[
    str | None,
    Query(
        max_length=60 * MAX_VERTICES,
        description=f"Only hits inside corners `ra,dec,ra,dec,…` in degrees, 3 to {MAX_VERTICES}, joined by great circles.",
        examples=["149,1.5,151,1.5,150,2.5"],
    ),
]
MOCText = Annotated[
    str | None,
    Query(
        max_length=_LONGEST_MOC,
        description="Only hits in a HEALPix coverage map: ASCII or JSON; a long one is for a POST.",
        examples=["3/0-2 7 5/770"],
    ),
]
Excluded = Annotated[
    list[Name] | None,
    Query(
        alias="exclude",
        max_length=_MOST_EXCLUDED,
        description="No hits with this id; give it again for others, many in a POST. An id that the release has not changes nothing.",
    ),
]
DedupText = Annotated[
    Literal["true", "false", "position", "parent"] | None,
    Query(
        alias="dedup",
        description=(
            "Give one hit for entries that are the same object: those within 2 arcsec (`true` or `position`), or those "
            "made from the same parent image (`parent`)."
        ),
    ),
]


def selection_of(
    *,
    z_min: ZMin = None,
    z_max: ZMax = None,
    mag_r_min: MagMin = None,
    mag_r_max: MagMax = None,
    z_phot_min: ZPhotMin = None,
    z_phot_max: ZPhotMax = None,
    z_conf_min: ZConfMin = None,
    where: Where = None,
    label: Labels = None,
    flags_none: FlagsNone = None,
    flags_any: FlagsAny = None,
    cone: ConeText = None,
    box: BoxText = None,
    polygon: PolygonText = None,
    moc: MOCText = None,
    exclude: Excluded = None,
    dedup: DedupText = None,
) -> Selection:
    """Read the query parameters that filter.

    Raises
    ------
    InvalidFilter
        If one cannot be applied; the message names it, its limit and the remedy.
    """
    named = {
        "z_spec": (z_min, z_max),
        "mag_r": (mag_r_min, mag_r_max),
        "z_phot": (z_phot_min, z_phot_max),
        "z_conf": (z_conf_min, None),
    }
    ranges = [(name, bounds) for name, bounds in named.items() if bounds != (None, None)]
    ranges += map(_condition, where or ())
    twice = [name for name, times in Counter(name for name, _ in ranges).items() if times > 1]
    if twice:
        raise InvalidFilter(f"{twice[0][:64]} is bounded twice; give both bounds in one filter.")
    filters: dict[str, Any] = {
        "where": dict(ranges),
        "label": label,
        "flags_none": None if flags_none is None else _flags("flags_none", flags_none),
        "flags_any": None if flags_any is None else _flags("flags_any", flags_any),
        "cone": None if cone is None else _cone_numbers(cone),
        "box": None if box is None else _numbers("box", box),
        "polygon": None if polygon is None else _pairs(_numbers("polygon", polygon)),
        "moc": moc,
        "exclude": exclude,
        "dedup": {"true": True, "false": False}.get(dedup or "", dedup),
    }
    return parse_filters({name: value for name, value in filters.items() if value is not None})


#: The selection that a request's query parameters ask for.
Selected = Annotated[Selection, Depends(selection_of)]


def _condition(text: str) -> tuple[str, Bounds]:
    match = _CONDITION.fullmatch(text)
    if match is None or match[2] is match[3] is None:
        raise InvalidFilter(
            f"{text[:64]!r} is no condition; write column:low..high, with one bound left out where open."
        )
    low, high = (None if bound is None else float(bound) for bound in (match[2], match[3]))
    return match[1], (low, high)


def _flags(name: str, text: str) -> int | list[str]:
    words = _words(text)
    if not words:
        raise InvalidFilter(f"`{name}` names no flag; leave it out, or give some of: {FLAG_NAMES}.")
    return int(text) if text.isdecimal() else words


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text.strip()) if word]


def _numbers(name: str, text: str, read: Callable[[str], float] = float) -> list[float]:
    try:
        return [read(word) for word in _words(text)]
    except ValueError as error:
        raise InvalidFilter(
            f"`{name}` is numbers of degrees with commas between: {str(error)[:120]}."
        ) from error


def _cone_numbers(text: str) -> list[float]:
    *place, radius = re.split(r"\s*,\s*", text.strip())
    return [
        *_numbers("cone", ",".join(place)),
        *_numbers("cone", radius, lambda word: angle_deg(word, unit="deg")),
    ]


def _pairs(numbers: list[float]) -> list[list[float]]:
    if len(numbers) % 2:
        raise InvalidFilter(f"`polygon` has {len(numbers)} numbers; every corner has an RA and a Dec.")
    return [numbers[n : n + 2] for n in range(0, len(numbers), 2)]
