"""Uploads that keep a parsing child busy for as long as they can, and one that kept the prescan busy, which refuses it."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
import warnings

import numpy as np
from astropy.io import fits
from figures import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tests"))
from support.fits_builder import card, header, image, padded, primary

__all__ = ["hostile_files"]


def hostile_files() -> dict[str, bytes]:
    """Return name to bytes: what burns processor time, memory or both before it is refused or understood."""
    return {
        "bzip2 bomb": _bomb(),
        "bzip2 of noise": _slow_bzip2(),
        "forest of headers": _headers(),
        "repeated cards": _repeats(),
        "tiles of 16 megapixels": _tiles(),
        "honest frame of 30 MB": _frame(),
    }


def _bomb() -> bytes:
    """Unpack 64 MiB and one byte from a few kilobytes."""
    return bz2.compress(bytes(1 << 24)) * 5


def _slow_bzip2() -> bytes:
    """Noise inside bzip2: the slowest megabytes there are, and no galaxy."""
    noise = np.random.default_rng(1).integers(-9, 9, (2600, 2600)).astype(np.float32)
    return bz2.compress(image(noise, [("BUNIT", "nanomaggy"), ("BAND", "r")]), 9)


def _headers() -> bytes:
    """7 HDUs with 5,000 different cards each: nearly all blocks of headers that are read."""
    many = [card(f"K{n:07d}", n) for n in range(5_000)]
    empty = header([("XTENSION", "IMAGE"), ("BITPIX", 8), ("NAXIS", 0), ("PCOUNT", 0), ("GCOUNT", 1), *many])
    return primary(-32, (64, 64), many) + padded(bytes(4 * 64 * 64)) + empty * 6


def _repeats() -> bytes:
    """64 HDUs with one structural card 5,000 times each, 25 MiB: it took the prescan 1.8 s."""
    many = [card("A_ORDER", 3)] * 5_000
    empty = header([("XTENSION", "IMAGE"), ("BITPIX", 8), ("NAXIS", 0), ("PCOUNT", 0), ("GCOUNT", 1), *many])
    return primary(8, (), many) + empty * 63


def _tiles() -> bytes:
    """4096 x 4096 pixels of noise, RICE."""
    noise = np.random.default_rng(2).integers(0, 4, (4096, 4096)).astype(np.int16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream = io.BytesIO()
        hdu = fits.CompImageHDU(noise, compression_type="RICE_1")
        hdu.header["BUNIT"], hdu.header["BAND"] = "nanomaggy", "r"
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream)
    return stream.getvalue()


def _frame() -> bytes:
    """One band of a whole survey frame inside gzip, as archives give it."""
    noise = np.random.default_rng(3).normal(0, 0.02, (2700, 2700)).astype(np.float32)
    cards: list[tuple[str, object] | bytes] = [
        *(("BUNIT", "nanomaggy"), ("BAND", "r"), ("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN")),
        *(("CRVAL1", 150.1), ("CRVAL2", 2.2), ("CRPIX1", 1350.5), ("CRPIX2", 1350.5)),
        *(("CDELT1", -1.1e-4), ("CDELT2", 1.1e-4)),
    ]
    return gzip.compress(image(noise, cards), 1, mtime=0)
