"""What people write to name a place on the sky; the geometry is in :mod:`survey.sphere`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from astropy.coordinates import SkyCoord
from cdshealpix import nested

from survey.names import SDSSObjID, decode_sdss_objid, iau_name, parse_iau_name
from survey.sphere import HPX_ORDER, LAST_CELL, BadTarget, check_position, cone_ranges, hpx29, separation_deg

__all__ = [
    "HPX_ORDER",
    "BadTarget",
    "SDSSObjID",
    "Target",
    "cone_ranges",
    "decode_sdss_objid",
    "hpx29",
    "iau_name",
    "parse_target",
    "separation_deg",
]

_MAX_TEXT = 200

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_DEGREES = rf"({_NUMBER})\s*(?:°|deg|d)?"
_PAIR = re.compile(rf"{_DEGREES}(?:\s*,\s*|\s+){_DEGREES}")
_NAMED = re.compile(rf"(ra|l)\s*[=:]\s*{_DEGREES}[\s,;&]*(dec|b)\s*[=:]\s*{_DEGREES}", re.IGNORECASE)
_SEXAGESIMAL = re.compile(
    r"(\d{1,3})([:hd°\s])\s*(\d{1,2})(?:[:m'′\s]\s*(\d{1,2}(?:\.\d*)?)?\s*[s\"″]?)?"
    r"(?:\s*,\s*|\s+|(?=[+-]))"
    r"([+-]?)(\d{1,2})[:d°\s]\s*(\d{1,2})(?:[:m'′\s]\s*(\d{1,2}(?:\.\d*)?)?\s*[s\"″]?)?"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a line in the search box means.

    Attributes
    ----------
    kind
        ``id``: look ``text`` up; ``position``: the place itself; ``box``: a truncated IAU name, for which
        every object within ``radius_deg`` of the centre may be meant. Since catalogues use IAU names as
        ids, look ``text`` up first for a ``box`` as well.
    text
        As typed, with single spaces.
    ra_deg, dec_deg
        ICRS; None for an ``id``.
    radius_deg
        From the centre of a ``box`` to its farthest corner; None otherwise.
    note
        One sentence for the reader where the text needs one, or empty.
    """

    kind: Literal["id", "position", "box"]
    text: str
    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_deg: float | None = None
    note: str = ""


def parse_target(text: str) -> Target:
    """Read one search box: a position, an IAU name or an object id.

    Understood as positions: ``150.1 2.2``, ``150.1,+2.2``, ``ra=150.1 dec=2.2``, ``10h00m24s +02d12m00s``,
    ``10:00:24 -00:30:00`` (sexagesimal first = hours unless marked ``d``), ``l=236.8 b=42.1`` (Galactic),
    ``hpx29:123``. As boxes: ``SDSS J100024.12+021200.3`` and shorter. All else is an id.

    Raises
    ------
    BadTarget
        If the text is empty, too long, holds control characters, or names a place off the sphere.
    """
    text = re.sub(r"\s+", " ", text).strip()
    if not text or len(text) > _MAX_TEXT or not text.isprintable():
        raise BadTarget(f"A target is 1 to {_MAX_TEXT} printable characters: a position, a name or an id.")
    plain = text.replace("\N{MINUS SIGN}", "-")
    if match := re.fullmatch(r"hpx29:(\d{1,20})", plain):
        return _cell(text, int(match[1]))
    if match := _NAMED.fullmatch(plain):
        return _named(text, match)
    if match := _PAIR.fullmatch(plain):
        return _position(text, float(match[1]), float(match[2]))
    if match := _SEXAGESIMAL.fullmatch(plain):
        return _sexagesimal(text, match)
    if box := parse_iau_name(plain):
        ra, dec = (box.ra_min_deg + box.ra_max_deg) / 2, (box.dec_min_deg + box.dec_max_deg) / 2
        corners = separation_deg(ra, dec, box.ra_max_deg, [box.dec_min_deg, box.dec_max_deg])
        return Target(
            "box",
            text,
            ra % 360,
            dec,
            float(corners.max()),
            "IAU names are cut off: the box it covers is searched.",
        )
    decoded = decode_sdss_objid(plain)
    if decoded is not None and decoded.is_before_dr8:
        return Target(
            "id", text, note="This is an SDSS objID of DR7 or earlier; DR8 renumbered every object."
        )
    return Target("id", text)


def _position(text: str, ra_deg: float, dec_deg: float) -> Target:
    check_position(ra_deg, dec_deg)
    return Target("position", text, ra_deg % 360, dec_deg)


def _named(text: str, match: re.Match[str]) -> Target:
    first, second = match[1].lower(), match[3].lower()
    if (first, second) == ("ra", "dec"):
        return _position(text, float(match[2]), float(match[4]))
    if (first, second) == ("l", "b"):
        galactic = _position(text, float(match[2]) % 360, float(match[4]))
        icrs = SkyCoord(l=galactic.ra_deg, b=galactic.dec_deg, unit="deg", frame="galactic").icrs
        return Target("position", text, float(icrs.ra.deg), float(icrs.dec.deg))
    raise BadTarget(f"{match[1]} does not go with {match[3]}: write ra= dec= or l= b=.")


def _sexagesimal(text: str, match: re.Match[str]) -> Target:
    degrees, unit, minutes, seconds, sign, dec, dec_minutes, dec_seconds = match.groups()
    parts = [float(part or 0) for part in (minutes, seconds, dec_minutes, dec_seconds)]
    if unit == " " and not sign and (seconds is None or dec_seconds is None):
        raise BadTarget("Write the sign of Dec, or all six numbers: it is unclear where RA ends.")
    if max(parts) >= 60:
        raise BadTarget("Minutes and seconds are below 60.")
    ra = float(degrees) + parts[0] / 60 + parts[1] / 3600
    if unit not in "d°":
        if ra >= 24:
            raise BadTarget(f"RA is below 24 hours, not {degrees}; degrees are written {degrees}d{minutes}m.")
        ra *= 15
    # The sign belongs to the whole value: -00:30:00 is -0.5 degrees.
    value = float(dec) + parts[2] / 60 + parts[3] / 3600
    return _position(text, ra, -value if sign == "-" else value)


def _cell(text: str, cell: int) -> Target:
    if cell > LAST_CELL:
        raise BadTarget(f"hpx29 is 0 to {LAST_CELL}, not {cell}.")
    longitude, latitude = nested.healpix_to_lonlat(np.array([cell], dtype=np.uint64), HPX_ORDER)
    return Target("position", text, float(longitude.deg[0]), float(latitude.deg[0]))
