"""Catalogue tables of the user: CSV, Parquet, FITS or VOTable become one Arrow table of scalar columns."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from survey.scalars import is_scalar, stored_type

__all__ = ["TableFile", "UnreadableTable", "read_table"]

_NULLS = ["", "NA", "N/A", "na", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None", "none", "--", "-"]
_FORMATS = {
    "csv": (".csv", ".csv.gz", ".csv.bz2"),
    "tsv": (".tsv", ".tab"),
    "parquet": (".parquet", ".pq"),
    "fits": (".fits", ".fit", ".fits.gz", ".fits.bz2"),
    "votable": (".vot", ".votable", ".xml"),
    "ascii.ecsv": (".ecsv",),
}
# Ids are read as text, for a number would lose leading zeros or, beyond 2^53, its last digits.
_ID_LIKE = re.compile(r"(?i)(^|_|[a-z])id$|^name$|designation|objname|iau_?name")


class UnreadableTable(ValueError):
    """A table that cannot be read or lacks what is needed."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table as read.

    Attributes
    ----------
    rows
        Scalar columns only; text as string.
    left_out
        Names of columns with several values per row, or with bytes.
    hour_columns
        Names of columns whose unit is hours (right ascensions).
    units
        Units of columns by name, where the file states them.
    """

    rows: pa.Table
    left_out: tuple[str, ...] = ()
    hour_columns: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)


def read_table(path: Path) -> TableFile:
    """Read a table, its format told by the file name.

    Raises
    ------
    UnreadableTable
        If the format is not known, or the file cannot be read as it.
    """
    name = path.name.lower()
    kind = next((kind for kind, suffixes in _FORMATS.items() if name.endswith(suffixes)), None)
    if kind is None:
        known = ", ".join(suffix for suffixes in _FORMATS.values() for suffix in suffixes)
        raise UnreadableTable(f"{path.name}: a table must be one of {known}.")
    if not path.is_file():
        raise UnreadableTable(f"{path.name}: there is no such file.")
    try:
        if kind in ("csv", "tsv"):
            return _scalars(_read_csv(path, "," if kind == "csv" else "\t"))
        if kind == "parquet":
            return _read_parquet(path)
        return _read_astropy(path, kind)
    except UnreadableTable:
        raise
    except Exception as error:  # four readers, each with exceptions of its own
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise UnreadableTable(f"{path.name}: not readable as {kind}: {reason}") from error


def _read_csv(path: Path, delimiter: str) -> pa.Table:
    parse = pcsv.ParseOptions(delimiter=delimiter)
    convert: dict[str, Any] = {"null_values": _NULLS, "strings_can_be_null": True}
    with pcsv.open_csv(path, parse_options=parse, convert_options=pcsv.ConvertOptions(**convert)) as reader:
        names = reader.schema.names
    types = {name: pa.string() for name in names if _ID_LIKE.search(name.strip())}
    return pcsv.read_csv(
        path, parse_options=parse, convert_options=pcsv.ConvertOptions(**convert, column_types=types)
    )


def _read_parquet(path: Path) -> TableFile:
    file = pq.ParquetFile(path)
    scalar = [entry.name for entry in file.schema_arrow if is_scalar(entry.type)]
    left_out = tuple(entry.name for entry in file.schema_arrow if not is_scalar(entry.type))
    found = _scalars(file.read(columns=scalar))
    return TableFile(found.rows, left_out)


def _scalars(table: pa.Table) -> TableFile:
    """Bring column types to the few that a survey stores; strip blanks of names."""
    names, columns, left_out = [], [], []
    for entry in table.schema:
        column = table.column(entry.name)
        if not is_scalar(entry.type):
            left_out.append(entry.name)
            continue
        names.append(entry.name.strip())
        columns.append(column.cast(stored_type(entry.type)))
    if not names:
        raise UnreadableTable("the table has no column with one value per row")
    return TableFile(pa.table(dict(zip(names, columns, strict=True))), tuple(left_out))


def _read_astropy(path: Path, kind: str) -> TableFile:
    # Heavy, and needed for two of the formats only.
    from astropy.table import Table  # noqa: PLC0415

    with warnings.catch_warnings():
        # Units and cells that bend the standards are the rule in published tables.
        warnings.simplefilter("ignore")
        table = Table.read(path, format=kind)
    columns: dict[str, pa.Array] = {}
    units: dict[str, str] = {}
    left_out, hours = [], []
    for name in table.colnames:
        column = table[name]
        if getattr(column, "ndim", 1) != 1 or column.dtype.kind not in "iufbSUO":
            left_out.append(name)
            continue
        columns[name.strip()] = _to_arrow(column)
        units[name.strip()] = unit = str(getattr(column, "unit", "") or "")
        if unit.lower() in ("h", "hour", "hours", "hourangle", "hr"):
            hours.append(name.strip())
    if not columns:
        raise UnreadableTable(f"{path.name}: no column with one value per row")
    return TableFile(pa.table(columns), tuple(left_out), tuple(hours), units)


def _to_arrow(column: Any) -> pa.Array:
    mask = np.ma.getmaskarray(np.ma.asarray(column))
    values = np.ma.getdata(np.ma.asarray(column))
    if values.dtype.kind in "SUO":
        texts = [v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in values.tolist()]
        stripped = [text.strip("\x00 ") for text in texts]
        return pa.array(
            [None if hidden or not text else text for text, hidden in zip(stripped, mask, strict=True)],
            pa.string(),
        )
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    return pa.array(native, mask=mask)
