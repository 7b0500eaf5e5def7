"""Pictures and other files that strangers send, by the row of the hostile table (docs/security.md)."""

from __future__ import annotations

import io
import pickle
import struct
import zlib

import numpy as np
from PIL import Image
from support.hostile_fits import Case

__all__ = ["CASES", "PNG_MODES", "chunk", "encoded", "png", "with_chunks"]

_PNG, _JPEG = "image/png", "image/jpeg"


def chunk(kind: bytes, body: bytes) -> bytes:
    """Write one PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, data: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    """Write a PNG whose header and data are of one's own choice; ``data`` are scan lines before compression."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """Put chunks after the header of a PNG."""
    return data[:33] + b"".join(chunks) + data[33:]


def encoded(pixels: np.ndarray, kind: str = "PNG", mode: str = "RGB", **options: object) -> bytes:
    """Encode pixels as honest programs do."""
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def _scan_lines(pixels: np.ndarray) -> bytes:
    return b"".join(b"\x00" + row.tobytes() for row in np.ascontiguousarray(pixels))


def _wide(channels):
    """A PNG of 16 bits a channel: Pillow writes none in colour."""
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]

    def build(pixels):
        planes = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=-1)
        wanted = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]
        wide = planes[..., wanted].astype(">u2") * 257
        return png(*pixels.shape[1::-1], _scan_lines(wide.astype(">u2")), depth=16, colour=colour)

    return build


def _mode(mode, kind="PNG", **options):
    return lambda pixels: encoded(pixels, kind, mode, **options)


def _chunks(*chunks):
    return lambda pixels: with_chunks(encoded(pixels), *chunks)


def _just(data):
    return lambda _: data


def _bomb(size):
    return zlib.compress(bytes(size), 9)


def _app(body):
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _oriented(way):
    exif = Image.Exif()
    exif[0x112] = way
    return _mode("RGB", "JPEG", exif=exif.tobytes(), quality=95)


#: Every kind of PNG there is, all of them read; Pillow shows what an honest viewer shows.
PNG_MODES = {
    "grey, 1 bit": _mode("1"),
    "grey, 8 bits": _mode("L"),
    "grey, 16 bits": _wide(1),
    "grey with alpha": _mode("LA"),
    "grey with alpha, 16 bits": _wide(2),
    "palette": _mode("P"),
    "palette of 16 colours": lambda pixels: encoded_palette(pixels, 16),
    "colour": _mode("RGB"),
    "colour, 16 bits": _wide(3),
    "colour with alpha": _mode("RGBA"),
    "colour with alpha, 16 bits": _wide(4),
}


def encoded_palette(pixels: np.ndarray, colours: int) -> bytes:
    """Encode a PNG with a palette of so many colours."""
    stream = io.BytesIO()
    Image.fromarray(pixels).quantize(colours).save(stream, "PNG", bits=4)
    return stream.getvalue()


