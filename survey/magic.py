"""What kind of file some bytes are, told from the bytes alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from survey.ingest import CutoutRejected

__all__ = [
    "MAX_IMAGE_SIDE",
    "MAX_PIXELS",
    "PictureHeader",
    "PrescanRefused",
    "identify",
    "read_jpeg_header",
    "read_png_header",
]

MAX_PIXELS = 16_777_216
"""The largest decoded image: 4096 x 4096 values over all planes."""
MAX_IMAGE_SIDE = 8192

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"SIMPLE  =", "fits"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"GIF8", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x93NUMPY", "npy"),
    (b"#ASDF", "asdf"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"(\xb5/\xfd", "zstd"),
    (b"7z\xbc\xaf", "7z"),
    (b"%PDF", "pdf"),
    (b"%!PS", "postscript"),
    (b"8BPS", "psd"),
    (b"BM", "bmp"),
    (b"\x80\x04", "pickle"),
    (b"\x80\x05", "pickle"),
)


class PrescanRefused(CutoutRejected):
    """A file that is refused before anything parses it."""


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


def identify(data: bytes) -> str:
    """Name the kind of file: ``fits``, ``png``, ``jpeg``, ``gzip``, ``bzip2``, … or ``unknown``."""
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return "avif"
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<") and b"<votable" in data[:2048].lower():
        return "votable"
    if b"<svg" in head:
        return "svg"
    if head.startswith((b"<!doctype html", b"<html")):
        return "html"
    if head.startswith(b"<"):
        return "xml"
    return "unknown"


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
    offset, has_pixels = 8, False
    while offset + 12 <= len(data):
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
    for _ in range(2000):
        while data[offset : offset + 1] == b"\xff" and data[offset + 1 : offset + 2] == b"\xff":
            offset += 1
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
