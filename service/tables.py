"""A stranger's table as rows of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.media import TABLE_TYPES, check_declared
from service.operations.photoz import Wanted
from survey.ingest import CutoutRejected
from survey.magic import identify

if TYPE_CHECKING:
    from service.sandbox import Sandbox

__all__ = ["Table", "read_table"]


@dataclass(frozen=True, slots=True)
class Table:
    """What was understood of a table.

    Attributes
    ----------
    format
        ``csv``, ``fits``, ``parquet`` or ``votable``.
    columns
        Names of all its columns.
    mapping
        ``object_id``, ``ra_deg``, ``dec_deg`` to the name of the column that was taken for it.
    rows
        One for each row of the table, in order.
    """

    format: str
    columns: tuple[str, ...]
    mapping: dict[str, str]
    rows: tuple[Wanted, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what the answer repeats of it."""
        return {
            "format": self.format,
            "columns": list(self.columns),
            "mapping": self.mapping,
            "n_rows": len(self.rows),
        }


def read_table(
    sandbox: Sandbox, data: bytes, *, media_type: str = "", name: str = "", max_rows: int = 2000
) -> Table:
    """Read ids or positions from a CSV, Parquet, VOTable or FITS table, in a parsing child.

    Parameters
    ----------
    media_type
        As declared, without parameters; empty or ``application/octet-stream`` lets the bytes decide.
    name
        File name as sent; text only.

    Raises
    ------
    CutoutRejected
        ``upload.type``, ``upload.type_mismatch``, ``table.*``, ``batch.too_large`` or what the sandbox refuses.
    Busy
        If the sandbox's queue is full.
    """
    if not data.strip():
        raise CutoutRejected("upload.empty", "The table is empty.")
    check_declared(media_type, data, TABLE_TYPES)
    kind = identify(data)
    # Text has no signature: what is not text either is told here, before a child is forked for it.
    if kind == "unknown" and b"\x00" in data[:65536]:
        raise CutoutRejected(
            "upload.type", "This is no table that we know; CSV, Parquet, VOTable and FITS tables are read."
        )
    told = sandbox.read_table(name, data, max_rows=max_rows)
    columns = (told["object_id"], told["ra_deg"], told["dec_deg"])
    rows = tuple(Wanted(*values) for values in zip(*columns, strict=True))
    return Table(told["format"], tuple(told["columns"]), told["mapping"], rows)
