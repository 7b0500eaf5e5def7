"""Refuse a hostile or hopeless file from its headers alone, in pure Python."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from survey.magic import MAX_PIXELS, PrescanRefused, identify, remedy_for
from survey.prescan_cards import BLOCK, Cards, read_cards
from survey.prescan_images import LEGAL_BITPIX, MAX_PLANES, ImageHDU, checked_image, compressed_image
from survey.prescan_pictures import read_jpeg_header, read_png_header

__all__ = [
    "MAX_ALL_BLOCKS",
    "MAX_HDUS",
    "MAX_PLANES",
    "ImageHDU",
    "PrescanRefused",
    "PrescanReport",
    "check_blocks",
    "prescan",
]

MAX_HDUS = 64
"""astropy needs about 40 microseconds for each; 100,000 took 30 s."""
MAX_ALL_BLOCKS = 1000
"""Blocks of all headers of an upload: 36,000 cards, where 64 HDUs of JWST have a few thousand."""
MAX_TOTAL_PIXELS = 2 * MAX_PIXELS
MAX_FIELDS = 999
"""FITS standard 4.0, section 7.3.1."""


@dataclass(frozen=True, slots=True)
class PrescanReport:
    """What the headers say.

    Attributes
    ----------
    kind
        What the file is; for a wrapped file what is expected inside.
    wrapper
        The compression around the whole file, which only the sandbox's child takes off.
    length
        How many bytes belong to the file; what follows must not be parsed.
    images
        The images of a FITS file; empty for pictures and wrapped files.
    tables
        How many table HDUs it has.
    notes
        Sentences for the ingest report.
    header_blocks
        Blocks of 2880 bytes that its headers fill.
    """

    kind: Literal["fits", "png", "jpeg"]
    wrapper: Literal["gzip", "bzip2"] | None
    length: int
    images: tuple[ImageHDU, ...] = ()
    tables: int = 0
    notes: tuple[str, ...] = ()
    header_blocks: int = 0


def prescan(data: bytes, *, want: Literal["image", "table"] = "image") -> PrescanReport:
    """Read the headers of an upload and refuse what no parser should see.

    Parameters
    ----------
    data
        The whole file.
    want
        ``image`` refuses FITS files without an image, ``table`` those without a table.

    Raises
    ------
    PrescanRefused
        With a stable code; the message names the value, the limit and the remedy.
    """
    if not data:
        raise PrescanRefused("upload.empty", "The file is empty (0 bytes).")
    kind = identify(data)
    match kind:
        case "fits":
            return _prescan_fits(data, want)
        case "gzip" | "bzip2":
            return PrescanReport("fits", "gzip" if kind == "gzip" else "bzip2", len(data))
        case "png" if want == "image":
            read_png_header(data)
            return PrescanReport("png", None, len(data))
        case "jpeg" if want == "image":
            read_jpeg_header(data)
            return PrescanReport("jpeg", None, len(data))
    found = "This is no file type that we know" if kind == "unknown" else f"This is a {kind} file"
    wanted = (
        "FITS (also inside gzip or bzip2), PNG and JPEG are read"
        if want == "image"
        else "a FITS table was expected"
    )
    raise PrescanRefused("upload.type", f"{found}; {wanted}. {remedy_for(kind)}".rstrip())


def _prescan_fits(data: bytes, want: str) -> PrescanReport:
    found = _Found()
    offset = index = blocks = 0
    while index == 0 or data.startswith(b"XTENSION", offset):
        if index == MAX_HDUS:
            raise PrescanRefused(
                "fits.hdus", f"The file has more than {MAX_HDUS} HDUs. Send the science HDUs alone."
            )
        start = offset
        cards, offset = read_cards(data, start)
        blocks += (offset - start) // BLOCK
        check_blocks(blocks)
        shape, size = _structure(cards)
        if offset + size > len(data):
            there = max(0, len(data) - offset)
            raise PrescanRefused(
                "fits.truncated",
                f"HDU {index} declares {size} bytes of data and {there} are there. Send the whole file.",
            )
        offset += -(-size // BLOCK) * BLOCK
        _check_wcs(cards)
        found.classify(cards, index, shape)
        index += 1
    found.check(want, index)
    rest = data[offset:].strip(b"\x00 \r\n")
    notes = (f"{len(data) - offset} bytes after the last HDU were ignored.",) if rest else ()
    length = min(offset, len(data))
    return PrescanReport("fits", None, length, tuple(found.images), found.tables, notes, blocks)


def check_blocks(blocks: int) -> None:
    """Refuse more headers than an upload may have; the headers of several files are counted together."""
    if blocks > MAX_ALL_BLOCKS:
        raise PrescanRefused(
            "fits.header_too_large",
            f"The headers fill more than {MAX_ALL_BLOCKS} blocks of {BLOCK} bytes. Send the science HDUs alone.",
        )


@dataclass(slots=True)
class _Found:
    """The HDUs by kind."""

    images: list[ImageHDU] = field(default_factory=list)
    tables: int = 0
    n_empty: int = 0

    def classify(self, cards: Cards, index: int, shape: tuple[int, ...]) -> None:
        kind = "IMAGE" if index == 0 else cards.text("XTENSION")
        if kind in ("BINTABLE", "TABLE"):
            _check_fields(cards)
        if kind == "BINTABLE" and cards.raw("ZIMAGE") not in (None, "F"):
            self.images.append(compressed_image(cards, index, shape))
        elif kind in ("IMAGE", "IUEIMAGE"):
            self.n_empty += bool(shape) and 0 in shape
            if len(shape) >= 2 and 0 not in shape:
                self.images.append(checked_image(index, shape, is_compressed=False))
        else:
            self.tables += kind in ("BINTABLE", "TABLE")

    def check(self, want: str, n_hdus: int) -> None:
        if want == "image" and not self.images and self.n_empty:
            raise PrescanRefused("fits.empty_image", "The image has an axis of length 0: it holds no pixel.")
        if want == "image" and not self.images:
            raise PrescanRefused(
                "fits.no_image", f"No 2-D or 3-D image found in {n_hdus} HDUs ({self.tables} of them tables)."
            )
        if want == "table" and not self.tables:
            raise PrescanRefused("table.none", f"No table found in {n_hdus} HDUs.")
        total = sum(image.width * image.height * image.planes for image in self.images)
        if total > MAX_TOTAL_PIXELS:
            raise PrescanRefused(
                "fits.too_large",
                f"The images have {total} pixels together (limit {MAX_TOTAL_PIXELS}). Send a cutout around the galaxy.",
            )


def _structure(cards: Cards) -> tuple[tuple[int, ...], int]:
    """Return the axes and the length of the data in bytes, from the keywords every HDU must have."""
    bitpix = cards.integer("BITPIX")
    if bitpix not in LEGAL_BITPIX:
        raise PrescanRefused("fits.bitpix", f"BITPIX is {bitpix}; 8, 16, 32, 64, -32 and -64 exist.")
    naxis = cards.integer("NAXIS")
    if not 0 <= naxis <= 9:
        raise PrescanRefused("fits.naxis", f"NAXIS is {naxis} (0 to 9 are read).")
    shape = tuple(cards.integer(f"NAXIS{n}") for n in range(1, naxis + 1))
    if any(axis < 0 for axis in shape):
        raise PrescanRefused("fits.naxis", f"An axis has length {min(shape)}; lengths are not negative.")
    pcount, gcount = cards.integer("PCOUNT", 0), cards.integer("GCOUNT", 1)
    if cards.raw("GROUPS") == "T":
        raise PrescanRefused(
            "fits.groups", "This is a random-groups file (radio visibilities), not an image."
        )
    if pcount < 0 or gcount != 1:
        raise PrescanRefused(
            "fits.header", f"PCOUNT is {pcount} and GCOUNT {gcount}; at least 0, and 1, are legal."
        )
    size = abs(bitpix) // 8 * (pcount + math.prod(shape)) if shape else 0
    return shape, size


def _check_fields(cards: Cards) -> None:
    """Refuse a number of columns that no table has: astropy 8.0.2 counts up to it in a compressed image."""
    n_fields = cards.integer("TFIELDS", 0)
    if not 0 <= n_fields <= MAX_FIELDS:
        raise PrescanRefused("fits.header", f"TFIELDS is {n_fields} (0 to {MAX_FIELDS} are legal).")


def _check_wcs(cards: Cards) -> None:
    """Refuse what hangs a WCS parser: SIP orders above 9, hundreds of axes."""
    for key in cards.limited:
        if not 0 <= cards.integer(key) <= 9:
            raise PrescanRefused(
                "fits.wcs", f"{key} is {cards.integer(key)} (0 to 9 are read). Strip the distortion keywords."
            )
