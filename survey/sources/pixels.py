"""Pixels of a public set, read a block of objects at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from survey.ingest import CutoutRejected
from survey.manifests import sha256_of
from survey.sources.hdf5 import UnreadableSet
from survey.sources.plan import Decoded

__all__ = ["Block", "Pixels", "SetDecoder", "block_rows", "check_images"]

#: Bytes of pixels held at once.
_BLOCK_BYTES = 32 * 2**20
# Of the sets known, 16 to 256 px; what is larger is no cutout, and one object of it must still fit into memory.
_MIN_SIDE, _MAX_SIDE = 16, 2048


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Pixels of consecutive objects.

    Attributes
    ----------
    flux
        Shape (n, C, S, S): float32 nanomaggies, or uint8 counts.
    ivar
        Shape like ``flux``, nanomaggy^-2, or None.
    good
        False where the file says that a pixel cannot be used, shape like ``flux``; None where it says nothing.
    """

    flux: NDArray[Any]
    ivar: NDArray[np.float32] | None = None
    good: NDArray[np.bool_] | None = None


class Pixels(Protocol):
    """The pixels of one file: ``n`` objects of ``side`` pixels, read ``rows`` at once."""

    n: int
    side: int
    rows: int

    def read(self, first: int, stop: int) -> Block:
        """Return the pixels of objects ``first`` to ``stop``."""
        ...

    def close(self) -> None:
        """Give up what is open; a later read opens it again."""
        ...

    def fingerprint(self) -> str:
        """Return a text that changes when a pixel could."""
        ...


def block_rows(row_bytes: int, chunk_rows: int = 1) -> int:
    """Return how many objects to read at once: 32 MiB of them, in whole chunks where these are smaller."""
    rows = max(1, _BLOCK_BYTES // max(1, row_bytes))
    return rows if chunk_rows > rows else rows // chunk_rows * chunk_rows


def check_images(
    shape: tuple[int, ...], dtype: Any, *, name: str, planes: int, display: bool, channels_last: bool
) -> int:
    """Return the side of the images of a set.

    Parameters
    ----------
    name
        Of file and array, for the message.
    display
        Whether they are 8-bit counts rather than fluxes.

    Raises
    ------
    UnreadableSet
        If these are no square images of that many planes, or of another type.
    """
    wanted = f"(N, S, S, {planes})" if channels_last else f"(N, {planes}, S, S)"
    sides, found = (shape[1:3], shape[3:]) if channels_last else (shape[2:], shape[1:2])
    if (
        len(shape) != 4
        or found != (planes,)
        or sides[0] != sides[1]
        or not _MIN_SIDE <= sides[0] <= _MAX_SIDE
    ):
        raise UnreadableSet(
            f"{name} has shape {shape}; this format has {wanted} with S from {_MIN_SIDE} to {_MAX_SIDE}. Is it another "
            "format?"
        )
    if not (dtype == np.uint8 if display else dtype.kind == "f"):
        what = "uint8 counts" if display else "floating-point fluxes"
        raise UnreadableSet(
            f"{name} holds {dtype}; this format holds {what}. Give the file as it was published."
        )
    return int(sides[0])


class SetDecoder:
    """Gives the pixels of a survey's rows, which lie in the order of the files.

    Parameters
    ----------
    files
        One a file.
    rows
        For each row of the survey its number among the objects of all files, ascending.
    field_px
        Side to keep, from the middle.
    """

    def __init__(self, files: Sequence[Pixels], rows: NDArray[np.int64], field_px: int) -> None:
        self.files, self.rows, self.field_px = files, rows, field_px
        self._ends = np.cumsum([f.n for f in files])
        self._block: tuple[int, int, Block] | None = None

    def __call__(self, row: int) -> Decoded:
        """Return one object's pixels; those that the file calls unusable are NaN with ivar 0.

        Raises
        ------
        CutoutRejected
            ``set.not_finite`` if a usable pixel is NaN or infinite, ``set.no_pixels`` if none is usable.
        """
        block, n = self._find(int(self.rows[row]))
        side, keep = block.flux.shape[-1], self.field_px
        start = (side - keep) // 2
        window = (n, slice(None), slice(start, start + keep), slice(start, start + keep))
        # Copied, so that the block can go.
        flux = block.flux[window].copy()
        if flux.dtype == np.uint8:
            return Decoded(flux)
        good = np.ones(flux.shape, dtype=bool) if block.good is None else block.good[window]
        wrong = int(np.sum(~np.isfinite(flux) & good))
        if wrong:
            raise CutoutRejected(
                "set.not_finite",
                f"{wrong:,} of {flux.size:,} pixels are NaN or infinite (limit 0). Repair the image, or go without.",
            )
        if not good.any():
            raise CutoutRejected("set.no_pixels", "The file calls every pixel unusable.")
        flux[~good] = np.nan
        ivar = None if block.ivar is None else np.where(good, block.ivar[window], np.float32(0))
        return Decoded(flux, ivar)

    def _find(self, index: int) -> tuple[Block, int]:
        """Return the block with an object, and the object's number in it."""
        number = int(np.searchsorted(self._ends, index, side="right"))
        file, end = self.files[number], int(self._ends[number])
        local = index - end + file.n
        first = local // file.rows * file.rows
        if self._block is None or self._block[:2] != (number, first):
            stop = min(first + file.rows, file.n)
            # The last one wanted of this file: sets have thousands of files, and what is read through is closed.
            last = int(self.rows[np.searchsorted(self.rows, end) - 1]) - end + file.n
            self._block = None
            with ExitStack() as stack:
                stack.callback(file.close)
                self._block = number, first, file.read(first, stop)
                if stop <= last:
                    stack.pop_all()
        return self._block[2], local - first

    def fingerprint(self) -> str:
        """Return which files in which state are read, and how they are cut."""
        files = [f.fingerprint() for f in self.files]
        return "\n".join([*files, str(self.field_px), sha256_of(self.rows.tobytes())])
