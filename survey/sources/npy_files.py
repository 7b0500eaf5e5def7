"""NumPy arrays in `.npy` and `.npz` files, read in blocks and never unpickled."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from survey.sources.hdf5 import UnreadableSet
from survey.sources.pixels import Block, block_rows, check_images

__all__ = ["ArrayFile", "Header", "StreamedCube", "open_array", "read_header"]


@dataclass(frozen=True, slots=True)
class Header:
    """What a ``.npy`` array says of itself.

    Attributes
    ----------
    is_pickled
        Whether it holds Python objects: such an array is never read.
    start
        Bytes before the values.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool
    start: int

    @property
    def is_pickled(self) -> bool:
        """Whether it holds Python objects."""
        return bool(self.dtype.hasobject)

    @property
    def n_bytes(self) -> int:
        """Bytes of the header and all values."""
        values = 1
        for n in self.shape:
            values *= n
        return self.start + values * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class ArrayFile:
    """Where an array lies: a ``.npy`` file, or a member of an ``.npz`` file."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """Of file and array, for messages."""
        return self.path.name if self.member is None else f"{self.path.name}: {self.member!r}"


@contextmanager
def _damage_told(file: ArrayFile) -> Iterator[None]:
    try:
        yield
    except UnreadableSet:
        raise
    except (OSError, EOFError, BadZipFile, zlib.error, KeyError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise UnreadableSet(
            f"{file.name} cannot be read ({reason}): the file is damaged, cut short or no NumPy file. "
            "Download it again."
        ) from error


@contextmanager
def open_array(file: ArrayFile) -> Iterator[tuple[IO[bytes], int]]:
    """Open an array's bytes and yield them with their number.

    Raises
    ------
    UnreadableSet
        If there is no such array, or while it is open: if its bytes are damaged.
    """
    if not file.path.is_file():
        raise UnreadableSet(f"{file.path.name}: there is no such file.")
    with _damage_told(file), ExitStack() as stack:
        if file.member is None:
            yield stack.enter_context(file.path.open("rb")), file.path.stat().st_size
            return
        zipped = stack.enter_context(ZipFile(file.path))
        size = zipped.getinfo(f"{file.member}.npy").file_size
        yield stack.enter_context(zipped.open(f"{file.member}.npy")), size


def read_header(file: ArrayFile) -> Header:
    """Read what an array says of itself, and check that its bytes are there.

    Raises
    ------
    UnreadableSet
        If it is no array, or has not as many bytes as it says.
    """
    with open_array(file) as (stream, size):
        version = npy_format.read_magic(stream)
        read = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}.get(
            version
        )
        if read is None:
            raise UnreadableSet(
                f"{file.name} is of version {version} of the format; 1.0 and 2.0 are read. Save it anew with ASCII names."
            )
        shape, is_fortran, dtype = read(stream)
        header = Header(shape, dtype, is_fortran, stream.tell())
    if not header.is_pickled and header.n_bytes != size:
        raise UnreadableSet(
            f"{file.name} has {size:,} bytes; its header promises {header.n_bytes:,}. Download it again."
        )
    return header


@dataclass(slots=True)
class StreamedCube:
    """Images of shape (N, S, S, C), read forwards from an array that may be compressed.

    A block that lies behind what was read costs reading from the start again; a survey's rows never do.
    """

    file: ArrayFile
    n: int
    side: int
    rows: int
    header: Header
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)
    _stream: IO[bytes] | None = field(default=None, repr=False)
    _at: int = 0

    @classmethod
    def of(cls, file: ArrayFile, *, planes: int, limit: int | None = None) -> StreamedCube:
        """Check an array from its header.

        Raises
        ------
        UnreadableSet
            If it does not hold square floating-point images with the bands last.
        """
        header = read_header(file)
        side = check_images(
            header.shape, header.dtype, name=file.name, planes=planes, display=False, channels_last=True
        )
        if header.is_fortran:
            raise UnreadableSet(
                f"{file.name} is in Fortran order, which cannot be read by object; save it with numpy.ascontiguousarray."
            )
        n = header.shape[0] if limit is None else min(limit, header.shape[0])
        return cls(file, n, side, block_rows(side * side * planes * header.dtype.itemsize), header)

    @property
    def _row_bytes(self) -> int:
        return int(np.prod(self.header.shape[1:])) * self.header.dtype.itemsize

    def read(self, first: int, stop: int) -> Block:
        """Return the pixels of objects ``first`` to ``stop``, bands first."""
        with _damage_told(self.file):
            if self._stream is None or first < self._at:
                self.close()
                self._stream, _ = self._stack.enter_context(open_array(self.file))
                _read_exactly(self._stream, self.header.start)
            # Seeking in a compressed member reads what lies between; in others it is free.
            self._stream.seek((first - self._at) * self._row_bytes, 1)
            raw = _read_exactly(self._stream, (stop - first) * self._row_bytes)
            self._at = stop
        values: NDArray[Any] = np.frombuffer(raw, self.header.dtype).reshape(-1, *self.header.shape[1:])
        with np.errstate(over="ignore"):
            return Block(np.ascontiguousarray(values.transpose(0, 3, 1, 2), dtype=np.float32))

    def close(self) -> None:
        """Close the file."""
        self._stream, self._at = None, 0
        self._stack.close()

    def fingerprint(self) -> str:
        """Return the file's name, size and time."""
        stat = self.file.path.stat()
        return f"{self.file.name} {stat.st_size} {stat.st_mtime_ns}"


def _read_exactly(stream: IO[bytes], count: int) -> bytes:
    parts, missing = [], count
    while missing:
        part = stream.read(missing)
        if not part:
            raise EOFError(f"{missing:,} bytes are missing")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
