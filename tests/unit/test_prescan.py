"""What the prescan refuses from headers alone, and what it lets pass."""

import struct
import time
import zlib

import numpy as np
import pytest
from support.fits_builder import (
    BLOCK,
    card,
    extension,
    hcompress_killer,
    image,
    padded,
    primary,
    table,
    tiled_image,
    with_card,
)

from survey.magic import identify
from survey.prescan import PrescanRefused, prescan

PIXELS = np.ones((20, 30), np.float32)
GOOD = image(PIXELS)


def png(width, height, *, chunks=(b"IDAT",), depth=8, colour=2):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *(chunk(kind, b"\0" * 8) for kind in chunks), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg(width, height, *, planes=3, depth=8):
    sof = (
        b"\xff\xc0"
        + struct.pack(">HBHHB", 8 + 3 * planes, depth, height, width, planes)
        + b"\1\x11\0" * planes
    )
    return (
        b"\xff\xd8"
        b"\xff\xe0" + struct.pack(">H", 4) + b"ab" + sof + b"\xff\xda" + struct.pack(">H", 8) + b"\0" * 6
    )


HOSTILE = {
    "no bytes": (b"", "upload.empty"),
    "no END": (primary(8).replace(b"END     ", b"        "), "fits.no_end"),
    "no END in a large file": (primary(8)[:80] + b" " * 80 * 40_000, "fits.header_too_large"),
    "a million cards": (primary(8, [], [("COMMENT", "x")] * 20_000), "fits.header_too_large"),
    "NAXIS of 10^9": (with_card(primary(8), "NAXIS", 10**9), "fits.naxis"),
    "NAXIS of 999": (with_card(primary(8), "NAXIS", 999), "fits.naxis"),
    "NAXIS as text": (with_card(primary(8), "NAXIS", "two"), "fits.naxis"),
    "NAXIS as a float": (with_card(primary(8), "NAXIS", 2.0), "fits.naxis"),
    "NAXIS missing": (primary(8).replace(b"NAXIS   ", b"COMMENT "), "fits.naxis"),
    "NAXIS1 missing": (GOOD.replace(b"NAXIS1  ", b"COMMENT "), "fits.naxis"),
    "10^10 pixels without data": (primary(-32, [10**5, 10**5]), "fits.truncated"),
    "2^93 pixels": (primary(-32, [2**31] * 3), "fits.truncated"),
    "a negative axis": (primary(-32, [-10, 10]), "fits.naxis"),
    "an axis of zero": (primary(-32, [0, 100]), "fits.empty_image"),
    "BITPIX of -7": (primary(-7, [2, 2]), "fits.bitpix"),
    "BITPIX of 0": (primary(0, [2, 2]), "fits.bitpix"),
    "GCOUNT of 10^9": (primary(8, [2, 2], [("GCOUNT", 10**9)]) + bytes(BLOCK), "fits.header"),
    "PCOUNT that steps back": (GOOD + extension("IMAGE", 8, [20, 20], pcount=-2980) + bytes(BLOCK), "fits.header"),
    "random groups": (primary(8, [0, 2], [("GROUPS", True), ("GCOUNT", 10**9)]), "fits.groups"),
    "10,000 HDUs": (GOOD + extension("IMAGE", 8, []) * 10_000, "fits.hdus"),
    "cut data": (GOOD[: BLOCK + 100], "fits.truncated"),
    "a table alone": (primary(8) + table() + bytes(BLOCK), "fits.no_image"),
    "a table of 10^10 rows": (primary(8) + table(10**10) + bytes(BLOCK), "fits.truncated"),
    "a header alone": (primary(8), "fits.no_image"),
    "a spectrum": (primary(-32, [100]) + bytes(BLOCK), "fits.no_image"),
    "20 planes": (primary(8, [12, 12, 20]) + bytes(BLOCK), "fits.planes"),
    "17 megapixels": (primary(8, [4097, 4097]) + bytes(4097**2 + BLOCK), "fits.too_large"),
    "an axis twice": (primary(-32, [30, 20], [("NAXIS1", 10**6)]) + bytes(BLOCK), "fits.header"),
    "an axis hidden by HIERARCH": (GOOD.replace(card("NAXIS1", 30), b"HIERARCH NAXIS1 = 1000000".ljust(80)), "fits.truncated"),
    "bytes above ASCII in a structural card": (GOOD.replace(card("NAXIS1", 30), b"NAXIS1  = \xff\xfe".ljust(80)), "fits.header"),
    "SIP of order 10^4": (image(PIXELS, [("A_ORDER", 10**4)]), "fits.wcs"),
    "WCSAXES of 10^6": (image(PIXELS, [("WCSAXES", 10**6)]), "fits.wcs"),
    "HCOMPRESS": (tiled_image("HCOMPRESS_1"), "fits.codec"),
    "the interpreter killer": (hcompress_killer(), "fits.codec"),
    "PLIO": (tiled_image("PLIO_1"), "fits.codec"),
    "a tile of -5": (with_card(tiled_image(), "ZTILE1", -5), "fits.tiles"),
    "a tile of 0": (with_card(tiled_image(), "ZTILE2", 0), "fits.tiles"),
    "a tile larger than the image": (with_card(tiled_image(), "ZTILE1", 65), "fits.tiles"),
    "more tiles than rows": (with_card(tiled_image(), "ZTILE1", 8), "fits.tiles"),
    "ZBITPIX of 7": (with_card(tiled_image(), "ZBITPIX", 7), "fits.bitpix"),
    "ZNAXIS of 10^6": (with_card(tiled_image(), "ZNAXIS", 10**6), "fits.naxis"),
    "a tile bomb": (with_card(with_card(tiled_image(), "ZNAXIS1", 20_000), "ZNAXIS2", 20_000), "fits.too_large"),
    "PNG of 40000 px": (png(40_000, 40_000), "display.too_large"),
    "PNG of 178 megapixels": (png(8000, 8000), "display.too_large"),
    "PNG of no size": (png(0, 10), "display.too_large"),
    "PNG of 3 bits": (png(10, 10, depth=3), "display.unreadable"),
    "PNG cut": (png(10, 10)[:-14], "display.unreadable"),
    "PNG without pixels": (png(10, 10, chunks=()), "display.unreadable"),
    "PNG animated": (png(10, 10, chunks=(b"acTL", b"IDAT")), "upload.type"),
    "PNG of 40,000 chunks": (png(10, 10, chunks=(*[b"tEXt"] * 40_000, b"IDAT")), "display.unreadable"),
    "JPEG of 30 MB of fill bytes": (b"\xff\xd8" + b"\xff" * 30_000_000, "display.unreadable"),
    "JPEG of 13300 px": (jpeg(13_300, 13_300), "display.too_large"),
    "JPEG of 64 megapixels": (jpeg(8000, 8000), "display.too_large"),
    "JPEG of 12 bits": (jpeg(10, 10, depth=12), "display.unreadable"),
    "JPEG without a frame": (b"\xff\xd8\xff\xda\x00\x08" + bytes(20), "display.unreadable"),
    "GIF": (b"GIF89a" + bytes(20), "upload.type"),
    "TIFF": (b"II*\0" + bytes(20), "upload.type"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(20), "upload.type"),
    "npy": (b"\x93NUMPY\1\0" + bytes(20), "upload.type"),
    "pickle": (b"\x80\x04\x95" + bytes(20), "upload.type"),
    "WebP": (b"RIFF\0\0\0\0WEBPVP8 ", "upload.type"),
    "AVIF": (b"\0\0\0\x20ftypavif", "upload.type"),
    "ZIP": (b"PK\3\4" + bytes(20), "upload.type"),
    "ASDF": (b"#ASDF 1.0.0\n", "upload.type"),
    "SVG": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "upload.type"),
    "HTML": (b"<!DOCTYPE html><html></html>", "upload.type"),
    "text": (b"hello", "upload.type"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hopeless_file_is_refused_with_its_code(name):
    data, code = HOSTILE[name]
    begun = time.perf_counter()
    with pytest.raises(PrescanRefused) as refused:
        prescan(data)
    assert refused.value.code == code
    # 50 ms are what the reference allows on an idle machine; a busy one is forgiven.
    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize("cut", range(80, len(GOOD), 480))
def test_a_file_cut_anywhere_is_refused(cut):
    with pytest.raises(PrescanRefused, match=r"Send the whole file|no file type"):
        prescan(GOOD[: min(cut, BLOCK + PIXELS.nbytes - 1)])


def test_a_file_without_its_last_padding_passes():
    assert prescan(GOOD[: BLOCK + PIXELS.nbytes]).images[0].width == 30


def test_images_are_listed_with_their_place_and_size():
    cube = extension("IMAGE", -32, [12, 10, 5]) + padded(bytes(12 * 10 * 5 * 4))
    report = prescan(primary(8) + table() + bytes(BLOCK) + cube)
    (found,) = report.images
    assert (found.index, found.width, found.height, found.planes, report.tables) == (2, 12, 10, 5, 1)


@pytest.mark.parametrize("codec", ["RICE_1", "GZIP_1", "GZIP_2"])
def test_the_common_tile_compressions_pass(codec):
    (found,) = prescan(tiled_image(codec)).images
    assert found.is_compressed
    assert (found.width, found.height) == (64, 64)


def test_what_follows_the_last_hdu_is_left_to_no_parser():
    report = prescan(GOOD + image(PIXELS) + b"\x00" * BLOCK + b"garbage")
    assert report.length == len(GOOD)
    assert "ignored" in report.notes[0]


def test_trailing_zeros_are_no_remark_worth():
    assert prescan(GOOD + bytes(BLOCK)).notes == ()


def test_a_wrapped_file_is_left_to_the_child():
    assert prescan(b"\x1f\x8b" + bytes(20)).wrapper == "gzip"
    assert prescan(b"BZh9" + bytes(20)).wrapper == "bzip2"


def test_pictures_within_the_budget_pass():
    assert prescan(png(4096, 4096)).kind == "png"
    assert prescan(jpeg(4096, 4096)).kind == "jpeg"


def test_a_table_is_wanted_where_a_table_is_read():
    assert prescan(primary(8) + table() + bytes(BLOCK), want="table").tables == 1
    with pytest.raises(PrescanRefused) as refused:
        prescan(GOOD, want="table")
    assert refused.value.code == "table.none"
    with pytest.raises(PrescanRefused) as refused:
        prescan(png(9, 9), want="table")
    assert refused.value.code == "upload.type"


def test_a_byte_order_mark_does_not_hide_markup():
    assert identify(b"\xef\xbb\xbf  <svg>") == "svg"
    assert identify(b"<?xml version='1.0'?><VOTABLE/>") == "votable"


def test_headers_that_only_repeat_structure_are_refused_at_once():
    many = [card("A_ORDER", 3)] * 5_000
    hostile = primary(8, (), many) + extension("IMAGE", 8, [], more=many) * 63
    begun = time.perf_counter()
    with pytest.raises(PrescanRefused, match="A_ORDER stands more than 4 times") as refused:
        prescan(hostile)
    assert refused.value.code == "fits.header"
    assert time.perf_counter() - begun < 0.1


@pytest.mark.parametrize("key", ["ZVAL{}", "NAXIS{}", "HIERARCH ZNAME{}"])
def test_a_header_has_few_cards_of_structure(key):
    many = [
        f"{key.format(n):<19}= 3".encode().ljust(80) if " " in key else card(key.format(n), 3)
        for n in range(10, 210)
    ]
    with pytest.raises(PrescanRefused, match="more than 128 cards") as refused:
        prescan(image(PIXELS, many))
    assert refused.value.code == ("fits.naxis" if "NAXIS" in key else "fits.header")


def test_a_structural_card_may_stand_four_times():
    assert prescan(image(PIXELS, [card("A_ORDER", 3)] * 4)).images


def test_all_headers_of_a_file_are_bounded_together():
    long = extension("IMAGE", 8, [], more=[("COMMENT", "x")] * 5_000)
    assert prescan(GOOD + long * 7).header_blocks == 1 + 7 * (len(long) // BLOCK)
    with pytest.raises(PrescanRefused, match="more than 1000 blocks") as refused:
        prescan(GOOD + long * 8)
    assert refused.value.code == "fits.header_too_large"
