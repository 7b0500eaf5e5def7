"""The bytes of an archive as a parsing child may read them: a bounded stream, one gzip layer taken off."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from survey.ingest import CutoutRejected
from survey.wrappers import MAX_STREAMS

__all__ = ["MAX_RATIO", "RATIO_FREE_BYTES", "Unpacked"]

#: What unpacks to more than this many times its size is a bomb; float pixels shrink by 1.1, masks and blank borders
#: by 10 to 100, in files that hold pixels too.
MAX_RATIO = 60
#: Up to here any ratio is taken: a small archive of blank test images is no bomb.
RATIO_FREE_BYTES = 8 * 2**20

_STEP = 256 * 1024
_LARGE_STEP = 8 * 2**20


class Unpacked:
    """Read an archive's own bytes, of which no more come out than is stated.

    Parameters
    ----------
    read
        Returns at most that many bytes of the file as sent; none at its end.
    limit
        The most bytes that may come out.
    """

    def __init__(self, read: Callable[[int], bytes], *, limit: int) -> None:
        self._source, self._limit = read, limit
        first = read(_STEP)
        self._window = first
        self._taken = len(first)
        self._given = 0
        self._streams = 1
        self._ready = bytearray()
        self._decoder = zlib.decompressobj(wbits=31) if first.startswith(b"\x1f\x8b") else None

    def peek(self, size: int) -> bytes:
        """Return the next bytes without taking them."""
        self._fill(size)
        return bytes(self._ready[:size])

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer only at the end.

        Raises
        ------
        CutoutRejected
            ``upload.unpacked_too_large`` beyond the limit or the ratio, ``upload.corrupt_wrapper`` for a damaged or cut
            gzip stream.
        """
        self._fill(size)
        out = bytes(self._ready[:size])
        del self._ready[:size]
        return out

    def rest(self, limit: int) -> bytes:
        """Return all that is left; more than ``limit`` bytes are cut off one byte later."""
        if self._decoder is not None:
            return self.read(limit + 1)
        pieces = [bytes(self._ready), self._window]
        size = sum(map(len, pieces))
        while size <= limit and (piece := self._source(_LARGE_STEP)):
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)[: limit + 1]

    def finish(self) -> None:
        """Read what is left of a gzip stream: its checksum, of all that was read before, stands at its end.

        Raises
        ------
        CutoutRejected
            As :meth:`read`.
        """
        while self._decoder is not None and (piece := self._piece()):
            self._given += len(piece)
            self._check()

    def _fill(self, size: int) -> None:
        while len(self._ready) < size:
            piece = self._piece()
            if not piece:
                break
            self._ready += piece
            self._given += len(piece)
            self._check()

    def _piece(self) -> bytes:
        if self._decoder is None:
            return self._take()
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data or self._take()
                # Streams may follow one another; zeros after the last one are padding.
                if not rest.startswith(b"\x1f"):
                    return b""
                self._streams += 1
                if self._streams > MAX_STREAMS:
                    raise _damaged(f"is one of more than {MAX_STREAMS} in a row")
                self._decoder = zlib.decompressobj(wbits=31)
                self._window = rest
            window = self._window or self._take()
            self._window = b""
            try:
                piece = self._decoder.decompress(window, _STEP)
            except zlib.error as error:
                raise _damaged("is damaged") from error
            self._window = self._decoder.unconsumed_tail
            if piece:
                return piece
            if not window and not self._decoder.eof:
                raise _damaged("ends early")

    def _take(self) -> bytes:
        if self._window:
            window, self._window = self._window, b""
            return window
        window = self._source(_STEP)
        self._taken += len(window)
        return window

    def _check(self) -> None:
        too_many = self._given > self._limit
        if too_many or self._given > max(RATIO_FREE_BYTES, MAX_RATIO * self._taken):
            raise CutoutRejected(
                "upload.unpacked_too_large",
                f"The archive unpacks to more than {self._limit // 2**20} MiB. Send it in parts."
                if too_many
                else f"The archive unpacks to more than {MAX_RATIO} times its size. Send it uncompressed.",
            )


def _damaged(how: str) -> CutoutRejected:
    return CutoutRejected("upload.corrupt_wrapper", f"The gzip stream {how}. Send the whole file again.")
