"""Embeddings of one survey by one model, in Parquet shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.shards import Shards
from survey.manifests import CorruptFolder

__all__ = ["BadEmbedding", "EmbeddingMismatch", "EmbeddingStore", "EmbeddingsInfo", "rounded"]

_REMEDY = "embed the survey again"
_NORM_TOLERANCE = 1e-3


class EmbeddingMismatch(RuntimeError):
    """Embeddings that belong to another survey, another model or another version of either."""


class BadEmbedding(ValueError):
    """An embedding that is not finite or not of unit norm, or an id that cannot be stored."""


@dataclass(frozen=True, slots=True)
class EmbeddingsInfo:
    """What a folder of embeddings is bound to.

    Attributes
    ----------
    survey_sha256, model_sha256
        Hashes of the survey's and the model's manifests.
    shard_size
        Survey rows per shard; shard i covers rows i x size to (i + 1) x size.
    n_objects
        Rows of the survey.
    """

    survey: str
    survey_sha256: str
    model_id: str
    model_sha256: str
    dimension: int
    n_objects: int
    shard_size: int

    @property
    def n_shards(self) -> int:
        """Shards of a complete store."""
        return -(-self.n_objects // self.shard_size)


class EmbeddingStore:
    """Embeddings on disk, written shard by shard; see :class:`index.shards.Shards`."""

    def __init__(self, shards: Shards) -> None:
        self.path = shards.path
        self.info = EmbeddingsInfo(**shards.info)
        self._shards = shards

    @classmethod
    def open(cls, path: Path) -> EmbeddingStore:
        """Open a folder of embeddings; hashes of shards are checked when they are read.

        Raises
        ------
        CorruptFolder
            If there is no readable manifest.
        """
        shards = Shards.open(path, remedy=_REMEDY)
        try:
            return cls(shards)
        except TypeError as error:
            raise CorruptFolder(f"{path.name}: its manifest is not one of embeddings; {_REMEDY}") from error

    @classmethod
    def create(cls, path: Path, info: EmbeddingsInfo) -> EmbeddingStore:
        """Start an empty store, replacing what was at ``path``."""
        return cls(Shards.create(path, asdict(info), remedy=_REMEDY))

    @classmethod
    def open_or_create(cls, path: Path, info: EmbeddingsInfo) -> EmbeddingStore:
        """Continue a store, or start one.

        Raises
        ------
        EmbeddingMismatch
            If the folder holds embeddings of something else.
        """
        if not Shards.exist(path):
            return cls.create(path, info)
        store = cls.open(path)
        store.check_bound(info)
        return store

    def check_bound(self, info: EmbeddingsInfo) -> None:
        """Check that this store belongs to a survey and a model.

        Raises
        ------
        EmbeddingMismatch
            The message names what differs.
        """
        theirs = asdict(info)
        differs = self._shards.differs(theirs)
        if differs is not None:
            ours = self._shards.info[differs]
            raise EmbeddingMismatch(
                f"embeddings {self.path.name} were made with another {differs} "
                f"({str(ours)[:12]}, now {str(theirs[differs])[:12]}); {_REMEDY}"
            )

    @property
    def is_complete(self) -> bool:
        """Whether every shard is there."""
        return self._shards.n == self.info.n_shards

    @property
    def n(self) -> int:
        """Objects with an embedding."""
        return self._shards.n_rows

    @property
    def rejected(self) -> dict[str, str]:
        """Object id to the reason why it has no embedding."""
        return self._shards.rejected

    def has_shard(self, shard: int) -> bool:
        """Whether a shard is listed and its file has the listed hash."""
        return self._shards.has(shard)

    def write_shard(
        self,
        shard: int,
        ids: Sequence[str],
        hpx29: Sequence[int | None],
        embeddings: NDArray[np.float32],
        *,
        flags: Sequence[int] | None = None,
        rejected: Mapping[str, str] | None = None,
    ) -> None:
        """Write one shard and list it.

        Parameters
        ----------
        ids, hpx29
            Objects with an embedding; ``hpx29`` may hold None.
        embeddings
            Unit vectors, shape (len(ids), D).
        flags
            Bits of :class:`index.photoz_columns.Flag` that the cutouts raise; none without.
        rejected
            Objects of this shard without an embedding, with the reason.

        Raises
        ------
        BadEmbedding
            If a row is not finite or not of unit norm, or an id holds a NUL.
        """
        self._check(ids, embeddings)
        kind = pa.list_(pa.float16(), self.info.dimension)
        values = pa.array(np.ascontiguousarray(embeddings, dtype=np.float16).reshape(-1))
        vectors = pa.FixedSizeListArray.from_arrays(values, type=kind)
        table = pa.table(
            {
                "object_id": pa.array(ids, pa.string()),
                "hpx29": pa.array(hpx29, pa.int64()),
                "flags": pa.array([0] * len(ids) if flags is None else list(flags), pa.int32()),
                "embedding": vectors,
            }
        )
        self._shards.write(shard, table, rejected)

    def load(self) -> tuple[list[str], NDArray[np.float32]]:
        """Read everything in the survey's order.

        Returns
        -------
        tuple
            Object ids and unit vectors, float32, shape (N, D).

        Raises
        ------
        CorruptFolder
            If a shard is missing or does not have its hash.
        """
        ids: list[str] = []
        blocks = [np.empty((0, self.info.dimension), np.float32)]
        for found, vectors in self.blocks():
            ids += found
            blocks.append(vectors)
        return ids, np.concatenate(blocks)

    def blocks(self) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """Read shard by shard in the survey's order: object ids and unit vectors, float32, shape (B, D).

        Raises
        ------
        CorruptFolder
            If a shard is missing or does not have its hash.
        """
        for table in self.tables():
            flat = table.column("embedding").combine_chunks().flatten().to_numpy(zero_copy_only=False)
            yield table.column("object_id").to_pylist(), rounded(flat.reshape(-1, self.info.dimension))

    def ids(self) -> list[str]:
        """Return the object ids in the survey's order.

        Raises
        ------
        CorruptFolder
            If a shard is missing or does not have its hash.
        """
        return [i for table in self.tables() for i in table.column("object_id").to_pylist()]

    def flags(self) -> NDArray[np.int32]:
        """Return what the cutouts raised, in the order of :meth:`load`, shape (N,); 0 in shards of before it was kept.

        Raises
        ------
        CorruptFolder
            If a shard is missing or does not have its hash.
        """
        blocks = [np.empty(0, np.int32)]
        for table in self.tables():
            known = "flags" in table.column_names
            blocks.append(table.column("flags").to_numpy() if known else np.zeros(table.num_rows, np.int32))
        return np.concatenate(blocks)

    def tables(self) -> Iterator[pa.Table]:
        """Read shard by shard: object_id, hpx29, flags (where they were kept), embedding."""
        for shard in range(self.info.n_shards):
            yield self._shards.read(shard, of=self.info.n_shards)

    def _check(self, ids: Sequence[str], embeddings: NDArray[np.float32]) -> None:
        if embeddings.shape != (len(ids), self.info.dimension):
            raise BadEmbedding(
                f"embeddings of shape {embeddings.shape} for {len(ids)} objects of dimension {self.info.dimension}"
            )
        # "not (...)" also catches NaN.
        bad = np.flatnonzero(~(np.abs(np.linalg.norm(embeddings, axis=1) - 1) < _NORM_TOLERANCE))
        if len(bad):
            raise BadEmbedding(f"the embedding of {ids[int(bad[0])]!r} is not a finite unit vector")
        if any("\x00" in i for i in ids):
            raise BadEmbedding("an object id holds a NUL character; rename it in the survey's table")


def rounded(embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return unit vectors as a store gives them back: float16 numbers, of unit norm again; shape (N, D)."""
    vectors = embeddings.astype(np.float16).astype(np.float32)
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(vectors / norms, dtype=np.float32)
