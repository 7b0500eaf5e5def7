"""The folder of jobs: inputs, results of chunks, answers; a row of the database says which file counts."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from service.jobs.row_groups import write_groups
from survey.manifests import file_sha256, fsync, fsync_tree, make_folder

__all__ = ["Input", "JobFolder", "Written"]

_INPUT: Final = "input.parquet"
_CHUNKS: Final = "chunks"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Input:
    """An input that was written: rows of each chunk, bytes on disk."""

    rows_of_chunks: list[int]
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written: its name, its SHA-256 as hex, its bytes."""

    name: str
    digest: str
    n_bytes: int


class JobFolder:
    """One folder for each job, named by its id.

    ``<id>/input.parquet`` has a row group for each chunk, ``<id>/chunks/<number>-<token>.parquet`` the result of a chunk by the
    lease with that token, ``<id>/result-<token>.<format>`` the answer. Whoever's lease was taken over writes under
    another name than its successor, so nobody overwrites what counts. ``.arriving/`` has inputs that are being written,
    ``.leaving/`` folders that are being removed. Several processes may share the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._arriving, self._leaving = root / ".arriving", root / ".leaving"

    def path(self, job_id: str) -> Path:
        """Return a job's folder."""
        return self.root / job_id

    def make(self) -> None:
        """Make the folder, durable in the ones above: else a power cut could take it with all that lies in it.

        Raises
        ------
        OSError
            If it cannot be made.
        """
        for place in (self.root, self._arriving):
            make_folder(place)

    def write_input(
        self, job_id: str, tables: Iterator[pa.Table], *, chunk_rows: int, most_rows: int
    ) -> Input:
        """Write a job's rows, chunk by chunk, and flush them to the disk.

        Raises
        ------
        BatchTooLarge
            If there are more than ``most_rows``; nothing is left then.
        OSError
            If it cannot be written; nothing is left then.
        """
        self.make()
        staged = self._arriving / job_id
        staged.mkdir()
        try:
            (staged / _CHUNKS).mkdir()
            rows = write_groups(staged / _INPUT, tables, chunk_rows=chunk_rows, most_rows=most_rows)
            fsync_tree(staged)
            staged.rename(self.path(job_id))
            fsync(self.root)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
        return Input(rows, (self.path(job_id) / _INPUT).stat().st_size)

    def read_chunk(self, job_id: str, number: int) -> pa.Table:
        """Return the input rows of a chunk.

        Raises
        ------
        OSError
            If the job's folder is not there or cannot be read.
        """
        with pq.ParquetFile(self.path(job_id) / _INPUT) as file:
            if number >= file.num_row_groups:
                # An input without rows has one chunk and no row group.
                return file.schema_arrow.empty_table()
            return file.read_row_group(number, use_threads=False)

    def write_chunk(self, job_id: str, number: int, token: int, table: pa.Table) -> Written:
        """Write the result of a chunk under a name of its own, durable before it is seen.

        Raises
        ------
        OSError
            If it cannot be written, or the job's folder is gone.
        """
        target = self.path(job_id) / _CHUNKS / f"{number:06}-{token}.parquet"
        with self._published(target) as staged:
            pq.write_table(table, staged, compression="zstd", compression_level=1)
        return _written(target)

    def chunk_file(self, job_id: str, name: str) -> Path:
        """Return the file of a chunk's result."""
        return self.path(job_id) / _CHUNKS / name

    @contextmanager
    def writing_result(self, job_id: str, token: int, extension: str) -> Iterator[tuple[Path, Path]]:
        """Give a path to write the answer to, and the one under which it will be found after the block."""
        target = self.path(job_id) / f"result-{token}.{extension}"
        with self._published(target) as staged:
            yield staged, target

    def forget_file(self, job_id: str, name: str) -> None:
        """Remove a result that no row will ever name."""
        for place in (self.path(job_id), self.path(job_id) / _CHUNKS):
            with suppress(OSError):
                (place / name).unlink()

    def has_input(self, job_id: str) -> bool:
        """Whether a job's input is still there."""
        return (self.path(job_id) / _INPUT).is_file()

    def touched(self, job_id: str) -> float:
        """Return when something in a job's folder last came or went, seconds since 1970; now if it is gone."""
        try:
            return self.path(job_id).stat().st_mtime
        except FileNotFoundError:
            return time.time()

    def keep_only(self, job_id: str, names: Collection[str]) -> None:
        """Remove everything of a job but some files: what it no longer needs, and what late writers left."""
        try:
            found = list(self.path(job_id).iterdir())
        except FileNotFoundError:
            return
        for path in found:
            if path.name not in names:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def discard(self, job_id: str) -> None:
        """Remove a job's folder, out of sight first: a worker that still writes into it finds no place."""
        make_folder(self._leaving)
        gone = self._leaving / f"{job_id}-{secrets.token_hex(4)}"
        try:
            self.path(job_id).rename(gone)
        except FileNotFoundError:
            return
        fsync(self.root)
        shutil.rmtree(gone, ignore_errors=True)

    def sweep(self, *, older_than: float, now: float) -> list[str]:
        """Remove what crashes left: folders on their way out, and inputs that nobody writes any more.

        Parameters
        ----------
        older_than
            Seconds for which an input that is being written may stand still.
        now
            Time of the file system's clock, seconds since 1970.
        """
        removed = []
        for place, age in ((self._leaving, 0.0), (self._arriving, older_than)):
            for path in place.iterdir() if place.is_dir() else ():
                if now - path.stat().st_mtime >= age:
                    shutil.rmtree(path, ignore_errors=True)
                    removed.append(path.name)
        return removed

    def ids(self) -> list[str]:
        """Return the ids of the jobs that have a folder."""
        if not self.root.is_dir():
            return []
        return sorted(path.name for path in self.root.iterdir() if _ID.fullmatch(path.name))

    @contextmanager
    def _published(self, target: Path) -> Iterator[Path]:
        staged = target.with_name(f".{target.name}.part")
        try:
            yield staged
            fsync(staged)
            staged.rename(target)
            fsync(target.parent)
        finally:
            staged.unlink(missing_ok=True)


def _written(path: Path) -> Written:
    return Written(path.name, file_sha256(path), path.stat().st_size)
