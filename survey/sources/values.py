"""Numbers of the user's columns: sentinels become nulls, positions become degrees."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy import units
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from survey.sources.joining import SortedColumns
from survey.sources.sentinels import NO_POSITION, is_sentinel
from survey.sources.table_files import UnreadableTable

__all__ = ["NO_POSITIONS", "cleaned", "nullable", "numbers", "positions"]

NO_POSITIONS = "No positions: the survey has no cone search and no sky links."


def nullable(values: NDArray[np.float64]) -> pa.Array:
    """Return an Arrow column, null where a value is not finite."""
    return pa.array(values, mask=~np.isfinite(values))


def numbers(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    """Return a column as floats, NaN for null.

    Raises
    ------
    UnreadableTable
        If it holds text that is no number.
    """
    try:
        return np.array(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid as error:
        raise UnreadableTable(
            f"the column for {name} holds text that is no number; choose another with `--column`."
        ) from error


def cleaned(
    column: pa.ChunkedArray | None, name: str, sentinels: tuple[float, ...], n: int, notes: list[str]
) -> NDArray[np.float64]:
    """Return a column as floats with sentinels turned into NaN, which is noted; all NaN without a column."""
    if column is None:
        return np.full(n, np.nan)
    values = numbers(column, name)
    unknown = is_sentinel(values, sentinels)
    if unknown.any():
        which = ", ".join(f"{value:g}" for value in sorted(set(np.round(values[unknown], 3).tolist())))
        notes.append(f"{int(unknown.sum()):,} values of {name} ({which}) mean unknown and became null.")
        values[unknown] = np.nan
    return values


def positions(
    sorted_columns: SortedColumns, notes: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return right ascension and declination in degrees, NaN where a position is unknown.

    Degrees, hours (by the column's unit) and sexagesimal text (hours first) are understood; right ascensions
    of -180 to 0 are turned by 360.

    Raises
    ------
    UnreadableTable
        If a text is no position.
    """
    columns = sorted_columns.standard
    if "ra_deg" not in columns or "dec_deg" not in columns:
        notes.append(NO_POSITIONS)
        return np.full(sorted_columns.n, np.nan), np.full(sorted_columns.n, np.nan)
    texts = [pa.types.is_string(columns[name].type) for name in ("ra_deg", "dec_deg")]
    if any(texts) and _is_sexagesimal(columns["ra_deg" if texts[0] else "dec_deg"]):
        notes.append("Positions are sexagesimal: right ascension read as hours.")
        return _sexagesimal(columns["ra_deg"], columns["dec_deg"])
    ra = cleaned(columns["ra_deg"], "ra_deg", NO_POSITION, sorted_columns.n, notes)
    dec = cleaned(columns["dec_deg"], "dec_deg", NO_POSITION, sorted_columns.n, notes)
    if sorted_columns.hours:
        notes.append("Right ascensions are in hours by their unit.")
        ra = ra * 15
    ra = np.where((ra >= -180) & (ra < 0), ra + 360, ra)
    # Half a position is none.
    known = np.isfinite(ra) & np.isfinite(dec)
    return np.where(known, ra, np.nan), np.where(known, dec, np.nan)


def _is_sexagesimal(column: pa.ChunkedArray) -> bool:
    first = next((text for text in column.to_pylist() if text), "")
    return any(mark in first.strip() for mark in (":", " ", "h", "d"))


def _sexagesimal(
    ra: pa.ChunkedArray, dec: pa.ChunkedArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pairs = list(
        zip(pc.cast(ra, pa.string()).to_pylist(), pc.cast(dec, pa.string()).to_pylist(), strict=True)
    )
    known = [i for i, (a, d) in enumerate(pairs) if a and d]
    out = np.full((2, len(pairs)), np.nan)
    try:
        sky = SkyCoord(
            [pairs[i][0] for i in known], [pairs[i][1] for i in known], unit=(units.hourangle, units.deg)
        )
    except ValueError as error:
        raise UnreadableTable(
            "a position is neither degrees nor sexagesimal text like 12:34:56.7 -01:02:03."
        ) from error
    out[:, known] = sky.ra.deg, sky.dec.deg
    return out[0], out[1]
