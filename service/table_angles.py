"""Columns of positions → degrees, as their header says how they are written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from survey.ingest import CutoutRejected

__all__ = ["to_degrees", "unit_of"]

#: How headers write a unit, in lower case without quotes and dots, to what it is.
_SPELLINGS: Final[dict[str, str]] = {
    spelling: unit
    for unit, spellings in {
        "deg": " deg degree degrees deg_ra deg_dec",
        "rad": "rad radian radians",
        # The last is how astropy writes them into a VOTable.
        "hourangle": "h hr hour hours hourangle h_ra hrs 15deg",
        "arcmin": "arcmin arcminute arcminutes",
        "arcsec": "arcsec arcsecond arcseconds",
        "mas": "mas milliarcsec",
        "h:m:s": "h:m:s hms hh:mm:ss h:min:sec hour:min:sec h_m_s",
        "d:m:s": "d:m:s dms dd:mm:ss d:arcmin:arcsec deg:arcmin:arcsec deg:min:sec d_m_s",
    }.items()
    for spelling in spellings.split(" ")
}
_DEGREES_OF: Final = {
    "deg": 1.0,
    "rad": 180 / math.pi,
    "hourangle": 15.0,
    "arcmin": 1 / 60,
    "arcsec": 1 / 3600,
    "mas": 1 / 3_600_000,
    "h:m:s": 15.0,
    "d:m:s": 1.0,
}
_SEXAGESIMAL: Final = re.compile(
    r"([+\-−]?)\s*(\d{1,3})(?:\s*[:hd°]\s*|\s+)(\d{1,2})(?:(?:\s*[:m'′]\s*|\s+)(\d{1,2}(?:\.\d*)?)\s*[s\"″]?)?\s*[m'′]?"
)
_NOTHING: Final = frozenset({"", "nan", "null", "none", "--", "n/a"})


def unit_of(header: str) -> str | None:
    """Return what a unit is called here: a key like ``deg``, ``hourangle`` or ``h:m:s``; None if it is no angle."""
    text = re.sub(r"[\s.\"']", "", header).lower()
    return _SPELLINGS.get(text)


def to_degrees(
    column: pa.ChunkedArray, header: str, *, name: str, is_longitude: bool
) -> tuple[pa.Array, list[str | None] | None]:
    """Bring a column to degrees.

    Parameters
    ----------
    header
        Its unit as the file has it; empty means degrees.
    name
        Of the column, for messages.

    Returns
    -------
    tuple
        float64 with null where there is no position, and for each row what is wrong with it (None if nothing is
        anywhere).

    Raises
    ------
    CutoutRejected
        ``table.unit`` if the unit is none of an angle, or not a single cell can be read.
    """
    unit = unit_of(header)
    if unit is None or (unit in ("hourangle", "h:m:s") and not is_longitude):
        raise CutoutRejected(
            "table.unit",
            f"Column {name} is in {header[:40]!r}; deg, rad, arcmin, arcsec, and for right ascension hours, are read. "
            "Convert it.",
        )
    factor = _DEGREES_OF[unit]
    if pa.types.is_string(column.type):
        sexagesimal = unit in ("hourangle", "h:m:s", "d:m:s")
        parse = _sexagesimal if sexagesimal else _number
        return _parsed(column, parse, factor, name, "h:m:s or d:m:s" if sexagesimal else "decimal degrees")
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise CutoutRejected("table.unit", f"Column {name} holds no numbers; decimal degrees are read.")
    numbers = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    return _finite(numbers * factor), None


def _finite(values: np.ndarray[Any, Any]) -> pa.Array:
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))


def _parsed(
    column: pa.ChunkedArray, parse: Callable[[str], float | None], factor: float, name: str, what: str
) -> tuple[pa.Array, list[str | None] | None]:
    values = np.full(len(column), np.nan)
    wrong: dict[int, str] = {}
    for n, text in enumerate(column.to_pylist()):
        if text is None or text.strip().lower() in _NOTHING:
            continue
        value = parse(text.strip())
        if value is None:
            wrong[n] = f"Column {name} holds {text.strip()[:40]!r}; {what} are read."
        else:
            values[n] = value * factor
    if wrong and not np.isfinite(values).any():
        # Not a stray cell but another notation.
        raise CutoutRejected("table.unit", next(iter(wrong.values())))
    return _finite(values), [wrong.get(n) for n in range(len(column))] if wrong else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _sexagesimal(text: str) -> float | None:
    """Degrees or hours as a decimal number; -00:30:00 is -0.5."""
    match = _SEXAGESIMAL.fullmatch(text)
    if match is None:
        # Decimal hours as text.
        return _number(text)
    sign, whole, minutes, seconds = match.groups()
    if int(minutes) >= 60 or float(seconds or 0) >= 60:
        return None
    value = int(whole) + int(minutes) / 60 + float(seconds or 0) / 3600
    return -value if sign in ("-", "−") else value
