"""Which formats there are, and one way to write them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from service.formats.csv_text import write_csv
from service.formats.fields import meta_of
from service.formats.fits import write_fits
from service.formats.hdf5 import NoDistribution, write_hdf5
from service.formats.json_text import write_json
from service.formats.parquet import write_parquet
from service.formats.votable import write_votable

__all__ = ["FORMATS", "Format", "NoDistribution", "RowsMissing", "UnknownFormat", "accepted", "write"]


class UnknownFormat(ValueError):
    """A format that is not written."""


class RowsMissing(ValueError):
    """Fewer or more rows than there must be."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way to store a table.

    Attributes
    ----------
    name
        As in ``format=``.
    media_type
        The one that is answered with; clients may ask for the others with Accept.
    """

    name: str
    media_type: str
    suffix: str
    others: tuple[str, ...] = ()

    def headers(self, stem: str) -> dict[str, str]:
        """Return the headers of an answer that a browser saves under a name of its own; JSON it shows."""
        if self.name == "json":
            return {"content-type": self.media_type}
        return {
            "content-type": self.media_type,
            "content-disposition": f'attachment; filename="{stem}{self.suffix}"',
        }


FORMATS: Final[dict[str, Format]] = {
    one.name: one
    for one in (
        Format("json", "application/json", ".json"),
        Format("csv", "text/csv; charset=utf-8; header=present", ".csv"),
        Format(
            "votable",
            "application/x-votable+xml",
            ".vot",
            ("text/xml", "application/xml", "application/x-votable+xml;serialization=binary2"),
        ),
        Format("fits", "application/fits", ".fits", ("image/fits",)),
        Format(
            "parquet",
            "application/vnd.apache.parquet",
            ".parquet",
            ("application/x-parquet", "application/parquet"),
        ),
        Format("hdf5", "application/x-hdf5", ".hdf5", ("application/x-hdf", "application/vnd.hdfgroup.hdf5")),
    )
}

_Writer = Callable[..., None]
_WRITERS: Final[dict[str, _Writer]] = {
    "json": write_json,
    "csv": write_csv,
    "votable": write_votable,
    "fits": write_fits,
    "parquet": write_parquet,
    "hdf5": write_hdf5,
}


def write(
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    path: Path,
    fmt: str,
    *,
    n_rows: int | None = None,
    meta: Mapping[str, Any] | None = None,
) -> None:
    """Write tables of one schema as one file; memory holds a few of them, whatever their number.

    Parameters
    ----------
    schema
        Fields may carry words (:func:`service.formats.fields.field`) and the schema what holds for the whole file
        (:func:`service.formats.fields.with_meta`).
    path
        Overwritten; temporary files lie beside it. Making it durable is left to the caller.
    fmt
        A key of ``FORMATS``.
    n_rows
        How many rows must come, if that is known.
    meta
        JSON values that hold for the whole file, beside those of the schema: ``z_grid``, ``quantile_levels``, the release.

    Raises
    ------
    UnknownFormat
        If there is no such format.
    NoDistribution
        If an ensemble is asked for without p(z) on a grid.
    RowsMissing
        If not ``n_rows`` came.
    """
    if fmt not in FORMATS:
        raise UnknownFormat(f"No format {fmt[:32]!r} is written; there are {', '.join(FORMATS)}.")
    seen = [0]
    members = {**meta_of(schema), **(meta or {})}
    if fmt != "json":
        # Only there a member that is null says something: that it could be there.
        members = {key: value for key, value in members.items() if value is not None}
    _WRITERS[fmt](_counted(tables, seen), schema, path, meta=members)
    if n_rows is not None and seen[0] != n_rows:
        raise RowsMissing(f"{seen[0]} rows came of {n_rows}")


def _counted(tables: Iterable[pa.Table], seen: list[int]) -> Iterator[pa.Table]:
    for table in tables:
        seen[0] += table.num_rows
        yield table


def accepted(header: str) -> str | None:
    """Return the format that an Accept header asks for first; None if it names none of ours."""
    asked: list[tuple[float, str]] = []
    for part in header.split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        name = next(
            (one.name for one in FORMATS.values() if kind in (one.media_type.partition(";")[0], *one.others)),
            None,
        )
        if name is not None:
            try:
                asked.append((float(quality), name))
            except ValueError:
                continue
    # A quality of 0 says "not this one" (RFC 9110 §12.4.2).
    asked = [pair for pair in asked if pair[0] > 0]
    return max(asked, key=lambda pair: pair[0])[1] if asked else None
