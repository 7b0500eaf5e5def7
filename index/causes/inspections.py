"""What was found in the pixels of one survey, in Parquet shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from index.bound_shards import BoundShards
from index.causes.table import columns_of, inspection_of, table_of
from survey.inspection import Inspection

__all__ = ["Inspections", "InspectionsInfo", "InspectionsMismatch"]

_ID = "object_id"


class InspectionsMismatch(RuntimeError):
    """Inspections of another survey, or by other rules."""


@dataclass(frozen=True, slots=True)
class InspectionsInfo:
    """What a folder of inspections is bound to.

    Attributes
    ----------
    survey_sha256
        Hash of the survey's manifest.
    rules
        :data:`survey.inspection.RULES` that they were made by.
    n_objects, shard_size
        Rows of the survey, and of a shard.
    """

    survey: str
    survey_sha256: str
    rules: int
    n_objects: int
    shard_size: int

    @property
    def n_shards(self) -> int:
        """Shards of a complete folder."""
        return -(-self.n_objects // self.shard_size)


class Inspections(BoundShards[InspectionsInfo]):
    """Inspections on disk, written shard by shard; see :class:`index.shards.Shards`."""

    HOLDS = "inspections"
    DESCRIBED_BY = InspectionsInfo
    MISMATCH = InspectionsMismatch
    REMEDY = "inspect the survey again: skylike index build"

    def write(self, shard: int, found: Mapping[str, Inspection]) -> None:
        """Write one shard, objects by id, and list it."""
        table = table_of(list(found.values()))
        self._shards.write(shard, table.add_column(0, _ID, pa.array(list(found), pa.string())))

    @cached_property
    def _table(self) -> pa.Table:
        n = self.info.n_shards
        return pa.concat_tables(self._shards.read(shard, of=n) for shard in range(n)).combine_chunks()

    def take(self, ids: Sequence[str]) -> pa.Table:
        """Return the rows of these objects, as :func:`index.causes.table.table_of` lays them out; null where there is none.

        Raises
        ------
        CorruptFolder
            If a shard is missing or does not have its hash.
        """
        rows = pc.index_in(pa.array(ids, pa.string()), value_set=self._table.column(_ID))
        return self._table.drop_columns(_ID).take(rows)

    def columns(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return :data:`index.causes.table.COLUMNS` of these objects; None and NaN where there is none."""
        return columns_of(self.take(ids))

    def of(self, object_id: str) -> Inspection | None:
        """Return what was found in one object; None if it was not inspected."""
        return inspection_of(self.take([object_id]), 0)
