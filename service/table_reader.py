"""A stranger's table (CSV, Parquet, VOTable, FITS) → ids or positions; runs only in a parsing child."""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits, votable

from service.table_columns import map_columns
from service.votable_check import check_votable
from survey.ingest import CutoutRejected
from survey.magic import identify
from survey.prescan import prescan
from survey.wrappers import unpack

__all__ = ["read_rows"]

_MAX_COLUMNS = 1000
_MAX_CELL = 16_384
_DEGREES = ("", "deg", "degree", "degrees")

Columns = Mapping[str, Callable[[], Sequence[Any]]]


def read_rows(data: bytes, *, max_rows: int) -> dict[str, Any]:
    """Find the ids, or else the positions, of a table.

    Parameters
    ----------
    data
        The file; its type is told from the bytes.
    max_rows
        The most rows that are answered.

    Returns
    -------
    dict
        JSON values: ``format``, ``columns`` (all names), ``mapping`` (our name to the column's name),
        ``n_rows``, and per row ``object_id`` (text or null), ``ra_deg``, ``dec_deg`` (degrees or null), where
        the table has them.

    Raises
    ------
    CutoutRejected
        ``table.unreadable``, ``table.columns``, ``table.unit``, ``table.rounded_ids`` or ``batch.too_large``.
    """
    kind = identify(data)
    if kind in ("gzip", "bzip2"):
        data = unpack(data, "gzip" if kind == "gzip" else "bzip2")
        kind = identify(data)
    reader = {"fits": _fits, "parquet": _parquet, "votable": _votable, "unknown": _csv}.get(kind)
    if reader is None:
        raise CutoutRejected(
            "upload.type", f"A {kind} file is no table; CSV, Parquet, VOTable and FITS tables are read."
        )
    columns, n_rows, units = reader(data, max_rows)
    names = list(columns)[:_MAX_COLUMNS]
    mapping = map_columns(names)
    if not mapping:
        raise CutoutRejected(
            "table.columns",
            f"No id or position among the columns {', '.join(names[:12])}. Name one `object_id`, or two `ra` and `dec`.",
        )
    out: dict[str, Any] = {
        "format": "csv" if kind == "unknown" else kind,
        "columns": [column[:128] for column in names],
        "mapping": mapping,
        "n_rows": n_rows,
    }
    for ours, theirs in mapping.items():
        if ours != "object_id" and units.get(theirs, "").strip().lower() not in _DEGREES:
            raise CutoutRejected(
                "table.unit", f"Column {theirs} is in {units[theirs]}; degrees are read. Convert it."
            )
        values = columns[theirs]()
        out[ours] = (
            [_id(value) for value in values]
            if ours == "object_id"
            else [_degrees(value, theirs) for value in values]
        )
    return out


def _id(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None or np.ma.is_masked(value):
        return None
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            return None
        raise CutoutRejected(
            "table.rounded_ids",
            "The ids are stored as floating-point numbers, which rounds them. Store them as text or 64-bit integers.",
        )
    if isinstance(value, int | np.integer):
        return str(int(value))
    return str(value).strip()[:256] or None


def _degrees(value: Any, column: str) -> float | None:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if (
        value is None
        or np.ma.is_masked(value)
        or (isinstance(value, str) and value.strip().lower() in {"", "nan", "null"})
    ):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise CutoutRejected(
            "table.unit", f"Column {column} holds {str(value)[:40]!r}; decimal degrees are read."
        ) from error
    return number if math.isfinite(number) else None


def _limit(n_rows: int, max_rows: int) -> int:
    if n_rows > max_rows:
        raise CutoutRejected(
            "batch.too_large", f"The table has {n_rows} rows (limit {max_rows}). Send it in parts."
        )
    return n_rows


def _csv(data: bytes, max_rows: int) -> tuple[Columns, int, dict[str, str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CutoutRejected(
            "table.unreadable", "The table is neither UTF-8 text nor Parquet, VOTable or FITS."
        ) from error
    lines = (line for line in _lines(text) if line.strip() and not line.startswith("#"))
    first = next(lines, None)
    if "\x00" in text or first is None:
        raise CutoutRejected("table.unreadable", "The table has no line of text with column names.")
    delimiter = max(",;\t|", key=first.count)
    csv.field_size_limit(_MAX_CELL)
    try:
        # One row too many tells that there are too many: a file of 32 MiB may hold sixteen million.
        reader = csv.reader(chain([first], lines), delimiter=delimiter, skipinitialspace=True)
        head, *rows = islice(reader, max_rows + 2)
    except csv.Error as error:
        raise CutoutRejected(
            "table.unreadable", f"The CSV has a cell of more than {_MAX_CELL} characters, or a bare quote."
        ) from error
    if len(rows) > max_rows:
        raise CutoutRejected(
            "batch.too_large",
            f"The table has more than {max_rows} rows, which is the limit. Send it in parts.",
        )
    names = [name.strip() for name in head[:_MAX_COLUMNS]]

    def column(position: int) -> Callable[[], list[str | None]]:
        return lambda: [row[position] if position < len(row) else None for row in rows]

    columns: dict[str, Callable[[], Sequence[Any]]] = {}
    for position, name in enumerate(names):
        columns.setdefault(name, column(position))
    return columns, len(rows), {}


def _lines(text: str) -> Iterator[str]:
    return (match[0] for match in re.finditer(r"[^\r\n]+", text))


def _parquet(data: bytes, max_rows: int) -> tuple[Columns, int, dict[str, str]]:
    try:
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise CutoutRejected(
            "table.unreadable", "The Parquet file cannot be read: it is damaged or incomplete."
        ) from error
    n_rows = _limit(file.metadata.num_rows, max_rows)

    def column(name: str) -> Callable[[], list[Any]]:
        return lambda: file.read(columns=[name], use_threads=False).column(name).to_pylist()

    return {name: column(name) for name in file.schema_arrow.names}, n_rows, {}


def _votable(data: bytes, max_rows: int) -> tuple[Columns, int, dict[str, str]]:
    check_votable(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = votable.parse(io.BytesIO(data), verify="ignore").get_first_table()
    except Exception as error:  # astropy raises its own, IndexError, ValueError, expat's
        raise CutoutRejected(
            "table.unreadable", "The VOTable cannot be read: it is damaged or holds no table."
        ) from error
    n_rows = _limit(len(table.array), max_rows)

    def column(key: str) -> Callable[[], list[Any]]:
        return lambda: list(table.array[key])

    fields = [(field.name, field.ID, str(field.unit or "")) for field in table.fields]
    return {name: column(key) for name, key, _ in fields}, n_rows, {name: unit for name, _, unit in fields}


def _fits(data: bytes, max_rows: int) -> tuple[Columns, int, dict[str, str]]:
    report = prescan(data, want="table")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hdus = fits.open(io.BytesIO(data[: report.length]), memmap=False, disable_image_compression=True)
            table = next(hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU))
            n_rows = _limit(int(table.header["NAXIS2"]), max_rows)
            names, units = list(table.columns.names), list(table.columns.units)
    except CutoutRejected:
        raise
    except Exception as error:  # astropy raises OSError, ValueError, TypeError, KeyError, ...
        raise CutoutRejected(
            "table.unreadable", "The FITS table cannot be read: it is damaged or incomplete."
        ) from error

    def column(name: str) -> Callable[[], list[Any]]:
        return lambda: list(table.data[name])

    return (
        {name: column(name) for name in names},
        n_rows,
        {n: str(u or "") for n, u in zip(names, units, strict=True)},
    )
