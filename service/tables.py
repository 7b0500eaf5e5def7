"""A stranger's table as rows of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from service.media import TABLE_TYPES, check_declared
from service.table_columns import WANTED
from survey.ingest import CutoutRejected
from survey.magic import identify

if TYPE_CHECKING:
    from service.sandbox import Sandbox

__all__ = ["FEW_BYTES", "Table", "check_width", "read_table", "wide_bytes"]

#: Of :func:`wide_bytes`: what is held in memory at a time; batches answered at once and single rows have no more.
FEW_BYTES = 64 << 20
_MAX_WIDE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What was understood of a table.

    Attributes
    ----------
    format
        ``csv``, ``fits``, ``parquet`` or ``votable``.
    mapping
        ``object_id``, ``ra_deg``, ``dec_deg`` to the name of the column that was taken for it.
    units
        The units in which the position was.
    left_out
        Columns that the answer will not repeat: arrays of varying length.
    rows
        :data:`service.table_columns.WANTED`, then all columns as sent, in order.
    """

    format: str
    mapping: dict[str, str]
    units: dict[str, str]
    left_out: list[str]
    rows: pa.Table

    def to_json(self) -> dict[str, Any]:
        """Return what the answer repeats of it."""
        return {
            "format": self.format,
            "columns": self.rows.column_names[len(WANTED) :] + self.left_out,
            "mapping": self.mapping,
            "units": self.units,
            "left_out": self.left_out,
            "n_rows": self.rows.num_rows,
        }


def read_table(
    sandbox: Sandbox,
    data: bytes | memoryview,
    *,
    media_type: str = "",
    name: str = "",
    max_rows: int = 2000,
    chosen: Mapping[str, str] | None = None,
) -> Table:
    """Read a CSV, Parquet, VOTable or FITS table with ids or positions, in a parsing child.

    Parameters
    ----------
    media_type
        As declared, without parameters; empty or ``application/octet-stream`` lets the bytes decide.
    name
        File name as sent; text only.
    chosen
        The sender's own mapping of columns, instead of the usual names.

    Raises
    ------
    CutoutRejected
        ``upload.type``, ``upload.type_mismatch``, ``table.*``, ``batch.too_large`` or what the sandbox refuses.
    Busy
        If the sandbox's queue is full.
    """
    start = bytes(data[:65536])
    if not start.strip() and (len(data) <= len(start) or not bytes(data).strip()):
        raise CutoutRejected("upload.empty", "The table is empty.")
    check_declared(media_type, start, TABLE_TYPES)
    kind = identify(start)
    # Text has no signature: what is not text either is told here, before a child is forked for it.
    if kind == "unknown" and b"\x00" in start:
        raise CutoutRejected(
            "upload.type", "This is no table that we know; CSV, Parquet, VOTable and FITS tables are read."
        )
    told = sandbox.read_table(name, data, max_rows=max_rows, chosen=chosen)
    check_width(told.rows)
    return Table(told.format, told.mapping, told.units, told.left_out, told.rows)


def wide_bytes(rows: pa.Table, *, lines: int = 1) -> int:
    """Return the bytes that texts and vectors of a table take in files that give every row the room of the longest text.

    FITS does, and VOTable and HDF5 as written here.

    Parameters
    ----------
    rows
        Beginning with :data:`service.table_columns.WANTED`, which do not count.
    lines
        How often the answer repeats each row.
    """
    return int(sum(map(_width, rows.columns[len(WANTED) :])) * rows.num_rows * lines)


def check_width(rows: pa.Table, *, lines: int = 1) -> None:
    """Ask whether an answer of these rows would be too large: a short file can hold one text beside many empty ones.

    Raises
    ------
    CutoutRejected
        ``upload.unpacked_too_large`` beyond 1 GiB in all, or 64 MiB for one row.
    """
    n_bytes = wide_bytes(rows, lines=lines)
    is_one = n_bytes > FEW_BYTES * rows.num_rows
    if is_one or n_bytes > _MAX_WIDE_BYTES:
        n_rows, limit = (1, FEW_BYTES) if is_one else (rows.num_rows, _MAX_WIDE_BYTES)
        each = f" with {lines} lines each" if lines > 1 else ""
        raise CutoutRejected(
            "upload.unpacked_too_large",
            f"{n_rows} rows of the length of the longest texts{each} have {n_bytes * n_rows // rows.num_rows} bytes "
            f"(limit {limit}). Leave out the columns of long texts{', or ask for fewer lines' if each else ''}.",
        )


def _width(column: pa.ChunkedArray) -> int:
    if pa.types.is_string(column.type):
        return int(pc.max(pc.binary_length(column)).as_py() or 0)
    if pa.types.is_fixed_size_list(column.type):
        return int(column.type.list_size * column.type.value_type.bit_width // 8)
    return 0
