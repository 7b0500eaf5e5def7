"""The redshifts of a whole release as one Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from index.photoz_arrow import column_types, lists
from index.photoz_columns import COLUMNS, flag_names
from index.release import Release

__all__ = ["flag_counts", "write_table"]

_BLOCK = 10_000
_IDENTITY = {
    "object_id": ("meta.id;meta.main", "object id of the survey", ""),
    "ra_deg": ("pos.eq.ra;meta.main", "right ascension, ICRS", "deg"),
    "dec_deg": ("pos.eq.dec;meta.main", "declination, ICRS", "deg"),
    "z_spec": ("src.redshift", "spectroscopic redshift, no evidence for the estimate", ""),
}
_PDF = "pdf"


def write_table(release: Release, path: Path) -> int:
    """Write every galaxy's identity, all columns of an estimate and p(z); returns the number of rows.

    Each field's metadata hold its UCD, its description and, where it has one, its unit; the file's hold ``z_max`` and
    ``n_bins`` of the grid. The file appears whole or not at all.

    Raises
    ------
    PhotoZUnavailable
        If the release has no redshifts.
    """
    staged = path.with_name(f".{path.name}.staged")
    try:
        blocks = _blocks(release)
        first = next(blocks)
        with pq.ParquetWriter(staged, first.schema) as writer:
            writer.write_table(first)
            for block in blocks:
                writer.write_table(block)
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)
    return release.info.n_galaxies


def flag_counts(release: Release) -> dict[str, int]:
    """Return how many galaxies raise each flag, only those that any raises."""
    columns = release.photoz_columns()
    flags = np.zeros(0, np.int32) if columns is None else columns["z_flags"][release.galaxies]
    bits = np.flatnonzero([(flags & (1 << bit)).any() for bit in range(31)])
    return {flag_names(1 << int(bit))[0]: int((flags & (1 << int(bit)) > 0).sum()) for bit in bits}


def _blocks(release: Release) -> Iterator[pa.Table]:
    kinds = column_types()
    for start in range(0, release.info.n_galaxies, _BLOCK):
        rows = release.galaxies[start : start + _BLOCK]
        found = release.photoz.estimate_rows(rows)
        identity = release.columns.take(rows, list(_IDENTITY))
        fields, arrays = [], []
        for name, (ucd, description, unit) in _IDENTITY.items():
            kind = pa.string() if name == "object_id" else pa.float64()
            fields.append(_field(name, kind, ucd, description, unit))
            arrays.append(pa.array(identity[name], kind))
        for column in COLUMNS:
            kind = kinds[column.name]
            fields.append(_field(column.name, kind, column.ucd, column.description))
            if column.kind == "quantiles":
                arrays.append(lists(found.quantiles, kind))
            elif column.kind == "text":
                arrays.append(pa.array([getattr(found, column.name)] * len(rows), kind))
            else:
                arrays.append(pa.array(found.columns[column.name], from_pandas=True).cast(kind))
        pdf = pa.list_(pa.float16(), found.grid.n_bins)
        fields.append(_field(_PDF, pdf, "", "probability of each of n_bins equal bins from 0 to z_max"))
        arrays.append(lists(found.probability, pdf))
        grid = {"z_max": repr(found.grid.z_max), "n_bins": str(found.grid.n_bins)}
        yield pa.table(arrays, schema=pa.schema(fields, metadata={**grid, "release": release.id}))


def _field(name: str, kind: pa.DataType, ucd: str, description: str, unit: str = "") -> pa.Field:
    said = {"ucd": ucd, "description": description, "unit": unit}
    return pa.field(name, kind, metadata={key: value for key, value in said.items() if value})
