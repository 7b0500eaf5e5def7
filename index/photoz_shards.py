"""A redshift network's answers for a whole survey, in Parquet shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from index.bound_shards import BoundShards
from index.estimates import ARRAYS
from index.evidence import Answer
from index.pdf import RedshiftGrid
from index.photoz_arrow import column_types, lists, numbers, rows_of
from index.photoz_columns import COLUMNS, QUANTILE_LEVELS

__all__ = ["PhotozShards", "PhotozShardsInfo", "ShardsMismatch"]

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


class PhotozShards(BoundShards[PhotozShardsInfo]):
    """Estimates on disk: ``object_id``, the columns of :data:`index.photoz_columns.COLUMNS`, and ``pdf``.

    What only a release knows, the neighbours' redshift and whether it contradicts, is null and not raised.
    """

    HOLDS = "redshifts"
    DESCRIBED_BY = PhotozShardsInfo
    MISMATCH = ShardsMismatch
    REMEDY = "run `skylike index photoz` again"

    @property
    def rejected(self) -> dict[str, str]:
        """Object id to the reason why it has no estimate."""
        return self._shards.rejected

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
