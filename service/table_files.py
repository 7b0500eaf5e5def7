"""A stranger's Parquet, VOTable or FITS table → columns with their words; runs only in a parsing child."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits, votable
from numpy.typing import NDArray

from service.formats.fields import Described, described, simple
from service.table_text import read_csv
from service.votable_check import check_votable
from survey.ingest import CutoutRejected
from survey.magic import identify
from survey.prescan import prescan
from survey.wrappers import unpack

__all__ = ["MAX_COLUMNS", "Columns", "read_columns"]

#: FITS counts fields to 999, and an answer has some of its own.
MAX_COLUMNS = 900
_MAX_NAME = 128


@dataclass(slots=True)
class Columns:
    """The columns of a file.

    Attributes
    ----------
    format
        ``csv``, ``fits``, ``parquet`` or ``votable``.
    names
        Printable, each once.
    values
        Of the kinds of :func:`service.formats.fields.simple`.
    words
        Unit, UCD and description of each.
    left_out
        Names of those that are not read: arrays of varying length, complex numbers.
    """

    format: str
    names: list[str] = field(default_factory=list)
    values: list[pa.ChunkedArray] = field(default_factory=list)
    words: list[Described] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        """Rows."""
        return len(self.values[0]) if self.values else 0

    def add(self, name: str, values: Any, words: Described) -> None:
        """Take a column, under a name that no other has."""
        plain = "".join(one for one in str(name) if one.isprintable()).strip()[:_MAX_NAME] or "column"
        if values is None:
            self.left_out.append(plain)
            return
        number, unique, known = 1, plain, {one.casefold() for one in self.names}
        while unique.casefold() in known:
            number += 1
            unique = f"{plain}_{number}"
        self.names.append(unique)
        self.values.append(values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values]))
        self.words.append(words)


def read_columns(data: bytes, *, max_rows: int) -> Columns:
    """Read all columns; the type of the file is told from its bytes.

    Raises
    ------
    CutoutRejected
        ``upload.type``, ``table.unreadable``, ``table.columns`` for too many of them, or ``batch.too_large``.
    """
    kind = identify(data)
    if kind in ("gzip", "bzip2"):
        data = unpack(data, "gzip" if kind == "gzip" else "bzip2")
        kind = identify(data)
    readers = {"fits": _fits, "parquet": _parquet, "votable": _votable, "unknown": _csv}
    if kind not in readers:
        raise CutoutRejected(
            "upload.type", f"A {kind} file is no table; CSV, Parquet, VOTable and FITS tables are read."
        )
    columns = Columns("csv" if kind == "unknown" else kind)
    for name, values, words in readers[kind](data, max_rows):
        columns.add(name, values, words)
    return columns


Read = Iterator[tuple[str, Any, Described]]


def _check(n_rows: int, max_rows: int, n_columns: int) -> None:
    if n_rows > max_rows:
        raise CutoutRejected(
            "batch.too_large", f"The table has {n_rows} rows (limit {max_rows}). Send it in parts."
        )
    if n_columns > MAX_COLUMNS:
        raise CutoutRejected(
            "table.columns",
            f"The table has {n_columns} columns (limit {MAX_COLUMNS}). Send ids or positions with fewer.",
        )


def _csv(data: bytes, max_rows: int) -> Read:
    names, columns = read_csv(data, max_rows)
    _check(0, max_rows, len(names))
    for name, column in zip(names, columns, strict=True):
        yield name, column, Described()


def _parquet(data: bytes, max_rows: int) -> Read:
    try:
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
        _check(file.metadata.num_rows, max_rows, len(file.schema_arrow))
        table = file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise CutoutRejected(
            "table.unreadable", "The Parquet file cannot be read: it is damaged or incomplete."
        ) from error
    for column, values in zip(table.schema, table.columns, strict=True):
        kind = column.type
        if pa.types.is_nested(kind) and not pa.types.is_fixed_size_list(kind):
            yield column.name, None, Described()
        else:
            plain = simple(pa.table([values], names=["x"])).column(0)
            yield column.name, plain, described(column)


def _votable(data: bytes, max_rows: int) -> Read:
    check_votable(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = votable.parse(io.BytesIO(data), verify="ignore").get_first_table()
            n_rows, fields = len(table.array), list(table.fields)
    except Exception as error:  # astropy raises its own, IndexError, ValueError, expat's
        raise CutoutRejected(
            "table.unreadable", "The VOTable cannot be read: it is damaged or holds no table."
        ) from error
    _check(n_rows, max_rows, len(fields))
    for one in fields:
        column = table.array[one.ID]
        words = Described(str(one.unit or ""), str(one.ucd or ""), str(one.description or ""))
        yield str(one.name), _arrow(np.ma.getdata(column), np.ma.getmaskarray(column)), words


def _fits(data: bytes, max_rows: int) -> Read:
    report = prescan(data, want="table")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            hdus = fits.open(io.BytesIO(data[: report.length]), memmap=False, disable_image_compression=True)
            table = next(hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU))
            _check(int(table.header["NAXIS2"]), max_rows, int(table.header["TFIELDS"]))
            rows, columns = table.data, list(table.columns)
        except CutoutRejected:
            raise
        except Exception as error:  # astropy raises OSError, ValueError, TypeError, KeyError, ...
            raise _damaged() from error
        for number, column in enumerate(columns, 1):
            words = [table.header.get(f"{key}{number}", "") for key in ("TUNIT", "TUCD", "TCOMM")]
            try:
                values = rows.field(number - 1) if rows is not None else np.empty(0, "f8")
                is_null = None if column.null is None else values == column.null
                found = _arrow(np.asarray(values), is_null)
            except Exception as error:  # the same
                raise _damaged() from error
            yield column.name, found, Described(*(str(word or "") for word in words))


def _damaged() -> CutoutRejected:
    return CutoutRejected("table.unreadable", "The FITS table cannot be read: it is damaged or incomplete.")


def _arrow(values: NDArray[Any], mask: Any) -> pa.Array | None:
    """Values of one column, those of the mask missing; None for what has no place in a table of single values and vectors."""
    if values.dtype.kind in "OSU" and values.ndim == 1:
        missing = np.zeros(len(values), np.bool_) if mask is None else np.asarray(mask)
        return _texts(zip(values.tolist(), missing.tolist(), strict=True))
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2):
        return None
    flat = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("=")).reshape(-1)
    lacks = None if mask is None else np.broadcast_to(mask, values.shape).reshape(-1)
    found = pa.array(flat, mask=lacks if lacks is not None and lacks.any() else None)
    if values.ndim == 2:
        if not values.shape[1]:
            return None
        found = pa.FixedSizeListArray.from_arrays(found, values.shape[1])
    return simple(pa.table([found], names=["x"])).column(0).combine_chunks()


def _texts(pairs: Iterable[tuple[Any, bool]]) -> pa.Array | None:
    texts: list[str | None] = []
    for value, is_missing in pairs:
        if is_missing or value is None:
            texts.append(None)
        elif isinstance(value, bytes):
            texts.append(value.decode("utf-8", "replace") or None)
        elif isinstance(value, str):
            texts.append(value.encode("utf-8", "replace").decode() or None)
        else:
            return None
    return pa.array(texts, pa.string())
