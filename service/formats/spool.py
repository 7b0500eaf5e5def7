"""Rows set aside on disk until what stands before them in a file is known: how many they are, how long their texts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

import pyarrow as pa
import pyarrow.compute as pc

from service.formats.fields import simple, simplified

__all__ = ["Extent", "Spool"]

# Of texts in records of fixed length that are made together.
_FEW_BYTES = 8 << 20


@dataclass(slots=True)
class Extent:
    r"""What a column needs of room.

    Attributes
    ----------
    n_null
        Rows without a value.
    n_ascii, n_utf8, n_utf16
        Bytes of the longest text with all beyond ASCII escaped (``\u661f``), in UTF-8, and in UTF-16.
    has_more
        Whether a text goes beyond ASCII.
    """

    n_null: int = 0
    n_ascii: int = 0
    n_utf8: int = 0
    n_utf16: int = 0
    has_more: bool = False

    @property
    def is_ascii(self) -> bool:
        """Whether no text holds anything else."""
        return not self.has_more

    def add(self, column: pa.ChunkedArray) -> None:
        """Widen it to hold more rows."""
        self.n_null += column.null_count
        if not pa.types.is_string(column.type):
            return
        self.n_utf8 = max(self.n_utf8, pc.max(pc.binary_length(column)).as_py() or 0)
        plain = pc.fill_null(pc.string_is_ascii(column), True)  # noqa: FBT003 - pyarrow's own signature
        if pc.all(plain).as_py() in (True, None):
            longest = pc.max(pc.binary_length(column)).as_py() or 0
            self.n_ascii, self.n_utf16 = max(self.n_ascii, longest), max(self.n_utf16, 2 * longest)
            return
        self.has_more = True
        for text in column.drop_null().to_pylist():
            self.n_ascii = max(self.n_ascii, len(text.encode("ascii", "backslashreplace")))
            self.n_utf16 = max(self.n_utf16, len(text.encode("utf-16-be", "replace")))


@dataclass(slots=True)
class Spool:
    """A temporary Arrow file that vanishes with the block.

    Attributes
    ----------
    n_rows
        Of all tables together.
    extents
        By column, in order.
    """

    schema: pa.Schema
    n_rows: int = 0
    extents: list[Extent] = field(default_factory=list)
    _file: IO[bytes] | None = None

    @classmethod
    def of(cls, tables: Iterable[pa.Table], schema: pa.Schema, folder: Path) -> Self:
        """Set tables aside in a folder; memory holds one of them at a time."""
        spool = cls(simplified(schema), extents=[Extent() for _ in schema])
        # Closed by the caller's block.
        spool._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        with pa.ipc.new_stream(spool._file, spool.schema) as writer:
            for table in tables:
                rows = simple(table)
                spool.n_rows += rows.num_rows
                for extent, column in zip(spool.extents, rows.columns, strict=True):
                    extent.add(column)
                writer.write_table(rows.cast(spool.schema))
        return spool

    def tables(self) -> Iterator[pa.Table]:
        """Give the rows back, once; few at a time where each needs the room of a long text."""
        assert self._file is not None
        self._file.seek(0)
        width = sum(max(one.n_ascii, one.n_utf8, one.n_utf16) for one in self.extents)
        n_rows = max(1, _FEW_BYTES // max(width, 1))
        with pa.ipc.open_stream(self._file) as reader:
            for batch in reader:
                for start in range(0, batch.num_rows, n_rows):
                    yield pa.Table.from_batches([batch.slice(start, n_rows)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
