"""A stranger's CSV → columns with the types that their cells have; runs only in a parsing child."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import chain, islice, zip_longest

import pyarrow as pa
import pyarrow.compute as pc

from survey.ingest import CutoutRejected

__all__ = ["read_csv"]

_MAX_CELL = 16_384
_BLOCK_ROWS = 20_000
_INTEGER, _NUMBER = r"^-?(0|[1-9][0-9]*)$", r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
# What programs write for a number that is not there.
_NOT_A_NUMBER = r"(?i)^(nan|null|none|n/a|--)$"


def read_csv(data: bytes, max_rows: int) -> tuple[list[str], list[pa.ChunkedArray]]:
    """Read text with a line of names; ``,``, ``;``, tab or ``|`` between cells, after lines that begin with ``#``.

    A column is of integers or of numbers when all its cells are, and else text. Integers that begin with 0, as ids
    do, are text. A row with too few cells lacks the last ones.

    Raises
    ------
    CutoutRejected
        ``table.unreadable``, or ``batch.too_large`` as soon as one row too many is seen.
    """
    csv.field_size_limit(_MAX_CELL)
    try:
        lines = _lines(data)
        first = next(lines, None)
        if first is None:
            raise CutoutRejected("table.unreadable", "The table has no line of text with column names.")
        delimiter = max(",;\t|", key=first.count)
        reader = csv.reader(chain([first], lines), delimiter=delimiter, skipinitialspace=True, strict=True)
        names = [name.strip() for name in next(reader)]
        blocks: list[list[pa.Array]] = [[] for _ in names]
        n_rows = 0
        # One row too many tells that there are too many: a file of 32 MiB may hold sixteen million.
        while rows := list(islice(reader, min(_BLOCK_ROWS, max_rows + 1 - n_rows))):
            n_rows += len(rows)
            if n_rows > max_rows:
                raise CutoutRejected(
                    "batch.too_large",
                    f"The table has more than {max_rows} rows, which is the limit. Send it in parts.",
                )
            columns = zip(*(_padded(row, len(names)) for row in rows), strict=True)
            for kept, cells in zip(blocks, columns, strict=True):
                kept.append(pa.array([cell or None for cell in cells], pa.string()))
    except UnicodeDecodeError as error:
        raise CutoutRejected(
            "table.unreadable", "The table is neither UTF-8 text nor Parquet, VOTable or FITS."
        ) from error
    except csv.Error as error:
        raise CutoutRejected(
            "table.unreadable", f"The CSV has a cell of more than {_MAX_CELL} characters, or a bare quote."
        ) from error
    return names, [_typed(pa.chunked_array(kept, pa.string())) for kept in blocks]


def _padded(row: list[str], width: int) -> list[str]:
    return (
        row
        if len(row) == width
        else [cell for cell, _ in zip_longest(row[:width], range(width), fillvalue="")]
    )


def _lines(data: bytes) -> Iterator[str]:
    """Lines whatever ends them, without blank ones, and without comments before the names: later ones may be ids."""
    if b"\x00" in data:
        raise CutoutRejected("table.unreadable", "The table has no line of text with column names.")
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline=None)
    seen = False
    for line in text:
        if line.strip() and (seen or not line.startswith("#")):
            seen = True
            yield line


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column as numbers, if that is what all its cells are."""
    plain = pc.utf8_trim_whitespace(column)
    if _all(plain, _INTEGER):
        try:
            return pc.cast(plain, pa.int64())
        except pa.ArrowInvalid:
            # More digits than 64 bits hold, and than a number of any kind would keep.
            return column
    numbers = pc.if_else(pc.match_substring_regex(plain, _NOT_A_NUMBER), pa.scalar(None, pa.string()), plain)
    if numbers.null_count < len(numbers) and _all(numbers, _NUMBER):
        is_id = pc.any(pc.match_substring_regex(numbers, r"^0[0-9]")).as_py()
        if not is_id:
            return pc.cast(pc.replace_substring_regex(numbers, r"^\+", ""), pa.float64())
    return column


def _all(column: pa.ChunkedArray, pattern: str) -> bool:
    return column.null_count < len(column) and bool(pc.all(pc.match_substring_regex(column, pattern)).as_py())
