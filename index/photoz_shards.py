"""A redshift network's answers for a whole survey, in Parquet shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from index.estimates import ARRAYS
from index.evidence import Answer
from index.pdf import RedshiftGrid
from index.photoz_arrow import column_types, lists, numbers, rows_of
from index.photoz_columns import COLUMNS, QUANTILE_LEVELS
from index.shards import Shards
from survey.manifests import CorruptFolder

__all__ = ["PhotozShards", "PhotozShardsInfo", "ShardsMismatch"]

_REMEDY = "run `skylike index photoz` again"
_PDF = "pdf"


class ShardsMismatch(RuntimeError):
    """Estimates of another survey, another model or another version of either."""


@dataclass(frozen=True, slots=True)
class PhotozShardsInfo:
    """What a folder of estimates is bound to.

    Attributes
    ----------
    survey_sha256, model_sha256
        Hashes of the survey's and the model's manifests.
    z_max, n_bins, train_set
        As the model's card has them.
    n_objects, shard_size
        Rows of the survey, and of a shard.
    """

    survey: str
    survey_sha256: str
    model_id: str
    model_sha256: str
    z_max: float
    n_bins: int
    train_set: str
    n_objects: int
    shard_size: int

    @property
    def n_shards(self) -> int:
        """Shards of a complete folder."""
        return -(-self.n_objects // self.shard_size)

    @property
    def grid(self) -> RedshiftGrid:
        """The redshift grid."""
        return RedshiftGrid(self.z_max, self.n_bins)


class PhotozShards:
    """Estimates on disk: ``object_id``, the columns of :data:`index.photoz_columns.COLUMNS`, and ``pdf``.

    What only a release knows, the neighbours' redshift and whether it contradicts, is null and not raised.
    """

    def __init__(self, shards: Shards) -> None:
        self.path = shards.path
        self.info = PhotozShardsInfo(**shards.info)
        self._shards = shards

    @classmethod
    def open(cls, path: Path) -> PhotozShards:
        """Open a folder; hashes of shards are checked when they are read.

        Raises
        ------
        CorruptFolder
            If there is no readable manifest.
        """
        try:
            return cls(Shards.open(path, remedy=_REMEDY))
        except TypeError as error:
            raise CorruptFolder(f"{path.name}: its manifest is not one of redshifts; {_REMEDY}") from error

    @classmethod
    def open_or_create(cls, path: Path, info: PhotozShardsInfo) -> PhotozShards:
        """Continue a folder, or start one.

        Raises
        ------
        ShardsMismatch
            If it holds estimates of something else.
        """
        if not Shards.exist(path):
            return cls(Shards.create(path, asdict(info), remedy=_REMEDY))
        found = cls.open(path)
        found.check_bound(info)
        return found

    def check_bound(self, info: PhotozShardsInfo) -> None:
        """Check that this folder belongs to a survey and a model.

        Raises
        ------
        ShardsMismatch
            The message names what differs.
        """
        differs = self._shards.differs(asdict(info))
        if differs is not None:
            raise ShardsMismatch(f"redshifts {self.path.name} were made with another {differs}; {_REMEDY}")

    @property
    def rejected(self) -> dict[str, str]:
        """Object id to the reason why it has no estimate."""
        return self._shards.rejected

    def has(self, shard: int) -> bool:
        """Whether a shard is whole."""
        return self._shards.has(shard)

    def write(
        self, shard: int, ids: Sequence[str], answer: Answer, *, rejected: Mapping[str, str] | None = None
    ) -> None:
        """Write one shard and list it.

        Parameters
        ----------
        ids
            Objects with an estimate.
        answer
            p(z), columns without the neighbours' redshift, quantiles.
        rejected
            The other objects of the shard, with the reason.
        """
        probability, columns, quantiles = answer
        n = len(ids)
        kinds = column_types()
        arrays: dict[str, pa.Array] = {"object_id": pa.array(ids, pa.string())}
        for column in COLUMNS:
            kind = kinds[column.name]
            if column.kind == "quantiles":
                arrays[column.name] = lists(quantiles, kind)
            elif column.kind == "text":
                text = self.info.model_id if column.name == "model_id" else self.info.train_set
                arrays[column.name] = pa.array([text] * n, kind)
            else:
                values = columns.get(column.name, np.full(n, np.nan))
                arrays[column.name] = pa.array(values, from_pandas=True).cast(kind)
        arrays[_PDF] = lists(probability, pa.list_(pa.float16(), self.info.n_bins))
        self._shards.write(shard, pa.table(arrays), rejected)

    def read(self) -> Iterator[tuple[list[str], Answer]]:
        """Yield ids and answers, shard by shard, in the survey's order.

        Raises
        ------
        CorruptFolder
            If a shard is missing or does not have its hash.
        """
        for shard in range(self.info.n_shards):
            table = self._shards.read(shard, of=self.info.n_shards).combine_chunks()
            columns = {name: numbers(table.column(name)) for name in ARRAYS if name != "z_neighbours"}
            probability = rows_of(table.column(_PDF), self.info.n_bins)
            probability /= np.maximum(probability.sum(axis=1, keepdims=True), 1e-12)
            quantiles = rows_of(table.column("z_q"), len(QUANTILE_LEVELS))
            yield table.column("object_id").to_pylist(), (probability, columns, quantiles)
