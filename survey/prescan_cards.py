"""The structural keywords of one FITS header, read without a FITS library."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from survey.magic import PrescanRefused

__all__ = ["BLOCK", "MAX_HEADER_BLOCKS", "MAX_REPEATS", "MAX_STRUCTURAL", "Cards", "read_cards"]

BLOCK = 2880
CARD = 80
MAX_HEADER_BLOCKS = 144
MAX_REPEATS = 4
"""How often one structural keyword may stand in a header; real headers repeat one once, if at all."""
MAX_STRUCTURAL = 128
"""Structural cards of a header: each costs ten microseconds, in the serving process."""

_STRUCTURAL = re.compile(
    r"(SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|GROUPS|TFIELDS|Z(IMAGE|CMPTYPE|BITPIX|NAXIS\d*|TILE\d+|NAME\d+|VAL\d+|DITHER0))\Z"
)
_LIMITED = re.compile(r"((A|B|AP|BP)_ORDER|WCSAXES[A-Z]?)\Z")
_INTEGER = re.compile(r"[+-]?\d{1,19}\Z")
_STRING = re.compile(r"'((?:[^']|'')*)'")
# The first letters of all keywords above: other cards are not looked at.
_INITIALS = frozenset(b"SXBNPGTZAWH")


@dataclass(frozen=True, slots=True)
class Cards:
    """Structural keywords of a header.

    Attributes
    ----------
    values
        Keyword to the text of its value, without the comment.
    limited
        The keywords whose value a WCS parser would loop over.
    """

    values: dict[str, str]
    limited: tuple[str, ...]

    def raw(self, key: str) -> str | None:
        """Return the text of a value, or None if the keyword is absent."""
        return self.values.get(key)

    def text(self, key: str) -> str:
        """Return a string value without its quotes and trailing blanks; empty if absent."""
        found = _STRING.match(self.values.get(key, ""))
        return found[1].rstrip().upper() if found else ""

    def integer(self, key: str, default: int | None = None) -> int:
        """Return an integer value.

        Raises
        ------
        PrescanRefused
            If it is absent without a default, or no integer.
        """
        raw = self.values.get(key)
        if raw is None and default is not None:
            return default
        if raw is None or not _INTEGER.match(raw):
            code = "fits.naxis" if key.startswith(("NAXIS", "ZNAXIS")) else "fits.header"
            state = "is missing" if raw is None else "is not an integer"
            raise PrescanRefused(code, f"{key} {state}. Write the file again with a FITS library.")
        return int(raw)


def read_cards(data: bytes, offset: int) -> tuple[Cards, int]:
    """Read one header.

    Parameters
    ----------
    data
        The whole file.
    offset
        Where the header starts.

    Returns
    -------
    tuple
        The structural keywords, and where the data of this HDU start.

    Raises
    ------
    PrescanRefused
        If there is no END card within the limit, or a structural card is malformed, repeated with another value or too often.
    """
    values: dict[str, str] = {}
    seen: Counter[str] = Counter()
    end = min(len(data), offset + MAX_HEADER_BLOCKS * BLOCK)
    for start in range(offset, end - CARD + 1, CARD):
        # Letters are compared in upper case: astropy does not mind the case of a keyword.
        first = data[start] & 0xDF if data[start] >= 0x61 else data[start]
        if first == 0x45 and data[start : start + 8].upper().rstrip() == b"END":
            blocks = -(-(start + CARD - offset) // BLOCK)
            limited = tuple(key for key in seen if _LIMITED.match(key))
            return Cards(values, limited), offset + blocks * BLOCK
        if first in _INITIALS:
            _keep(data[start : start + CARD], values, seen)
    if end < len(data):
        raise PrescanRefused(
            "fits.header_too_large", f"A header has no END within {MAX_HEADER_BLOCKS} blocks of 2880 bytes."
        )
    raise PrescanRefused("fits.no_end", "The file ends inside a header: no END card. Send the whole file.")


def _keep(card: bytes, values: dict[str, str], seen: Counter[str]) -> None:
    key = card[:8].decode("ascii", "replace").rstrip().upper()
    rest = card[8:]
    if key == "HIERARCH":
        name, _, rest = card[9:].partition(b"=")
        key = name.decode("ascii", "replace").strip().upper()
        rest = b"= " + rest
    if not _STRUCTURAL.match(key) and not _LIMITED.match(key):
        return
    seen[key] += 1
    if seen[key] > MAX_REPEATS:
        raise PrescanRefused(
            "fits.header",
            f"The keyword {key[:20]} stands more than {MAX_REPEATS} times in one header. Leave one.",
        )
    if seen.total() > MAX_STRUCTURAL:
        raise PrescanRefused(
            "fits.naxis" if "NAXIS" in key else "fits.header",
            f"A header has more than {MAX_STRUCTURAL} cards of structure. Write the file again with a FITS library.",
        )
    if rest[:1] != b"=" or any(byte < 0x20 or byte > 0x7E for byte in rest):
        raise PrescanRefused(
            "fits.header", f"The card {key} is malformed. Write the file again with a FITS library."
        )
    text = rest[1:].decode("ascii").strip()
    value = text if text.startswith("'") else text.partition("/")[0].strip()
    if key in values and values[key] != value:
        raise PrescanRefused("fits.header", f"The keyword {key} stands twice with different values.")
    values[key] = value
