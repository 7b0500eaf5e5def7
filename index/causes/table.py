"""Inspections as rows of an Arrow table, in shards and in releases alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.causes.cause import cause_of
from survey.blends import Blend
from survey.defects.verdict import Verdict
from survey.inspection import Inspection
from survey.manifests import CorruptFolder

__all__ = ["CAUSES", "COLUMNS", "FrozenCauses", "columns_of", "table_of", "write_causes"]

#: The file of a release, one row a galaxy; older releases have none.
CAUSES = "causes.arrow"
#: What a release freezes among its columns.
COLUMNS = ("cause", "p_data_quality", "p_blend", "defects")

_VERDICT = pa.struct([("name", pa.string()), ("severity", pa.string()), ("detail", pa.string())])
_BLEND = pa.struct(
    [
        ("n_neighbours", pa.int32()),
        *(
            (name, pa.float64())
            for name in ("influence", "flux_ratio", "separation_px", "separation_arcsec", "overlap")
        ),
    ]
)
_SCHEMA = pa.schema(
    [
        ("cause", pa.string()),
        ("p_data_quality", pa.float32()),
        ("p_blend", pa.float32()),
        ("defects", pa.string()),
        ("verdicts", pa.list_(_VERDICT)),
        ("blend", _BLEND),
    ]
)


def table_of(inspections: Sequence[Inspection | None]) -> pa.Table:
    """Lay inspections out as rows; where there is none, every column is null."""
    return pa.Table.from_pylist([_row(one) for one in inspections], _SCHEMA)


def columns_of(table: pa.Table) -> dict[str, NDArray[Any]]:
    """Return :data:`COLUMNS`: words as objects with None, probabilities as float32 with NaN, where none was inspected."""
    columns: dict[str, NDArray[Any]] = {}
    for name in COLUMNS:
        if pa.types.is_floating(_SCHEMA.field(name).type):
            columns[name] = table.column(name).to_numpy(zero_copy_only=False).astype(np.float32)
        else:
            columns[name] = np.array(table.column(name).to_pylist(), dtype=object)
    return columns


def write_causes(table: pa.Table, path: Path) -> None:
    """Write a release's rows as one uncompressed Arrow record batch, which can be mapped."""
    table = table.select(_SCHEMA.names).combine_chunks()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
        writer.write_table(table)


class FrozenCauses:
    """The inspections of a release's galaxies by row, memory-mapped.

    Attributes
    ----------
    table
        All rows, as :func:`table_of` lays them out: what an updated release adds to.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    @classmethod
    def open(cls, path: Path) -> FrozenCauses:
        """Map the file of a release.

        Raises
        ------
        CorruptFolder
            If it cannot be read, or another version wrote it.
        """
        try:
            with pa.memory_map(str(path)) as source:
                table = pa.ipc.open_file(source).read_all()
        except (OSError, pa.ArrowInvalid) as error:
            raise CorruptFolder(f"{path.name} cannot be read; build the release again") from error
        if table.schema != _SCHEMA:
            raise CorruptFolder(f"{path.name} does not fit this version; build the release again")
        return cls(table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def of(self, row: int) -> Inspection | None:
        """Return what was found in a galaxy's pixels; None where they were not inspected."""
        return inspection_of(self.table, row)


def inspection_of(table: pa.Table, row: int) -> Inspection | None:
    """Return one row as it was laid out; None where it is null."""
    blend = table.column("blend")[row].as_py()
    if blend is None:
        return None
    verdicts = table.column("verdicts")[row].as_py()
    return Inspection(tuple(Verdict(**verdict) for verdict in verdicts), Blend(**blend))


def _row(inspection: Inspection | None) -> dict[str, Any]:
    if inspection is None:
        return dict.fromkeys(_SCHEMA.names)
    cause = cause_of(inspection)
    return {
        "cause": cause.kind,
        "p_data_quality": cause.p_data_quality,
        "p_blend": cause.p_blend,
        "defects": ",".join(inspection.names),
        "verdicts": [asdict(verdict) for verdict in inspection.defects],
        "blend": asdict(inspection.blend),
    }