_FOREIGN = {
    "GIF": ("image/gif", b"GIF89a" + bytes(30)),
    "TIFF": ("image/tiff", b"II*\x00" + bytes(30)),
    "WebP": ("image/webp", b"RIFF\x00\x00\x00\x00WEBPVP8 "),
    "PSD": ("image/vnd.adobe.photoshop", b"8BPS\x00\x01"),
    "EPS": ("application/postscript", b"%!PS-Adobe-3.0 EPSF-3.0"),
    "AVIF": ("image/avif", b"\x00\x00\x00\x20ftypavif"),
    "HEIC": ("image/heic", b"\x00\x00\x00\x18ftypheic"),
    "BMP": ("image/bmp", b"BM" + bytes(30)),
    "JPEG 2000": ("image/jp2", b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
}

CASES = [
    Case(32, "40,000 px a side", _just(png(40_000, 40_000, b"")), 422, "display.too_large", _PNG),
    Case(33, "13,300 px a side, transparent", _just(png(13_300, 13_300, bytes(1 << 20), colour=6)), 422, "display.too_large", _PNG),
    Case(33, "data of 400 MiB for 64 px", _just(png(64, 64, bytes(400 << 20))), 422, "display.blank", _PNG),
    Case(34, "13,300 px a side", lambda pixels: encoded(pixels, "JPEG").replace(struct.pack(">HH", *pixels.shape[:2]), struct.pack(">HH", 13_300, 13_300), 1), 422, "display.too_large", _JPEG),
    *(Case(35, f"PNG: {name}", build, 200, type=_PNG) for name, build in PNG_MODES.items()),
    *(Case(35, f"JPEG: {mode}", _mode(mode, "JPEG"), 200, type=_JPEG) for mode in ("L", "RGB", "CMYK")),
    Case(35, "JPEG: progressive", _mode("RGB", "JPEG", progressive=True), 200, type=_JPEG),
    Case(36, "zTXt bomb", _chunks(chunk(b"zTXt", b"a\x00\x00" + _bomb(200 << 20))), 422, "display.unreadable", _PNG),
    Case(36, "100 zTXt of 900 kB", _chunks(*[chunk(b"zTXt", b"a\x00\x00" + _bomb(900_000))] * 100), 422, "display.unreadable", _PNG),
    Case(36, "iTXt bomb", _chunks(chunk(b"iTXt", b"a\x00\x01\x00\x00\x00" + _bomb(200 << 20))), 422, "display.unreadable", _PNG),
    Case(36, "ICC bomb", _chunks(chunk(b"iCCP", b"a\x00\x00" + _bomb(200 << 20))), 422, "display.unreadable", _PNG),
    Case(36, "EXIF of 10 MB", _chunks(chunk(b"eXIf", b"MM\x00*" + bytes(10 << 20))), 200, type=_PNG),
    Case(36, "100,000 chunks", _chunks(*[chunk(b"tEXt", b"a\x00b")] * 100_000), 422, "display.unreadable", _PNG),
    Case(36, "ICC profile of zeros", _mode("RGB", "JPEG", icc_profile=bytes(500_000)), 200, type=_JPEG),
    Case(36, "400 EXIF blocks of 64 kB", lambda pixels: b"\xff\xd8" + _app(b"Exif\x00\x00" + bytes(65_000)) * 400 + encoded(pixels, "JPEG")[2:], 200, type=_JPEG),
    *(Case(36, f"orientation of {way}", _oriented(way), 200, type=_JPEG) for way in (3, 9, 60_000)),
    *(Case(37, f"{name} as itself", _just(data), 415, "upload.type", kind) for name, (kind, data) in _FOREIGN.items()),
    *(Case(37, f"{name} as PNG", _just(data), 415, "upload.type_mismatch", _PNG) for name, (_, data) in _FOREIGN.items()),
    *(Case(37, f"{name} undeclared", _just(data), 415, "upload.type", "") for name, (_, data) in _FOREIGN.items()),
    Case(37, "animated PNG", _chunks(chunk(b"acTL", struct.pack(">II", 300, 0))), 415, "upload.type", _PNG),
    Case(38, "PNG and HTML", lambda pixels: encoded(pixels) + b"<script>alert(1)</script>", 200, type=_PNG),
    Case(38, "JPEG and ZIP", lambda pixels: encoded(pixels, "JPEG") + b"PK\x03\x04" + bytes(100), 200, type=_JPEG),
    Case(39, "SVG as PNG", _just(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"), 415, "upload.type_mismatch", _PNG),
    Case(39, "XML as PNG", _just(b"<?xml version='1.0'?><a/>"), 415, "upload.type_mismatch", _PNG),
    Case(39, "HTML as PNG", _just(b"<html><script>1</script></html>"), 415, "upload.type_mismatch", _PNG),
    Case(40, "PNG as FITS", encoded, 415, "upload.type_mismatch", "image/fits"),
    Case(40, "JPEG as PNG", lambda pixels: encoded(pixels, "JPEG"), 415, "upload.type_mismatch", _PNG),
    Case(40, "PNG as gzip", encoded, 415, "upload.type_mismatch", "application/gzip"),
    Case(41, "HDF5", _just(b"\x89HDF\r\n\x1a\n" + b"/etc/passwd" + bytes(500)), 415, "upload.type", ""),
    Case(41, "HDF5 as FITS", _just(b"\x89HDF\r\n\x1a\n" + b"/etc/passwd" + bytes(500)), 415, "upload.type_mismatch", "image/fits"),
    Case(41, "ASDF", _just(b"#ASDF 1.0.0\n%YAML 1.1\n--- !<file:///etc/passwd>\n"), 415, "upload.type", ""),
    Case(42, "npy of 10^10 numbers", _just(b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000,)}"), 415, "upload.type", ""),
    *(Case(42, f"pickle of protocol {n}", _just(pickle.dumps([print], n)), 415, "upload.type", "") for n in range(6)),
]  # fmt: skip
