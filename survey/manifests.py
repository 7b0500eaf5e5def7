"""Folders on disk with checksums, published in one step."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import orjson

__all__ = [
    "CorruptFolder",
    "file_sha256",
    "fsync",
    "fsync_tree",
    "make_folder",
    "publish_folder",
    "read_manifest",
    "recover",
    "sha256_of",
    "write_manifest",
]

# Linux, <fcntl.h> and <linux/fs.h>: paths relative to the working directory; swap the two.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
# A reader may put the old folder back while the new one is moved in; once is rare, ten times is no accident.
_ATTEMPTS = 10


class CorruptFolder(RuntimeError):
    """A folder whose files are missing or do not have the hashes of their manifest."""


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of bytes as hex."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hex; of a folder, over its sorted relative names and file hashes."""
    if path.is_dir():
        lines = (
            f"{p.relative_to(path).as_posix()} {file_sha256(p)}\n"
            for p in sorted(path.rglob("*"))
            if p.is_file()
        )
        return sha256_of("".join(lines).encode())
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fsync_tree(folder: Path) -> None:
    """Flush every file and folder below ``folder`` to the disk."""
    for path in (*folder.rglob("*"), folder):
        fsync(path)


def write_manifest(
    folder: Path,
    name: str,
    manifest: dict[str, object],
    files: Iterable[str],
    *,
    known: Mapping[str, str] | None = None,
) -> None:
    """Write ``manifest`` with a ``files`` entry: relative name to SHA-256 (of a folder: see file_sha256).

    Parameters
    ----------
    known
        Hashes of further files: links to files of another folder, whose manifest has them.
    """
    hashes = {**(known or {}), **{file: file_sha256(folder / file) for file in files}}
    (folder / name).write_bytes(
        orjson.dumps({**manifest, "files": hashes}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    )


def read_manifest(folder: Path, name: str, *, verify: Iterable[str] | None = ()) -> dict[str, object]:
    """Read a manifest and check files against it.

    Parameters
    ----------
    verify
        Names to check; None checks every file listed.

    Raises
    ------
    CorruptFolder
        If the manifest is absent or unreadable, or a checked file is missing or differs.
    """
    recover(folder)
    try:
        manifest: dict[str, object] = orjson.loads((folder / name).read_bytes())
        hashes = dict(manifest["files"])  # type: ignore[call-overload]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptFolder(f"{folder.name}: no readable {name}") from error
    for file in hashes if verify is None else verify:
        path = folder / file
        if not path.exists():
            raise CorruptFolder(f"{folder.name}: {file} is missing")
        if file_sha256(path) != hashes.get(file):
            raise CorruptFolder(f"{folder.name}: {file} does not have the hash of {name}; rebuild it")
    return manifest


def publish_folder(staged: Path, target: Path) -> None:
    """Make a finished folder visible at ``target`` in one step: fsync, rename, fsync the parent.

    An existing ``target`` changes places with the new folder where the system can swap two names. Where it
    cannot, it is set aside first; what a crash leaves between the two steps, :func:`recover` puts back.
    """
    fsync_tree(staged)
    target.parent.mkdir(parents=True, exist_ok=True)
    recover(target)
    old = _old(target)
    if old.exists():
        shutil.rmtree(old)
    if target.exists() and _exchange(staged, target):
        old = staged
    else:
        _set_aside_and_move_in(staged, target, old)
    fsync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def recover(target: Path) -> None:
    """Put the previous folder back where a publication was killed after setting it aside.

    Does nothing where ``target`` is there, nothing was set aside, or the disk is read-only.
    """
    if not target.exists():
        with suppress(OSError):
            _old(target).rename(target)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _set_aside_and_move_in(staged: Path, target: Path, old: Path) -> None:
    for attempt in range(_ATTEMPTS):
        if target.exists():
            target.rename(old)
        try:
            staged.rename(target)
        except OSError as error:
            # A reader found no folder and put the old one back.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders' names in one step; False where the system or the file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    paths = os.fsencode(first), os.fsencode(second)
    done: int = renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], ctypes.c_uint(_RENAME_EXCHANGE))
    return done == 0


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each durable in the one above."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync(folder.parent)


def fsync(path: Path) -> None:
    """Return when the disk holds a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
