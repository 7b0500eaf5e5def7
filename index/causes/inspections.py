"""What was found in the pixels of one survey, in Parquet shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from index.causes.table import columns_of, inspection_of, table_of
from index.shards import Shards
from survey.inspection import Inspection
from survey.manifests import CorruptFolder

__all__ = ["Inspections", "InspectionsInfo", "InspectionsMismatch"]

_REMEDY = "inspect the survey again: skylike index build"
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


class Inspections:
    """Inspections on disk, written shard by shard; see :class:`index.shards.Shards`."""

    def __init__(self, shards: Shards) -> None:
        self.path = shards.path
        self.info = InspectionsInfo(**shards.info)
        self._shards = shards

    @classmethod
    def open(cls, path: Path) -> Inspections:
        """Open a folder; hashes of shards are checked when they are read.

        Raises
        ------
        CorruptFolder
            If there is no readable manifest.
        """
        try:
            return cls(Shards.open(path, remedy=_REMEDY))
        except TypeError as error:
            raise CorruptFolder(f"{path.name}: its manifest is not one of inspections; {_REMEDY}") from error

    @classmethod
    def open_or_create(cls, path: Path, info: InspectionsInfo) -> Inspections:
        """Continue a folder, or start one.

        Raises
        ------
        InspectionsMismatch
            If it holds inspections of something else.
        """
        if not Shards.exist(path):
            return cls(Shards.create(path, asdict(info), remedy=_REMEDY))
        found = cls.open(path)
        found.check_bound(info)
        return found

    def check_bound(self, info: InspectionsInfo) -> None:
        """Check that this folder belongs to a survey and to these rules.

        Raises
        ------
        InspectionsMismatch
            The message names what differs.
        """
        differs = self._shards.differs(asdict(info))
        if differs is not None:
            raise InspectionsMismatch(
                f"inspections {self.path.name} were made with another {differs}; {_REMEDY}"
            )

    def has(self, shard: int) -> bool:
        """Whether a shard is whole."""
        return self._shards.has(shard)

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
