"""The headers of PNG and JPEG pictures, read without decoding them."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from survey.magic import MAX_IMAGE_SIDE, MAX_PIXELS, PrescanRefused

__all__ = ["MAX_CHUNKS", "PictureHeader", "read_jpeg_header", "read_png_header"]

#: Chunks of a PNG: a writer that flushes every 8 KiB (libpng's default) makes 4,096 of 32 MiB.
MAX_CHUNKS = 16_384
#: Segments of a JPEG before its pixels.
_MAX_SEGMENTS = 2000
_FILL = re.compile(rb"\xff+(?=\xff)")


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """Size of a PNG or JPEG, from its header."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if not (0 < self.width <= MAX_IMAGE_SIDE and 0 < self.height <= MAX_IMAGE_SIDE):
            raise PrescanRefused(
                "display.too_large",
                f"The image is {self.width} x {self.height} px; sides of 1 to {MAX_IMAGE_SIDE} px are read. "
                "Send a cutout around the galaxy.",
            )
        if self.width * self.height > MAX_PIXELS:
            raise PrescanRefused(
                "display.too_large",
                f"The image has {self.width * self.height} pixels (limit {MAX_PIXELS}). Send a cutout around the galaxy.",
            )


def read_png_header(data: bytes) -> PictureHeader:
    """Walk the chunks of a PNG without inflating any.

    Raises
    ------
    PrescanRefused
        If it is animated, too large, or its chunks do not add up.
    """
    if data[8:16] != b"\x00\x00\x00\rIHDR" or len(data) < 33:
        raise PrescanRefused("display.unreadable", "The PNG does not begin with an IHDR chunk of 13 bytes.")
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", data[16:29])
    legal = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    if depth not in legal.get(colour, ()) or interlace > 1:
        raise PrescanRefused(
            "display.unreadable",
            f"The PNG claims colour type {colour} with {depth} bits, which does not exist.",
        )
    header = PictureHeader(width, height)
    offset, has_pixels, n_chunks = 8, False, 0
    while offset + 12 <= len(data):
        n_chunks += 1
        if n_chunks > MAX_CHUNKS:
            raise PrescanRefused(
                "display.unreadable", f"The PNG has more than {MAX_CHUNKS} chunks. Write it again."
            )
        (length,) = struct.unpack(">I", data[offset : offset + 4])
        kind = data[offset + 4 : offset + 8]
        if kind == b"acTL":
            raise PrescanRefused("upload.type", "Animated PNGs are not read. Send one still image.")
        has_pixels |= kind == b"IDAT"
        offset += 12 + length
        if kind == b"IEND":
            break
    else:
        raise PrescanRefused("display.unreadable", "The PNG ends before its IEND chunk. Send the whole file.")
    if offset > len(data) or not has_pixels:
        raise PrescanRefused(
            "display.unreadable", "The PNG holds no complete pixel data. Send the whole file."
        )
    return header


def read_jpeg_header(data: bytes) -> PictureHeader:
    """Walk the segments of a JPEG up to its first scan.

    Raises
    ------
    PrescanRefused
        If it is too large, has no frame header before its pixels, or is not 8 bits deep.
    """
    offset = 2
    found: PictureHeader | None = None
    for _ in range(_MAX_SEGMENTS):
        # Any number of fill bytes may stand before a marker; megabytes of them must not be walked in Python.
        if (fill := _FILL.match(data, offset)) is not None:
            offset = fill.end()
        if data[offset : offset + 1] != b"\xff" or offset + 4 > len(data):
            break
        marker = data[offset + 1]
        (length,) = struct.unpack(">H", data[offset + 2 : offset + 4])
        if marker == 0xDA and found is not None:
            return found
        if length < 2 or offset + 2 + length > len(data):
            break
        # SOF0 to SOF15, less the three codes of that range that mean something else.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if length < 8 or found is not None:
                break
            depth, height, width, planes = struct.unpack(">BHHB", data[offset + 4 : offset + 10])
            if depth != 8 or planes not in (1, 3, 4):
                raise PrescanRefused(
                    "display.unreadable",
                    f"The JPEG has {planes} planes of {depth} bits; 1, 3 or 4 of 8 bits are read.",
                )
            found = PictureHeader(width, height)
        offset += 2 + length
    raise PrescanRefused(
        "display.unreadable", "The JPEG has no complete frame header before its pixels. Send the whole file."
    )
