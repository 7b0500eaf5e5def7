"""FITS files that strangers send, by the row of the hostile table (docs/security.md) that each belongs to."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from support.fits_builder import (
    BLOCK,
    card,
    end,
    extension,
    hcompress_killer,
    image,
    lying_tile,
    padded,
    primary,
    table,
    tiled_image,
    with_card,
)

__all__ = ["CASES", "Case", "with_cards"]


@dataclass(frozen=True)
class Case:
    """One upload and its answer.

    Attributes
    ----------
    build
        From a good file to the hostile one.
    code
        Slug of the problem; empty where the answer is 200.
    """

    row: int
    name: str
    build: Callable[[bytes], bytes]
    status: int
    code: str = ""
    type: str = "image/fits"

    def __str__(self):
        return f"{self.row:02d} {self.name}"


def with_cards(data: bytes, *cards: tuple[str, object] | bytes) -> bytes:
    """Put cards at the end of the primary header."""
    at = data.index(end())
    rest = -(-(at + 80) // BLOCK) * BLOCK
    more = b"".join(one.ljust(80) if isinstance(one, bytes) else card(*one) for one in cards)
    return padded(data[:at] + more + end(), b" ") + data[rest:]


def _plus(*cards):
    return lambda good: with_cards(good, *cards)


def _swap(key, value):
    return lambda good: with_card(good, key, value)


def _just(data_of):
    return lambda _: data_of()


def _pixels_at(good):
    """Where the pixels of the good file's five bands start."""
    return -(-(good.index(end()) + 80) // BLOCK) * BLOCK


def _integers(*cards):
    """The good file in 16-bit integers, with these cards."""

    def build(good):
        pixels = np.frombuffer(good, ">f4", 5 * 48 * 48, _pixels_at(good))
        counts = np.clip(pixels * 1000, -30_000, 30_000).astype(">i2")
        head = with_cards(with_card(good, "BITPIX", 16), ("BSCALE", 1e-3), *cards)
        return head[: _pixels_at(head)] + padded(counts.tobytes())

    return build


def _bands(spoil):
    """Five bands of one galaxy whose pixels ``spoil`` has changed, with the keywords of the good file."""

    def build(good):
        start = _pixels_at(good)
        pixels = np.frombuffer(good, ">f4", 5 * 48 * 48, start).reshape(5, 48, 48).copy()
        return good[:start] + padded(spoil(pixels).astype(">f4").tobytes())

    return build


def _hot(pixels):
    pixels[:, 10, 10] = 1e4
    return pixels


_SMALL = np.ones((48, 48), np.float32)

CASES = [
    Case(1, "no END in 8 KB", _just(lambda: primary(8)[:80] + b" " * 8000), 422, "fits.no_end"),
    Case(1, "no END in 30 MB", _just(lambda: primary(8)[:80] + b" " * 30_000_000), 422, "fits.header_too_large"),
    Case(2, "999 axes", _just(lambda: primary(8, [1] * 999)), 422, "fits.naxis"),
    Case(3, "10^9 axes", _just(lambda: with_card(primary(8), "NAXIS", 10**9)), 422, "fits.naxis"),
    Case(4, "10^10 pixels, no data", _just(lambda: primary(-32, [10**5, 10**5])), 422, "fits.truncated"),
    Case(5, "2^93 pixels", _just(lambda: primary(-32, [2**31] * 3)), 422, "fits.truncated"),
    Case(6, "a negative axis", _just(lambda: primary(-32, [-48, 48])), 422, "fits.naxis"),
    *(Case(7, f"BITPIX of {n}", _swap("BITPIX", n), 422, "fits.bitpix") for n in (-7, 0, 7)),
    Case(8, "NAXIS a string", _swap("NAXIS", "three"), 422, "fits.naxis"),
    Case(8, "NAXIS a float", _swap("NAXIS", 3.0), 422, "fits.naxis"),
    Case(8, "NAXIS missing", lambda good: good.replace(b"NAXIS   ", b"NOAXIS  ", 1), 422, "fits.naxis"),
    Case(8, "NAXIS2 missing", lambda good: good.replace(b"NAXIS2  ", b"NOAXIS2 ", 1), 422, "fits.naxis"),
    Case(9, "cut in its last block", lambda good: good[: -BLOCK - 1], 422, "fits.truncated"),
    Case(10, "GCOUNT of 10^9", _plus(("GCOUNT", 10**9)), 422, "fits.header"),
    Case(11, "negative PCOUNT", lambda good: good + extension("IMAGE", 8, [20, 20], pcount=-2980) + bytes(BLOCK), 422, "fits.header"),
    Case(11, "negative PCOUNT of the image", _plus(("PCOUNT", -2980)), 422, "fits.header"),
    Case(12, "random groups", _just(lambda: primary(8, [0, 2], [("GROUPS", True), ("GCOUNT", 10**9), ("PCOUNT", 10**9)])), 422, "fits.groups"),
    Case(13, "10^4 HDUs", lambda good: good + extension("IMAGE", 8, []) * 10_000, 422, "fits.hdus"),
    Case(14, "3 x 10^5 cards", _plus(*[("COMMENT", "x")] * 300_000), 422, "fits.header_too_large"),
    Case(14, "5,000 cards", _plus(*[(f"K{n}", n) for n in range(5000)]), 200),
    Case(15, "50,000 CONTINUE", _plus(b"LONG    = 'x&'", *[b"CONTINUE  'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy&'"] * 50_000), 422, "fits.header_too_large"),
    Case(15, "5,000 CONTINUE", _plus(b"LONG    = 'x&'", *[b"CONTINUE  'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy&'"] * 5000), 200),
    Case(16, "GZIP_1 bomb by its size", _just(lambda: with_card(with_card(tiled_image("GZIP_1"), "ZNAXIS1", 20_000), "ZNAXIS2", 20_000)), 422, "fits.too_large"),
    Case(16, "GZIP_1 bomb by its tile", _just(lambda: lying_tile(512 << 20)), 422, "fits.unreadable"),
    Case(17, "RICE_1 bomb", _just(lambda: with_card(with_card(tiled_image(), "ZNAXIS1", 20_000), "ZNAXIS2", 20_000)), 422, "fits.too_large"),
    Case(18, "PLIO_1", _just(lambda: tiled_image("PLIO_1")), 422, "fits.codec"),
    Case(19, "HCOMPRESS_1", _just(lambda: tiled_image("HCOMPRESS_1")), 422, "fits.codec"),
    Case(19, "HCOMPRESS_1 that kills", _just(hcompress_killer), 422, "fits.codec"),
    Case(19, "HCOMPRESS_1 that kills, in gzip", _just(lambda: gzip.compress(hcompress_killer())), 422, "fits.codec"),
    *(Case(20, f"ZTILE1 of {n}", _just(lambda n=n: with_card(tiled_image(), "ZTILE1", n)), 422, "fits.tiles") for n in (0, -5, 65)),
    Case(21, "ZBITPIX of 7", _just(lambda: with_card(tiled_image(), "ZBITPIX", 7)), 422, "fits.bitpix"),
    Case(21, "ZNAXIS of 10^6", _just(lambda: with_card(tiled_image(), "ZNAXIS", 10**6)), 422, "fits.naxis"),
    Case(21, "more tiles than rows", _just(lambda: with_card(tiled_image(), "ZTILE1", 8)), 422, "fits.tiles"),
    Case(21, "more rows than tiles", _just(lambda: with_card(with_card(tiled_image(), "ZTILE1", 64), "ZTILE2", 64)), 422, "fits.tiles"),
    Case(22, "10^10 rows", lambda good: good + table(10**10) + bytes(BLOCK), 422, "fits.truncated"),
    Case(22, "10^10 rows of no width", lambda good: good + table(10**10, 0) + bytes(BLOCK), 200),
    Case(22, "TFORM of 10^9 doubles", lambda good: good + with_card(table(), "TFORM1", "1000000000D") + bytes(BLOCK), 200),
    Case(22, "TFIELDS of 999999", lambda good: good + with_card(table(), "TFIELDS", 999999) + bytes(BLOCK), 422, "fits.header"),
    Case(22, "a table alone", _just(lambda: primary(8) + table() + bytes(BLOCK)), 422, "fits.no_image"),
    Case(23, "NaN alone", _bands(lambda pixels: pixels * np.nan), 422, "fits.masked"),
    Case(23, "infinities alone", _bands(lambda pixels: np.full_like(pixels, np.inf)), 422, "fits.masked"),
    Case(24, "an axis of zero", _just(lambda: primary(-32, [0, 100])), 422, "fits.empty_image"),
    Case(25, "BLANK of 10^30", _integers(("BLANK", 10**30)), 200),
    Case(25, "BLANK a text", _integers(("BLANK", "none")), 200),
    Case(25, "BSCALE of 1e308", _plus(("BSCALE", 1e308)), 422, "fits.masked"),
    Case(25, "BZERO of 1e308", _plus(("BZERO", 1e308)), 422, "fits.masked"),
    Case(25, "BSCALE a text", _plus(("BSCALE", "NaN")), 422, "fits.unreadable"),
    Case(25, "BSCALE of 0", _plus(("BSCALE", 0)), 422, "fits.blank"),
    Case(26, "constant", _bands(np.ones_like), 422, "fits.blank"),
    Case(26, "one hot pixel", _bands(_hot), 200),
    Case(26, "all negative", _bands(lambda pixels: pixels - 1e3), 200),
    Case(27, "gzip of 1 GiB", _just(lambda: gzip.compress(bytes(64 << 20), 1) * 16), 413, "upload.unpacked_too_large"),
    Case(27, "gzip of 128 MiB, one stream", _just(lambda: zlib.compress(bytes(128 << 20), 1, wbits=31)), 413, "upload.unpacked_too_large"),
    Case(27, "bzip2 of 1 GiB", _just(lambda: bz2.compress(bytes(1 << 24)) * 64), 413, "upload.unpacked_too_large"),
    Case(27, "a million gzip streams of nothing", _just(lambda: gzip.compress(b"") * 1_000_000), 422, "upload.corrupt_wrapper"),
    Case(27, "gzip in gzip", lambda good: gzip.compress(gzip.compress(good)), 415, "upload.type"),
    Case(29, "SIP of order 10^4", _plus(("A_ORDER", 10**4)), 422, "fits.wcs"),
    Case(29, "SIP of order -1", _plus(("B_ORDER", -1)), 422, "fits.wcs"),
    Case(29, "WCSAXES of 10^6", _plus(("WCSAXES", 10**6)), 422, "fits.wcs"),
    Case(29, "singular CD", _swap("CD1_1", 0.0), 422, "fits.no_wcs"),
    Case(29, "infinite CRVAL", _swap("CRVAL1", 1e308), 422, "fits.no_wcs"),
    Case(29, "a projection from a table", _swap("CTYPE1", "RA---TAB"), 422, "fits.no_wcs"),
    Case(29, "100,000 PV terms", _plus(("PV2_99999", 1.0)), 200),
    Case(30, "NUL in the value of a text", _plus(b"OBJECT  = 'a\x00b'"), 200),
    Case(30, "8-bit bytes in a comment", _plus("COMMENT Ångström".encode("latin-1")), 200),
    Case(30, "escapes and line ends", _plus(b"OBJECT  = '\x1b[31m\r\n{\"level\":\"x\"}'"), 200),
    Case(30, "8-bit bytes in the value of an axis", lambda good: good.replace(card("NAXIS1", 48), b"NAXIS1  = \xff\xfe".ljust(80), 1), 422, "fits.header"),
    Case(30, "NUL in a structural card", lambda good: good.replace(card("NAXIS1", 48), b"NAXIS1  = 48\x00".ljust(80), 1), 422, "fits.header"),
    Case(31, "garbage at the end", lambda good: good + b"\xde\xad" * 5000, 200),
    Case(31, "two files in one", lambda good: good + image(_SMALL), 200),
]  # fmt: skip
