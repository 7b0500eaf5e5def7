"""What one image HDU claims of itself: its size, and the tiles of a compressed one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from survey.magic import MAX_PIXELS, PrescanRefused
from survey.prescan_cards import Cards

__all__ = ["LEGAL_BITPIX", "MAX_PLANES", "ImageHDU", "checked_image", "compressed_image"]

MAX_PLANES = 16
LEGAL_BITPIX = (8, 16, 32, 64, -32, -64)
# HCOMPRESS_1 aborts astropy 8.0.2 for a negative tile, PLIO_1 makes 3 GB of 14 KB: neither is read.
_CODECS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "NOCOMPRESS")
# FITS standard 4.0, section 10.2.
_MAX_SEED = 10_000


@dataclass(frozen=True, slots=True)
class ImageHDU:
    """An image that a FITS file claims to hold."""

    index: int
    width: int
    height: int
    planes: int
    is_compressed: bool


def checked_image(index: int, shape: tuple[int, ...], *, is_compressed: bool) -> ImageHDU:
    """Return the image that axes describe, the fastest first.

    Raises
    ------
    PrescanRefused
        If it has too many planes or pixels.
    """
    width, height, *rest = (*shape, 1) if len(shape) == 1 else shape
    planes = math.prod(rest)
    if planes > MAX_PLANES:
        raise PrescanRefused(
            "fits.planes", f"The image in HDU {index} has {planes} planes (limit {MAX_PLANES})."
        )
    if width * height * planes > MAX_PIXELS:
        raise PrescanRefused(
            "fits.too_large",
            f"The image in HDU {index} is {' x '.join(map(str, shape))} px (limit {MAX_PIXELS} pixels). "
            "Send a cutout around the galaxy.",
        )
    return ImageHDU(index, width, height, planes, is_compressed)


def compressed_image(cards: Cards, index: int, table: tuple[int, ...]) -> ImageHDU:
    """Check a tile-compressed image: codec, tiles inside the image, one table row for each tile.

    Parameters
    ----------
    table
        Axes of the table that holds the tiles, the fastest first.

    Raises
    ------
    PrescanRefused
        If anything does not fit.
    """
    codec = cards.text("ZCMPTYPE")
    if codec not in _CODECS:
        raise PrescanRefused(
            "fits.codec", f"Tile compression {codec or 'unknown'} is not read; RICE_1, GZIP_1 and GZIP_2 are."
        )
    zbitpix = cards.integer("ZBITPIX")
    if zbitpix not in LEGAL_BITPIX:
        raise PrescanRefused("fits.bitpix", f"ZBITPIX is {zbitpix}; 8, 16, 32, 64, -32 and -64 exist.")
    znaxis = cards.integer("ZNAXIS")
    if not 1 <= znaxis <= 9:
        raise PrescanRefused("fits.naxis", f"ZNAXIS is {znaxis} (1 to 9 are read).")
    shape = tuple(cards.integer(f"ZNAXIS{n}") for n in range(1, znaxis + 1))
    if any(axis < 1 for axis in shape):
        raise PrescanRefused("fits.empty_image", f"A compressed image has an axis of length {min(shape)}.")
    image = checked_image(index, shape, is_compressed=True)
    tiles = 1
    for n, axis in enumerate(shape, start=1):
        tile = cards.integer(f"ZTILE{n}", axis if n == 1 else 1)
        if not 1 <= tile <= axis:
            raise PrescanRefused("fits.tiles", f"ZTILE{n} is {tile}; 1 to {axis} fit the image.")
        tiles *= -(-axis // tile)
    if len(table) != 2 or table[1] != tiles:
        raise PrescanRefused(
            "fits.tiles",
            f"The compressed image has {tiles} tiles, its table {table[-1] if table else 0} rows.",
        )
    _check_parameters(cards)
    return image


def _check_parameters(cards: Cards) -> None:
    """Refuse parameters of a codec that size a buffer or are a place in a table."""
    for n in range(1, 10):
        # Rice's parameters size a buffer; the other ones (NOISEBIT, SCALE, SMOOTH) do not.
        if cards.text(f"ZNAME{n}") in ("BLOCKSIZE", "BYTEPIX") and not 1 <= cards.integer(f"ZVAL{n}") <= 1024:
            raise PrescanRefused(
                "fits.tiles", f"ZVAL{n} is {cards.integer(f'ZVAL{n}')} (1 to 1024 are read)."
            )
    if cards.raw("ZDITHER0") is not None and not 1 <= cards.integer("ZDITHER0") <= _MAX_SEED:
        # It is a place in a table of random numbers: astropy 8.0.2 reads before its beginning for a negative one.
        raise PrescanRefused(
            "fits.tiles", f"ZDITHER0 is {cards.integer('ZDITHER0')} (1 to {_MAX_SEED} are legal)."
        )
