"""Folders on disk with checksums, published in one step."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import orjson

__all__ = [
    "CorruptFolder",
    "file_sha256",
    "fsync_tree",
    "publish_folder",
    "read_manifest",
    "sha256_of",
    "write_manifest",
]


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
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_manifest(folder: Path, name: str, manifest: dict[str, object], files: Iterable[str]) -> None:
    """Write ``manifest`` with a ``files`` entry: relative name to SHA-256 (of a folder: see file_sha256)."""
    hashes = {file: file_sha256(folder / file) for file in files}
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

    An existing ``target`` is set aside first and removed afterwards, so that a crash leaves one of the
    two whole.
    """
    fsync_tree(staged)
    target.parent.mkdir(parents=True, exist_ok=True)
    old = target.with_name(f".{target.name}.old")
    if old.exists():
        shutil.rmtree(old)
    if target.exists():
        target.rename(old)
    staged.rename(target)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    shutil.rmtree(old, ignore_errors=True)
