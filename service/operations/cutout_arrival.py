"""An archive of cutouts that has arrived: walked once for what is answered at once, again for what becomes a job."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Final

from service.operations.cutout_reading import Limits, walk

if TYPE_CHECKING:
    from service.members import Member
    from service.resources import Resources
    from survey.ingest import Overrides

__all__ = ["Arrived"]

_PIECE: Final = 1 << 20
#: Members that are answered at once wait in memory, no more than this of them.
_AT_ONCE_BYTES: Final = 64 * 2**20
# A child holds a table as a whole, with a batch of its rows, in 1 GiB.
_TABLE_BYTES: Final = 256 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A file of members on this machine's disk.

    Attributes
    ----------
    file
        Read from its beginning at every walk; not by two at a time.
    """

    resources: Resources
    file: IO[bytes]
    overrides: Overrides

    def few(self) -> tuple[list[Member], bool]:
        """Return the first members, and whether they are all: as many as are answered at once.

        Raises
        ------
        CutoutRejected
            If the archive as a whole cannot be read.
        Busy
            If the sandbox's queue is full.
        """
        few: list[Member] = []
        n_bytes = 0
        found = self.members()
        try:
            for member in found:
                n_bytes += len(member.data)
                if len(few) == self.resources.settings.cutout_rows or n_bytes > _AT_ONCE_BYTES:
                    return few, False
                few.append(member)
        finally:
            found.close()
        return few, True

    def members(self) -> Generator[Member, None, None]:
        """Walk all members."""
        settings = self.resources.settings
        size = self.file.seek(0, 2)
        self.file.seek(0)
        limits = Limits(
            members=settings.job_rows, unpacked_bytes=settings.archive_max_bytes, table_bytes=_TABLE_BYTES
        )
        pieces = iter(partial(self.file.read, _PIECE), b"")
        return walk(self.resources.sandbox, pieces, size, self.overrides, limits)
