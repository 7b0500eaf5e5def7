"""Take one gzip or bzip2 layer off a file without ever holding more than a stated size."""

from __future__ import annotations

import bz2
import zlib
from typing import Literal

from survey.magic import PrescanRefused

__all__ = ["MAX_UNPACKED_BYTES", "unpack"]

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
_STEP = 1024 * 1024
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
    while data:
        # Each stream of a file is one decoder's work; what follows it is the next stream.
        decoder = zlib.decompressobj(wbits=31) if wrapper == "gzip" else bz2.BZ2Decompressor()
        pending = data
        try:
            while not decoder.eof:
                piece = decoder.decompress(pending, _STEP)
                # zlib hands back what it did not take, bzip2 keeps it.
                pending = decoder.unconsumed_tail if isinstance(decoder, _GzipDecoder) else b""
                if not piece and not pending and not decoder.eof:
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
        data = decoder.unused_data
        if not data.startswith(b"\x1f\x8b" if wrapper == "gzip" else b"BZh"):
            break
    return bytes(out)
