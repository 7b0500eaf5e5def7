"""What kind of file some bytes are, told from the bytes alone."""

from __future__ import annotations

from survey.ingest import CutoutRejected

__all__ = ["MAX_IMAGE_SIDE", "MAX_PIXELS", "PrescanRefused", "identify", "remedy_for"]

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
    (b"XISF0100", "xisf"),
    (b"CDF\x01", "netcdf"),
    (b"CDF\x02", "netcdf"),
    (b"MATLAB 5.0 MAT-file", "matlab"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"(\xb5/\xfd", "zstd"),
    (b"\x04\x22M\x18", "lz4"),
    (b"\x1f\x9d", "compress"),
    (b"7z\xbc\xaf", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"%PDF", "pdf"),
    (b"%!PS", "postscript"),
    (b"8BPS", "psd"),
    (b"BM", "bmp"),
    (b"\x00\x00\x00\x0cjP  ", "jpeg2000"),
    (b"\xffO\xffQ", "jpeg2000"),
    (b"\x00\x00\x00\x0cJXL ", "jpegxl"),
    (b"\xff\x0a", "jpegxl"),
    (b"v/1\x01", "exr"),
    (b"\x80\x02", "pickle"),
    (b"\x80\x03", "pickle"),
    (b"\x80\x04", "pickle"),
    (b"\x80\x05", "pickle"),
)

_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        "gif tiff webp avif heif psd bmp svg pdf postscript jpeg2000 jpegxl exr",
        "Convert the picture to PNG, or send the FITS file that it was made from.",
    ),
    ("hdf5 npy asdf xisf netcdf matlab pickle", "Write its pixels as FITS and send that."),
    ("zip 7z rar tar", "Unpack the archive and send the FITS, PNG or JPEG inside."),
    ("xz zstd lz4 compress", "Unpack it; one layer of gzip or bzip2 is read."),
    ("parquet votable", "Tables go to /api/v1/photoz/batch."),
    ("html xml", "It may be the error page of an archive: look at it, and send the image itself."),
)
_REMEDY_OF = {kind: remedy for kinds, remedy in _REMEDIES for kind in kinds.split()}


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
        return "avif" if data[8:12] in (b"avif", b"avis") else "heif"
    if data[257:262] == b"ustar":
        return "tar"
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


def remedy_for(kind: str) -> str:
    """Say what to do with a kind of file that is read nowhere; empty for the others."""
    return _REMEDY_OF.get(kind, "")
