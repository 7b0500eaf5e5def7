"""The index of a release: what its manifest says, and opening it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from index.vectors.approximate import ApproximateStore
from index.vectors.exact import ExactStore, Storage
from survey.manifests import CorruptFolder

__all__ = ["INDEX", "VECTORS", "VECTORS_HALF", "IndexInfo", "open_approximate", "open_store"]

#: Every vector of a release, in single or in half precision.
VECTORS, VECTORS_HALF = "vectors.f32", "vectors.f16"
#: Of releases searched approximately.
INDEX = "index.faiss"


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """What a manifest says of an index.

    Attributes
    ----------
    factory
        The FAISS factory string; ``Flat`` for exact search.
    storage
        Of the vectors.
    effort
        ``nprobe`` or ``efSearch`` of a search that asks for no other; None for exact search.
    n_indexed
        Rows that the index holds; later ones are searched exactly.
    memory_bytes
        Estimated for serving.
    """

    kind: Literal["exact", "ivf", "hnsw"]
    factory: str
    storage: Storage
    effort: int | None
    seed: int
    n_indexed: int
    memory_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> IndexInfo:
        """Rebuild from a manifest; releases of before format 4 are exact.

        Raises
        ------
        CorruptFolder
            If an entry is missing.
        """
        said = manifest.get("index")
        try:
            if said is None:
                n, dimension = int(manifest["n"]), int(manifest["dimension"])
                return cls("exact", "Flat", "float32", None, 0, n, 4 * n * dimension)
            return cls(**{field.name: said[field.name] for field in fields(cls)})
        except (KeyError, TypeError) as error:
            raise CorruptFolder(
                "release manifest has an unreadable index; build the release again"
            ) from error

    @property
    def vectors_file(self) -> str:
        """The file of the vectors."""
        return VECTORS_HALF if self.storage == "float16" else VECTORS


def open_store(folder: Path, info: IndexInfo, dimension: int) -> ExactStore:
    """Map the vectors of a release."""
    return ExactStore(folder / info.vectors_file, dimension, storage=info.storage)


def open_approximate(folder: Path, info: IndexInfo, store: ExactStore) -> ApproximateStore | None:
    """Map the approximate index of a release; None for one that is searched exactly.

    Raises
    ------
    CorruptFolder
        If it cannot be read or is of other vectors.
    """
    if info.kind == "exact":
        return None
    try:
        return ApproximateStore(folder / INDEX, store, info.n_indexed, info.kind, info.effort or 1)
    except ValueError as error:
        raise CorruptFolder(f"{folder.name}: {error}; build the release again") from error
