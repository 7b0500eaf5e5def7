"""Embeddings of one survey by one model, in Parquet shards."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from survey.manifests import CorruptFolder, file_sha256, fsync_tree

__all__ = ["BadEmbedding", "EmbeddingMismatch", "EmbeddingStore", "EmbeddingsInfo"]

_FORMAT = 1
_MANIFEST = "manifest.json"
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


@dataclass(frozen=True, slots=True)
class _Shard:
    file: str
    sha256: str
    n: int
    rejected: dict[str, str] = field(default_factory=dict)


class EmbeddingStore:
    """Embeddings on disk, written shard by shard.

    A shard counts once the manifest lists its hash, so an interrupted job leaves whole shards behind.
    """

    def __init__(self, path: Path, info: EmbeddingsInfo, shards: Mapping[int, _Shard]) -> None:
        self.path = path
        self.info = info
        self._shards = dict(shards)

    @classmethod
    def open(cls, path: Path) -> EmbeddingStore:
        """Open a folder of embeddings; hashes of shards are checked when they are read.

        Raises
        ------
        CorruptFolder
            If there is no readable manifest.
        """
        try:
            manifest = orjson.loads((path / _MANIFEST).read_bytes())
            info = EmbeddingsInfo(**manifest["info"])
            shards = {int(i): _Shard(**shard) for i, shard in manifest["shards"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptFolder(f"{path.name}: no readable {_MANIFEST}; embed the survey again") from error
        return cls(path, info, shards)

    @classmethod
    def create(cls, path: Path, info: EmbeddingsInfo) -> EmbeddingStore:
        """Start an empty store, replacing what was at ``path``."""
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        store = cls(path, info, {})
        store._save()
        return store

    @classmethod
    def open_or_create(cls, path: Path, info: EmbeddingsInfo) -> EmbeddingStore:
        """Continue a store, or start one.

        Raises
        ------
        EmbeddingMismatch
            If the folder holds embeddings of something else.
        """
        if not (path / _MANIFEST).exists():
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
        ours, theirs = asdict(self.info), asdict(info)
        differs = [name for name in theirs if ours[name] != theirs[name]]
        if differs:
            raise EmbeddingMismatch(
                f"embeddings {self.path.name} were made with another {differs[0]} "
                f"({str(ours[differs[0]])[:12]}, now {str(theirs[differs[0]])[:12]}); embed the survey again"
            )

    @property
    def is_complete(self) -> bool:
        """Whether every shard is there."""
        return len(self._shards) == self.info.n_shards

    @property
    def rejected(self) -> dict[str, str]:
        """Object id to the reason why it has no embedding."""
        return {i: why for _, shard in sorted(self._shards.items()) for i, why in shard.rejected.items()}

    def has_shard(self, shard: int) -> bool:
        """Whether a shard is listed and its file has the listed hash."""
        known = self._shards.get(shard)
        path = self.path / known.file if known else None
        return known is not None and path is not None and path.exists() and file_sha256(path) == known.sha256

    def write_shard(
        self,
        shard: int,
        ids: Sequence[str],
        hpx29: Sequence[int | None],
        embeddings: NDArray[np.float32],
        *,
        rejected: Mapping[str, str] | None = None,
    ) -> None:
        """Write one shard and list it.

        Parameters
        ----------
        ids, hpx29
            Objects with an embedding; ``hpx29`` may hold None.
        embeddings
            Unit vectors, shape (len(ids), D).
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
                "embedding": vectors,
            }
        )
        name = f"shard-{shard:05d}.parquet"
        staged = self.path / f".{name}.staged"
        pq.write_table(table, staged)
        staged.replace(self.path / name)
        self._shards[shard] = _Shard(name, file_sha256(self.path / name), len(ids), dict(rejected or {}))
        self._save()

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
        for index in range(self.info.n_shards):
            if not self.has_shard(index):
                raise CorruptFolder(
                    f"{self.path.name}: shard {index} of {self.info.n_shards} is missing or damaged; embed the survey again"
                )
            table = pq.read_table(self.path / self._shards[index].file)
            ids += table.column("object_id").to_pylist()
            flat = table.column("embedding").combine_chunks().flatten().to_numpy(zero_copy_only=False)
            blocks.append(flat.astype(np.float32).reshape(-1, self.info.dimension))
        vectors = np.concatenate(blocks)
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        return ids, (vectors / norms).astype(np.float32)

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

    def _save(self) -> None:
        """Replace the manifest in one step after the shards it lists are on the disk."""
        content = {
            "format": _FORMAT,
            "info": asdict(self.info),
            "shards": {str(i): asdict(shard) for i, shard in sorted(self._shards.items())},
        }
        staged = self.path / f".{_MANIFEST}.staged"
        staged.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        fsync_tree(self.path)
        staged.replace(self.path / _MANIFEST)
