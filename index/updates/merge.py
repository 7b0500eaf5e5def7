"""Embeddings and redshifts of a survey and its supplements, read like those of one survey."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from index.embed import describe_embeddings
from index.embeddings import EmbeddingMismatch, EmbeddingsInfo, EmbeddingStore
from index.evidence import Answer
from index.model import Model
from index.photoz_job import describe_shards
from index.photoz_shards import PhotozShards, PhotozShardsInfo, ShardsMismatch
from survey.updated import UpdatedSurvey

__all__ = ["MergedEmbeddings", "MergedShards"]


class MergedEmbeddings(EmbeddingStore):
    """What is left of several stores, part after part.

    Parameters
    ----------
    stores
        Of ``survey.parts``.

    Raises
    ------
    EmbeddingMismatch
        If one belongs to another survey or model: vectors of different models are never mixed.
    """

    def __init__(self, survey: UpdatedSurvey, model: Model, stores: Sequence[EmbeddingStore]) -> None:
        for part, store in zip(survey.parts, stores, strict=True):
            store.check_bound(describe_embeddings(part, model, shard_size=store.info.shard_size))
        self.path = stores[0].path
        self.info = replace(stores[0].info, n_objects=len(survey))
        self._survey, self._stores = survey, tuple(stores)

    @property
    def n(self) -> int:
        """Objects with an embedding."""
        return len(self.ids())

    @property
    def rejected(self) -> dict[str, str]:
        """Object id to the reason why it has no embedding."""
        return {
            i: why
            for own, store in zip(_ids(self._survey), self._stores, strict=True)
            for i, why in store.rejected.items()
            if i in own
        }

    def check_bound(self, info: EmbeddingsInfo) -> None:
        """Check what the parts together belong to; each part was checked when this was made.

        Raises
        ------
        EmbeddingMismatch
            If it is something else.
        """
        if info != self.info:
            raise EmbeddingMismatch(
                f"the embeddings are of {self.info.survey} by {self.info.model_id}, another version"
            )

    def tables(self) -> Iterator[pa.Table]:
        """Read shard by shard; see :meth:`index.embeddings.EmbeddingStore.tables`."""
        for own, store in zip(_ids(self._survey), self._stores, strict=True):
            living = pa.array(own, pa.string())
            for table in store.tables():
                yield table.filter(pc.is_in(table.column("object_id"), value_set=living))


class MergedShards(PhotozShards):
    """What is left of a redshift network's answers for several surveys.

    Parameters
    ----------
    shards
        Of ``survey.parts``.

    Raises
    ------
    ShardsMismatch
        If one belongs to another survey or model.
    """

    def __init__(self, survey: UpdatedSurvey, model: Model, shards: Sequence[PhotozShards]) -> None:
        for part, one in zip(survey.parts, shards, strict=True):
            one.check_bound(describe_shards(part, model, shard_size=one.info.shard_size))
        self.path = shards[0].path
        self.info = replace(shards[0].info, n_objects=len(survey))
        self._survey, self._all = survey, tuple(shards)

    def check_bound(self, info: PhotozShardsInfo) -> None:
        """Check what the parts together belong to; each part was checked when this was made.

        Raises
        ------
        ShardsMismatch
            If it is something else.
        """
        if info != self.info:
            raise ShardsMismatch(
                f"the redshifts are of {self.info.survey} by {self.info.model_id}, another version"
            )

    def read(self) -> Iterator[tuple[list[str], Answer]]:
        """Yield ids and answers; see :meth:`index.photoz_shards.PhotozShards.read`."""
        for own, shards in zip(_ids(self._survey), self._all, strict=True):
            for found, (probability, columns, quantiles) in shards.read():
                here = [n for n, object_id in enumerate(found) if object_id in own]
                taken = {name: values[here] for name, values in columns.items()}
                yield [found[n] for n in here], (probability[here], taken, quantiles[here])


def _ids(survey: UpdatedSurvey) -> list[frozenset[str]]:
    """Return the ids that are objects of the survey, part by part."""
    return [
        frozenset(part.ids[row] for row in survey.rows_of_part(n).tolist())
        for n, part in enumerate(survey.parts)
    ]
