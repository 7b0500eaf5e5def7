"""What kind of file some bytes are, told from the bytes alone."""

from __future__ import annotations

from survey.ingest import CutoutRejected

__all__ = [
    "MAX_IMAGE_SIDE",
    "MAX_PIXELS",
    "PrescanRefused",
    "identify",
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
