"""Take one gzip or bzip2 layer off a file without ever holding more than a stated size."""

from __future__ import annotations

import bz2
import zlib
from typing import Literal

from survey.magic import PrescanRefused

__all__ = ["MAX_STREAMS", "MAX_UNPACKED_BYTES", "unpack"]

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
MAX_STREAMS = 4096
"""Programs that compress in parallel write one stream for each 64 KiB or more; a stream of nothing has 14 bytes."""
_STEP = 1024 * 1024
# A decoder copies what follows its stream; a window keeps that from growing with the file.
_WINDOW = 64 * 1024
_GzipDecoder = type(zlib.decompressobj())


def unpack(data: bytes, wrapper: Literal["gzip", "bzip2"], *, limit: int = MAX_UNPACKED_BYTES) -> bytes:
    """Decompress a file, streams that follow one another included.

    Parameters
    ----------
    data
        The compressed file.
    wrapper
        Its compression.
    limit
        The most bytes that may come out.

    Raises
    ------
    PrescanRefused
        ``upload.unpacked_too_large`` beyond the limit, ``upload.corrupt_wrapper`` for broken or cut streams.
    """
    out = bytearray()
    at = n_streams = 0
    while at < len(data):
        n_streams += 1
        if n_streams > MAX_STREAMS:
            raise PrescanRefused(
                "upload.corrupt_wrapper",
                f"The file is more than {MAX_STREAMS} {wrapper} streams in a row. Compress it again, as one.",
            )
        # Each stream of a file is one decoder's work; what follows it is the next stream.
        decoder = zlib.decompressobj(wbits=31) if wrapper == "gzip" else bz2.BZ2Decompressor()
        try:
            while not decoder.eof:
                # bzip2 keeps what it has not worked on yet, zlib hands it back.
                waits = isinstance(decoder, bz2.BZ2Decompressor) and not decoder.needs_input
                window = b"" if waits else data[at : at + _WINDOW]
                piece = decoder.decompress(window, _STEP)
                # At the end zlib tells the same rest under both names.
                if decoder.eof:
                    rest = decoder.unused_data
                else:
                    rest = decoder.unconsumed_tail if isinstance(decoder, _GzipDecoder) else b""
                at += len(window) - len(rest)
                if not piece and not decoder.eof and at >= len(data):
                    raise PrescanRefused(
                        "upload.corrupt_wrapper", f"The {wrapper} stream ends early. Send the whole file."
                    )
                out += piece
                if len(out) > limit:
                    raise PrescanRefused(
                        "upload.unpacked_too_large",
                        f"The file unpacks to more than {limit // 2**20} MiB. Send a cutout around the galaxy.",
                    )
        except (zlib.error, OSError, EOFError) as error:
            raise PrescanRefused(
                "upload.corrupt_wrapper", f"The {wrapper} stream is damaged. Send the file again."
            ) from error
        if not data.startswith(b"\x1f\x8b" if wrapper == "gzip" else b"BZh", at):
            break
    return bytes(out)
