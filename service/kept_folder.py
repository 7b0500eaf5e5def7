"""The folder of kept uploads: durable before a row says so, gone after the row is."""

from __future__ import annotations

import errno
import fcntl
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from survey.manifests import CorruptFolder, fsync, fsync_tree, make_folder, sha256_of, write_manifest

if TYPE_CHECKING:
    from service.records.uploads import Fates

__all__ = ["DISK_FULL", "MANIFEST", "KeptFolder"]

MANIFEST: Final = "upload.json"
#: Numbers of an OSError that says that there is no room.
DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class KeptFolder:
    """Folders named by upload ids; which of them exist, the database decides.

    ``<id>/`` is an upload. ``.arriving/<id>/`` is one whose row is not committed yet, ``.leaving/<id>/`` one whose
    row is about to go. Whoever dies in between leaves it there, and :meth:`sweep` asks the database which way it
    goes. What was ever acknowledged is removed only when the database says that it deleted it, so that a service
    pointed at another database by mistake destroys nothing. Several processes may share the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._arriving, self._leaving = root / ".arriving", root / ".leaving"

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep sweepers out while a folder and its row change together; others may change theirs.

        Raises
        ------
        OSError
            If the folder cannot be made or written to.
        """
        for place in (self._arriving, self._leaving):
            make_folder(place)
        with self._locked(fcntl.LOCK_SH):
            yield

    def write(self, upload_id: str, files: Mapping[str, bytes], manifest: dict[str, Any]) -> int:
        """Write an upload among those that arrive and flush it to the disk; returns its bytes there.

        Raises
        ------
        OSError
            If it cannot be written; nothing is left then.
        """
        folder = self._arriving / upload_id
        folder.mkdir()
        try:
            for name, data in files.items():
                (folder / name).write_bytes(data)
            write_manifest(folder, MANIFEST, manifest, files)
            fsync_tree(folder)
            fsync(self._arriving)
            return sum(path.stat().st_size for path in folder.iterdir())
        except BaseException:
            self.discard(upload_id)
            raise

    def settle(self, upload_id: str) -> None:
        """Move an upload that arrives to its place, if it is not there yet: its row is committed."""
        with suppress(FileNotFoundError):
            self._move(self._arriving / upload_id, self.root / upload_id)

    def unsettle(self, upload_id: str) -> None:
        """Move an upload among those that leave: its row is about to go."""
        for place in (self.root, self._arriving):
            with suppress(FileNotFoundError):
                self._move(place / upload_id, self._leaving / upload_id)

    def restore(self, upload_id: str) -> None:
        """Move an upload that was about to leave back to its place: its row stays."""
        with suppress(FileNotFoundError):
            self._move(self._leaving / upload_id, self.root / upload_id)

    def discard(self, upload_id: str) -> None:
        """Remove an upload that arrives or leaves."""
        for place in (self._arriving, self._leaving):
            shutil.rmtree(place / upload_id, ignore_errors=True)

    def read(
        self, upload_id: str, names: Collection[str] | None = None
    ) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return an upload's manifest and files.

        Parameters
        ----------
        names
            Of the files to read; all of them when None.

        Raises
        ------
        CorruptFolder
            If it is not there, or a file is missing or does not have its hash.
        OSError
            If the disk does not let it be read; it may be whole.
        """
        lost = CorruptFolder(f"upload {upload_id} is not there")
        # It may be moved while it is looked for: in, out, or back in.
        for place in (self.root, self._arriving, self.root, self._leaving, self.root):
            try:
                return _read(place / upload_id, names)
            except (FileNotFoundError, NotADirectoryError):
                if (place / upload_id).is_dir():
                    lost = CorruptFolder(f"upload {upload_id}: a file is missing")
            except CorruptFolder as error:
                lost = error
        raise lost

    def settled(self) -> list[str]:
        """Return the ids of the folders in place."""
        return _ids(self.root)

    def pending(self) -> list[str]:
        """Return the ids of those on their way in or out, or left there by a crash."""
        return sorted({*_ids(self._arriving), *_ids(self._leaving)})

    def left_over(self, fates_of: Callable[[list[str]], Fates]) -> list[str]:
        """Return which of the pending ones :meth:`sweep` would remove if nobody were at work."""
        arriving, leaving = _ids(self._arriving), _ids(self._leaving)
        fates = fates_of([*arriving, *leaving])
        # One that arrives was acknowledged to nobody. One that leaves was: it takes the word of the database that
        # deleted it, not only the silence of one that may never have known it.
        return sorted({*arriving} - fates.kept | {*leaving} & fates.deleted - fates.kept)

    def sweep(self, fates_of: Callable[[list[str]], Fates], *, wait: bool = False) -> list[str]:
        """Finish what died halfway: what has a row is moved to its place, what nobody was promised is removed.

        Parameters
        ----------
        fates_of
            What the database knows of some ids.
        wait
            For uploads being kept at the moment; without it nothing is done while there are any.

        Returns
        -------
        list
            The ids that were removed.
        """
        if not self.pending():
            return []
        with suppress(BlockingIOError), self._locked(fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)):
            left = self.pending()
            fates = fates_of(left)
            removed = self.left_over(lambda _: fates)
            for upload_id in left:
                if upload_id in fates.kept:
                    self.settle(upload_id)
                    self.restore(upload_id)
            for upload_id in removed:
                self.discard(upload_id)
            return removed
        return []

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with (self.root / ".lock").open("w") as stream:
            fcntl.flock(stream, how)
            yield

    def _move(self, source: Path, target: Path) -> None:
        source.rename(target)
        fsync(target.parent)
        fsync(source.parent)


def _read(folder: Path, names: Collection[str] | None) -> tuple[dict[str, Any], dict[str, bytes]]:
    try:
        manifest: dict[str, Any] = orjson.loads((folder / MANIFEST).read_bytes())
        hashes = dict(manifest["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFolder(f"{folder.name}: no readable {MANIFEST}") from error
    files = {name: (folder / name).read_bytes() for name in (hashes if names is None else names)}
    for name, data in files.items():
        if sha256_of(data) != hashes.get(name):
            raise CorruptFolder(f"{folder.name}: {name} does not have its hash")
    return manifest, files


def _ids(place: Path) -> list[str]:
    if not place.is_dir():
        return []
    return sorted(path.name for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))
