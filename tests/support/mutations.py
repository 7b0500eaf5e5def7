"""Mutations of FITS files that know their structure: cards, HDUs, blocks, tile descriptors."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from support.fits_builder import BLOCK, card

__all__ = ["FITS_MUTATIONS", "HOSTILE_INTEGERS", "flip_bits", "lay_out"]

Generator = np.random.Generator
Mutation = Callable[[bytes, Generator], bytes]

# fmt: off
#: Around every limit that a reader could have: signs, sizes of integers, the prescan's own limits.
HOSTILE_INTEGERS = (
    -1, 0, 1, 2, 3, 5, -5, 7, 8, 9, 10, 15, 16, 17, 32, -32, 64, -64, 65, 255, 256, 999, 1000, 1024, 1025,
    4096, 4097, 8192, 8193, 32767, 65536, 99999, 2**24, 2**24 + 1, 2**31 - 1, 2**31, -(2**31), 2**32 - 1, 2**32,
    2**33, 10**9, 10**10, 2**53 + 1, 2**62, 2**63 - 1, 2**63, -(2**63), 10**19, 10**30,
)
_NUMBERS = (
    "NaN", "nan", "INF", "-Infinity", "1e308", "-1E400", "1e-320", "1.D5", "0x10", "+-3", "1_000", "1e", ".", "--1",
    "0.0", "-0.0", "1e-30", "1E+30", "(1.0, 2.0)", "T", "F", "'1'", "", "/", "1 2", "2.", "180.0", "-90.0000001",
)
_TEXTS = (
    "''", "'", "'''", "'''' /", "' '", "'nanomaggy'", "'nJy'", "'Jy/beam'", "'mag'", "'1e400 nJy'", "'10**-500 Jy'",
    "'RA---SIP'", "'DEC--TPV'", "'RA---TAB'", "'GLON-AIT'", "'DEC--ZPX'", "'RA---TNX'", "'-------'", "'RA---TAN-SIP'",
    "'sdss:r'", "'ugriz'", "'u,g,r,i,z'", "'z' / '", "'GZIP_2'", "'RICE_1'", "'PLIO_1'", "'HCOMPRESS_1'", "'NONE'",
    "'1PB(99999)'", "'1QB'", "'9999999999E'", "'0A'", "'PJ(-1)'", "'deg'", "'arcsec'", "'furlong'", "'%s%n'",
    "'NO_DITHER'", "'SUBTRACTIVE_DITHER_2'", "'IMAGE'", "'BINTABLE'", "'A' * 9", "'http://127.0.0.1:9/x.fits'",
    "'" + "x" * 66 + "'", "'" + "(" * 60 + "'", "'2026-13-45T99:99:99'", "'UTC'", "'FK5'", "'ICRS '", "'\xe9\x00\x1b'",
)
# fmt: on
_KEYWORDS = """
SIMPLE BITPIX NAXIS NAXIS1 NAXIS2 NAXIS3 NAXIS9 PCOUNT GCOUNT GROUPS EXTEND XTENSION EXTNAME EXTVER INHERIT BLANK BSCALE
BZERO ZIMAGE ZBITPIX ZNAXIS ZNAXIS1 ZNAXIS2 ZNAXIS3 ZTILE1 ZTILE2 ZTILE3 ZCMPTYPE ZNAME1 ZVAL1 ZNAME2 ZVAL2 ZSCALE ZZERO
ZBLANK ZQUANTIZ ZDITHER0 ZMASKCMP ZSIMPLE ZTENSION ZPCOUNT ZGCOUNT THEAP TFIELDS TTYPE1 TFORM1 TFORM2 TDIM1 TSCAL1 TZERO1
TNULL1 WCSAXES WCSAXESA WCSNAME CTYPE1 CTYPE2 CTYPE3 CRVAL1 CRVAL2 CRPIX1 CRPIX2 CDELT1 CDELT2 CD1_1 CD1_2 CD2_1 CD2_2 PC1_1
PC1_2 PC2_2 PC001001 CROTA2 CUNIT1 CUNIT2 LONPOLE LATPOLE PV1_1 PV1_39 PV2_50 PS1_0 A_ORDER B_ORDER AP_ORDER BP_ORDER A_2_0
B_0_2 CPDIS1 DP1 CQDIS2 D2IMDIS1 D2IM1 DQ1 AXISCORR RADESYS EQUINOX EPOCH DATE-OBS MJD-OBS TIMESYS SPECSYS OBSGEO-X RESTFRQ
VELREF BUNIT MAGZERO MAGZPT ZP PHOTZP FLUXMAG0 PHOTFLAM PHOTPLAM PHOTMODE NMGY EXPTIME FILTER BAND BANDS BAND0 BAND1 INSTRUME
TELESCOP SURVEY BOFFSET BSOFTEN EBV RA DEC RA_OBJ DEC_OBJ OBJECT PIXSCALE PIXSCAL1 CHECKSUM DATASUM LONGSTRN CONTINUE COMMENT
HISTORY END
"""
_KEYS = _KEYWORDS.split()


@dataclass(frozen=True)
class HDU:
    """Where one HDU lies: its header from ``start``, its data from ``data``, the next one from ``end``."""

    start: int
    data: int
    end: int


def lay_out(content: bytes) -> list[HDU]:
    """Find HDUs by their first keyword at the start of a block; nothing in their headers is believed."""
    marks = [at for at in range(0, len(content), BLOCK) if content[at : at + 8] in (b"SIMPLE  ", b"XTENSION")]
    found = []
    for start, end in zip(marks, [*marks[1:], len(content)][: len(marks)], strict=True):
        at = next((i for i in range(start, end, 80) if content[i : i + 8] == b"END     "), end - 80)
        found.append(HDU(start, min(end, start + -(-(at + 80 - start) // BLOCK) * BLOCK), end))
    return found


def _pick(rng: Generator, options: object) -> object:
    return options[int(rng.integers(len(options)))]


def _value(rng: Generator) -> str:
    kind = rng.integers(4)
    if kind == 0:
        return str(_pick(rng, _TEXTS))
    if kind == 1:
        return str(_pick(rng, _NUMBERS))
    return str(_pick(rng, HOSTILE_INTEGERS))


def _cards(content: bytes, rng: Generator) -> list[int]:
    """Return the places of the cards of one header, END left out."""
    hdus = lay_out(content)
    if not hdus:
        return []
    hdu = hdus[int(rng.integers(len(hdus)))]
    places = range(hdu.start, hdu.data, 80)
    return [at for at in places if content[at : at + 8] not in (b"END     ", b" " * 8)]


def _set(content: bytes, at: int, text: str) -> bytes:
    key = content[at : at + 8].decode("latin-1")
    return content[:at] + f"{key}= {text:>20}".encode("latin-1").ljust(80)[:80] + content[at + 80 :]


def hostile_integer(content: bytes, rng: Generator) -> bytes:
    """Replace an integer, or move it a little."""
    places = [at for at in _cards(content, rng) if re.fullmatch(rb" *-?\d+ *", content[at + 10 : at + 30])]
    if not places:
        return content
    at = int(_pick(rng, places))
    old = int(content[at + 10 : at + 30])
    near = (old + 1, old - 1, old * 2, old // 2, -old, old * 1000)
    return _set(content, at, str(_pick(rng, near if rng.random() < 0.4 else HOSTILE_INTEGERS)))


def hostile_value(content: bytes, rng: Generator) -> bytes:
    """Give any card any value."""
    places = _cards(content, rng)
    return _set(content, int(_pick(rng, places)), _value(rng)) if places else content


def add_card(content: bytes, rng: Generator) -> bytes:
    """Write a hostile card over blanks or in front of END, or push the rest of the header down."""
    places = _cards(content, rng)
    if not places:
        return content
    made = card(str(_pick(rng, _KEYS)), 0)[:10] + _value(rng).encode("latin-1")
    if rng.random() < 0.1:
        made = b"HIERARCH " + made
    made = made.ljust(80)[:80]
    at = int(_pick(rng, places)) + 80
    block_end = next((i for i in range(at, len(content), BLOCK) if i % BLOCK == 0), len(content))
    if content[block_end - 80 : block_end] == b" " * 80:
        return content[:at] + made + content[at : block_end - 80] + content[block_end:]
    return content[:at] + made + content[at + 80 :]


def delete_card(content: bytes, rng: Generator) -> bytes:
    """Blank a card; END too, once in a while."""
    places = _cards(content, rng)
    if not places:
        return content
    at = int(_pick(rng, places))
    if rng.random() < 0.05:
        at = max(content.find(b"END     ", at), at)
    return content[:at] + b"COMMENT ".ljust(80) + content[at + 80 :]


def copy_card(content: bytes, rng: Generator) -> bytes:
    """Write one card over another, of this header or of another one."""
    places, others = _cards(content, rng), _cards(content, rng)
    if not (places and others):
        return content
    at, source = int(_pick(rng, places)), int(_pick(rng, others))
    return content[:at] + content[source : source + 80] + content[at + 80 :]


def flip_bits(content: bytes, rng: Generator, low: int = 0, high: int | None = None) -> bytes:
    """Flip one to sixteen bits between two places."""
    high = len(content) if high is None else high
    if low >= high:
        return content
    changed = bytearray(content)
    for at in rng.integers(low, high, int(rng.integers(1, 17))):
        changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def flip_header(content: bytes, rng: Generator) -> bytes:
    """Flip bits of a header."""
    hdus = lay_out(content)
    if not hdus:
        return flip_bits(content, rng)
    hdu = hdus[int(rng.integers(len(hdus)))]
    return flip_bits(content, rng, hdu.start, hdu.data)


def flip_data(content: bytes, rng: Generator) -> bytes:
    """Flip bits of the data, tile heaps included."""
    hdus = [hdu for hdu in lay_out(content) if hdu.data < hdu.end]
    if not hdus:
        return content
    hdu = hdus[int(rng.integers(len(hdus)))]
    return flip_bits(content, rng, hdu.data, hdu.end)


def hostile_words(content: bytes, rng: Generator) -> bytes:
    """Write 32-bit words over the start of the data: the descriptors of tiles, or pixels that are NaN or infinite."""
    hdus = [hdu for hdu in lay_out(content) if hdu.end - hdu.data >= 64]
    if not hdus:
        return content
    hdu = hdus[int(rng.integers(len(hdus)))]
    words = [
        0,
        1,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFF,
        0x7FC00000,
        0x7F800000,
        0xFF800000,
        0x7F7FFFFF,
        1 << 24,
    ]
    length = min(hdu.end - hdu.data, 512 if rng.random() < 0.7 else 1 << 30)
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        at = hdu.data + int(rng.integers(length // 4)) * 4
        run = 4 * int(rng.integers(1, 3 if rng.random() < 0.8 else 4000))
        word = struct.pack(">I", int(_pick(rng, words)))
        end = min(at + run, hdu.end)
        changed[at:end] = (word * (run // 4 + 1))[: end - at]
    return bytes(changed)


def truncate(content: bytes, rng: Generator) -> bytes:
    """Cut the end off, at a block or anywhere."""
    at = int(rng.integers(1, max(2, len(content))))
    return content[: at // BLOCK * BLOCK or at] if rng.random() < 0.5 else content[:at]


def extend(content: bytes, rng: Generator) -> bytes:
    """Add zeros, noise or the beginning of another HDU."""
    n = int(rng.integers(1, 3 * BLOCK))
    tails = (bytes(n), rng.bytes(n), b"XTENSION= 'IMAGE   '".ljust(n), content[:n], b" " * n)
    return content + tails[int(rng.integers(len(tails)))]


def splice(content: bytes, rng: Generator) -> bytes:
    """Repeat, drop or reorder HDUs."""
    parts = [content[hdu.start : hdu.end] for hdu in lay_out(content)]
    if not parts:
        return content
    match int(rng.integers(4)):
        case 0:
            at = int(rng.integers(len(parts)))
            parts[at:at] = [parts[at]] * int(_pick(rng, (1, 2, 5, 70)))
        case 1:
            parts.pop(int(rng.integers(len(parts))))
        case 2:
            rng.shuffle(parts)
        case _:
            # The header of one with the data of another.
            one, other = (_pick(rng, lay_out(content)) for _ in range(2))
            parts.append(content[one.start : one.data] + content[other.data : other.end])
    return b"".join(parts)[: 4 << 20]


def blank_run(content: bytes, rng: Generator) -> bytes:
    """Overwrite a run of bytes with one value or with noise."""
    at, n = int(rng.integers(len(content))), int(rng.integers(1, 4000))
    n = min(n, len(content) - at)
    filler = rng.bytes(n) if rng.random() < 0.5 else bytes([int(rng.integers(256))]) * n
    return content[:at] + filler + content[at + n :]


# fmt: off
FITS_MUTATIONS: tuple[Mutation, ...] = (
    hostile_integer, hostile_integer, hostile_value, hostile_value, add_card, add_card, delete_card, copy_card,
    flip_bits, flip_header, flip_data, hostile_words, truncate, extend, splice, blank_run,
)
# fmt: on
