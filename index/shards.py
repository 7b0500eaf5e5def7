"""Tables of a survey in Parquet shards, written one after the other by a job that may be interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from survey.manifests import CorruptFolder, file_sha256, fsync_tree

__all__ = ["Shards"]

_FORMAT = 1
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class _Shard:
    file: str
    sha256: str
    n: int
    rejected: dict[str, str] = field(default_factory=dict)


class Shards:
    """A folder of numbered Parquet files with a manifest that says what they are bound to.

    A shard counts once the manifest lists its hash, so an interrupted job leaves whole shards behind.

    Attributes
    ----------
    path
        The folder.
    info
        What the tables belong to, plain JSON values.
    """

    def __init__(
        self, path: Path, info: Mapping[str, Any], shards: Mapping[int, _Shard], *, remedy: str
    ) -> None:
        self.path = path
        self.info = dict(info)
        self._shards = dict(shards)
        self._remedy = remedy

    @classmethod
    def open(cls, path: Path, *, remedy: str) -> Shards:
        """Open a folder; hashes of shards are checked when they are read.

        Parameters
        ----------
        remedy
            What messages say is to be done about a damaged folder.

        Raises
        ------
        CorruptFolder
            If there is no readable manifest.
        """
        try:
            manifest = orjson.loads((path / _MANIFEST).read_bytes())
            info = dict(manifest["info"])
            shards = {int(i): _Shard(**shard) for i, shard in manifest["shards"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptFolder(f"{path.name}: no readable {_MANIFEST}; {remedy}") from error
        return cls(path, info, shards, remedy=remedy)

    @classmethod
    def create(cls, path: Path, info: Mapping[str, Any], *, remedy: str) -> Shards:
        """Start an empty folder, replacing what was at ``path``."""
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        made = cls(path, info, {}, remedy=remedy)
        made._save()
        return made

    @staticmethod
    def exist(path: Path) -> bool:
        """Whether there is a manifest."""
        return (path / _MANIFEST).exists()

    def differs(self, info: Mapping[str, Any]) -> str | None:
        """Return the first entry in which this folder is bound to something else; None if in none."""
        return next((name for name, value in info.items() if self.info[name] != value), None)

    @property
    def n(self) -> int:
        """Shards that are listed."""
        return len(self._shards)

    @property
    def n_rows(self) -> int:
        """Rows of all listed shards."""
        return sum(shard.n for shard in self._shards.values())

    @property
    def rejected(self) -> dict[str, str]:
        """Object id to the reason why it is in no shard."""
        return {i: why for _, shard in sorted(self._shards.items()) for i, why in shard.rejected.items()}

    def has(self, shard: int) -> bool:
        """Whether a shard is listed and its file has the listed hash."""
        known = self._shards.get(shard)
        path = self.path / known.file if known else None
        return known is not None and path is not None and path.exists() and file_sha256(path) == known.sha256

    def write(self, shard: int, table: pa.Table, rejected: Mapping[str, str] | None = None) -> None:
        """Write one shard and list it, with the objects of its rows that are not in it."""
        name = f"shard-{shard:05d}.parquet"
        staged = self.path / f".{name}.staged"
        pq.write_table(table, staged)
        staged.replace(self.path / name)
        digest = file_sha256(self.path / name)
        self._shards[shard] = _Shard(name, digest, table.num_rows, dict(rejected or {}))
        self._save()

    def read(self, shard: int, *, of: int) -> pa.Table:
        """Read one shard of ``of``.

        Raises
        ------
        CorruptFolder
            If it is missing or does not have its hash.
        """
        if not self.has(shard):
            raise CorruptFolder(
                f"{self.path.name}: shard {shard} of {of} is missing or damaged; {self._remedy}"
            )
        return pq.read_table(self.path / self._shards[shard].file)

    def _save(self) -> None:
        """Replace the manifest in one step after the shards it lists are on the disk."""
        content = {
            "format": _FORMAT,
            "info": self.info,
            "shards": {str(i): asdict(shard) for i, shard in sorted(self._shards.items())},
        }
        staged = self.path / f".{_MANIFEST}.staged"
        staged.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        fsync_tree(self.path)
        staged.replace(self.path / _MANIFEST)
