"""FITS files built card by card, so that they can say what no FITS library would write.

Crash-inducing files are only ever built in memory, by the test that needs them.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterable

import numpy as np
from astropy.io import fits

__all__ = [
    "BLOCK",
    "card",
    "end",
    "extension",
    "hcompress_killer",
    "header",
    "image",
    "lying_tile",
    "padded",
    "primary",
    "table",
    "tiled_image",
    "with_card",
]

BLOCK = 2880
Cards = Iterable[tuple[str, object] | bytes]


def card(key: str, value: object) -> bytes:
    """Write one card of 80 bytes in fixed format; strings are quoted, everything else is written as it prints."""
    if isinstance(value, bool):
        text = f"{'T' if value else 'F':>20}"
    elif isinstance(value, str):
        text = f"'{value:<8}'"
    else:
        text = f"{value!s:>20}"
    return f"{key:<8}= {text}".encode().ljust(80)[:80]


def end() -> bytes:
    """Write the last card of a header."""
    return b"END".ljust(80)


def padded(data: bytes, fill: bytes = b"\x00") -> bytes:
    """Fill up to whole blocks."""
    return data + fill * (-len(data) % BLOCK)


def header(cards: Cards) -> bytes:
    """Join cards to a header in whole blocks, END included."""
    return padded(b"".join(one if isinstance(one, bytes) else card(*one) for one in cards) + end(), b" ")


def primary(bitpix: object = 8, axes: Iterable[object] = (), more: Cards = ()) -> bytes:
    """Write a primary header."""
    axes = tuple(axes)
    lengths = [(f"NAXIS{n}", axis) for n, axis in enumerate(axes, 1)]
    return header([("SIMPLE", True), ("BITPIX", bitpix), ("NAXIS", len(axes)), *lengths, *more])


def image(pixels: np.ndarray, more: Cards = ()) -> bytes:
    """Write a complete float32 image."""
    data = np.ascontiguousarray(pixels, dtype=">f4")
    return primary(-32, reversed(data.shape), more) + padded(data.tobytes())


def extension(
    kind: str, bitpix: object, axes: Iterable[object], more: Cards = (), pcount: object = 0
) -> bytes:
    """Write the header of an extension."""
    axes = tuple(axes)
    lengths = [(f"NAXIS{n}", axis) for n, axis in enumerate(axes, 1)]
    head = [("XTENSION", kind), ("BITPIX", bitpix), ("NAXIS", len(axes)), *lengths]
    return header([*head, ("PCOUNT", pcount), ("GCOUNT", 1), *more])


def table(n_rows: object = 1, width: object = 4, more: Cards = ()) -> bytes:
    """Write a binary table of one column of 32-bit integers, without its data."""
    return extension("BINTABLE", 8, [width, n_rows], [("TFIELDS", 1), ("TFORM1", "1J"), *more])


def with_card(data: bytes, key: str, value: object) -> bytes:
    """Replace the first card of this name."""
    pattern = re.compile(re.escape(f"{key:<8}=".encode()) + rb".{71}", re.DOTALL)
    changed, n = pattern.subn(lambda _: card(key, value), data, count=1)
    assert n == 1, f"no card {key}"
    return changed


def tiled_image(codec: str = "RICE_1", side: int = 64) -> bytes:
    """An honest tile-compressed image, four tiles, all zeros."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels = np.zeros((side, side), np.int16)
        hdu = fits.CompImageHDU(pixels, compression_type=codec, tile_shape=(side // 2, side // 2))
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(buffer)
    return buffer.getvalue()


def hcompress_killer() -> bytes:
    """Build 8,640 bytes of tile-compressed FITS that abort the interpreter (astropy 8.0.2, SIGABRT in free())."""
    return with_card(with_card(tiled_image("HCOMPRESS_1"), "ZTILE1", 5), "ZTILE2", -5)


def lying_tile(n_bytes: int) -> bytes:
    """Build a GZIP_1 image of 64 x 64 pixels, honest in its headers, whose one tile unpacks to ``n_bytes``."""
    honest = with_card(with_card(tiled_image("GZIP_1"), "ZTILE1", 64), "ZTILE2", 64)
    stream = zlib.compress(bytes(n_bytes), 9, wbits=31)
    at = honest.index(b"XTENSION")
    head = with_card(with_card(honest[at:], "NAXIS2", 1), "PCOUNT", len(stream))
    head = head[: -(-(head.index(end()) + 80) // BLOCK) * BLOCK]
    return honest[:at] + head + padded(struct.pack(">ii", len(stream), 0) + stream)
