"""The folder of kept uploads: durable before a row says so, gone after the row is."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from survey.manifests import CorruptFolder, fsync_tree, read_manifest, write_manifest

__all__ = ["MANIFEST", "KeptFolder"]

MANIFEST: Final = "upload.json"


class KeptFolder:
    """Folders named by upload ids; which of them exist, the database decides.

    ``<id>/`` is an upload. ``.pending/<id>/`` is one on its way in or out: written before its row is committed,
    moved back before its row is deleted. Whoever dies in between leaves it there, and :meth:`sweep` asks the
    database whether it is an upload. A folder outside ``.pending`` is never removed unasked, so that a service
    pointed at another database by mistake destroys nothing. Several processes may share the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._pending = root / ".pending"

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep sweepers out while a folder and its row change together; others may change theirs.

        Raises
        ------
        OSError
            If the folder cannot be made or written to.
        """
        if not self._pending.is_dir():
            self._pending.mkdir(parents=True, exist_ok=True)
            _sync(self.root)
            _sync(self.root.parent)
        with self._locked(fcntl.LOCK_SH):
            yield

    def write(self, upload_id: str, files: Mapping[str, bytes], manifest: dict[str, Any]) -> int:
        """Write an upload among the pending ones and flush it to the disk; returns its bytes there.

        Raises
        ------
        OSError
            If it cannot be written; nothing is left then.
        """
        folder = self._pending / upload_id
        folder.mkdir()
        try:
            for name, data in files.items():
                (folder / name).write_bytes(data)
            write_manifest(folder, MANIFEST, manifest, files)
            fsync_tree(folder)
            _sync(self._pending)
            return sum(path.stat().st_size for path in folder.iterdir())
        except BaseException:
            self.discard(upload_id)
            raise

    def settle(self, upload_id: str) -> None:
        """Move a pending upload to its place: its row is committed."""
        self._move(self._pending / upload_id, self.root / upload_id)

    def unsettle(self, upload_id: str) -> None:
        """Move an upload among the pending ones: its row is about to go."""
        with suppress(FileNotFoundError):
            self._move(self.root / upload_id, self._pending / upload_id)

    def discard(self, upload_id: str) -> None:
        """Remove a pending upload."""
        shutil.rmtree(self._pending / upload_id, ignore_errors=True)

    def read(self, upload_id: str) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return an upload's manifest and files.

        Raises
        ------
        CorruptFolder
            If it is not there, or a file does not have its hash.
        """
        lost = CorruptFolder(f"upload {upload_id} is not there")
        # It may be moved in while it is looked for.
        for place in (self.root, self._pending, self.root):
            folder = place / upload_id
            if not folder.is_dir():
                continue
            try:
                manifest: dict[str, Any] = read_manifest(folder, MANIFEST, verify=None)
                return manifest, {name: (folder / name).read_bytes() for name in manifest["files"]}
            except (CorruptFolder, OSError) as error:
                lost = CorruptFolder(f"upload {upload_id}: {type(error).__name__}")
                lost.__cause__ = error
        raise lost

    def settled(self) -> list[str]:
        """Return the ids of the folders in place."""
        return [path.name for path in self._folders(self.root)]

    def pending(self) -> list[str]:
        """Return the ids of those on their way in or out, or left there by a crash."""
        return [path.name for path in self._folders(self._pending)]

    def sweep(self, known: Callable[[list[str]], set[str]], *, wait: bool = False) -> list[str]:
        """Finish what died halfway: what has a row is moved to its place, all else among the pending is removed.

        Parameters
        ----------
        known
            Which of some ids have a row.
        wait
            For uploads being kept at the moment; without it nothing is done while there are any.

        Returns
        -------
        list
            The ids that were removed.
        """
        if not self.pending():
            return []
        removed = []
        with suppress(BlockingIOError), self._locked(fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)):
            left = self.pending()
            rows = known(left)
            for upload_id in left:
                if upload_id in rows:
                    self.settle(upload_id)
                else:
                    self.discard(upload_id)
                    removed.append(upload_id)
        return removed

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with (self.root / ".lock").open("w") as stream:
            fcntl.flock(stream, how)
            yield

    def _move(self, source: Path, target: Path) -> None:
        source.rename(target)
        _sync(target.parent)
        _sync(source.parent)

    @staticmethod
    def _folders(place: Path) -> list[Path]:
        if not place.is_dir():
            return []
        return sorted(path for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
