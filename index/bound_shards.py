"""Parquet shards that are bound to what they were made of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from index.shards import Shards
from survey.manifests import CorruptFolder

__all__ = ["BoundShards"]

Info = TypeVar("Info")


class BoundShards(Generic[Info]):
    """A folder of :class:`index.shards.Shards` whose ``info`` is a dataclass.

    A kind of folder names what it holds, the dataclass, what it raises when it is bound to something else, and the remedy.

    Attributes
    ----------
    path
        The folder.
    info
        What it is bound to.
    """

    HOLDS: ClassVar[str]
    DESCRIBED_BY: ClassVar[type[Any]]
    MISMATCH: ClassVar[type[RuntimeError]]
    REMEDY: ClassVar[str]

    def __init__(self, shards: Shards) -> None:
        self.path = shards.path
        self.info: Info = self.DESCRIBED_BY(**shards.info)
        self._shards = shards

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a folder; hashes of shards are checked when they are read.

        Raises
        ------
        CorruptFolder
            If there is no readable manifest.
        """
        try:
            return cls(Shards.open(path, remedy=cls.REMEDY))
        except TypeError as error:
            raise CorruptFolder(
                f"{path.name}: its manifest is not one of {cls.HOLDS}; {cls.REMEDY}"
            ) from error

    @classmethod
    def open_or_create(cls, path: Path, info: Info) -> Self:
        """Continue a folder, or start one.

        Raises
        ------
        RuntimeError
            The kind's ``MISMATCH``, if it is bound to something else.
        """
        if not Shards.exist(path):
            return cls(Shards.create(path, _values(info), remedy=cls.REMEDY))
        found = cls.open(path)
        found.check_bound(info)
        return found

    def check_bound(self, info: Info) -> None:
        """Check what this folder is bound to.

        Raises
        ------
        RuntimeError
            The kind's ``MISMATCH``; the message names what differs.
        """
        differs = self._shards.differs(_values(info))
        if differs is not None:
            raise self.MISMATCH(
                f"{self.HOLDS} {self.path.name} were made with another {differs}; {self.REMEDY}"
            )

    def has(self, shard: int) -> bool:
        """Whether a shard is whole."""
        return self._shards.has(shard)


def _values(info: Any) -> dict[str, Any]:
    return asdict(info)
