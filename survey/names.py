"""Designations that encode a place: IAU names, SDSS object ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import floor

__all__ = ["SDSSObjID", "SkyBox", "decode_sdss_objid", "iau_name", "parse_iau_name"]

# Optional acronym, J, HHMM or HHMMSS, sign, DDMM or DDMMSS, each with decimals.
_IAU = re.compile(
    r"(?:[A-Za-z0-9][\w\-\[\]/+]*\s+|[A-Za-z]+)?J(\d{4}|\d{6})(\.\d*)?([+-])(\d{4}|\d{6})(\.\d*)?"
)


@dataclass(frozen=True, slots=True)
class SkyBox:
    """A box on the sky; ``ra_max_deg`` may exceed 360 where the box crosses RA 0."""

    ra_min_deg: float
    ra_max_deg: float
    dec_min_deg: float
    dec_max_deg: float


@dataclass(frozen=True, slots=True)
class SDSSObjID:
    """The parts of a 64-bit SDSS photometric object id.

    Attributes
    ----------
    sky_version
        2 from DR8 on; 0 or 1 before, when the same sky had other ids.
    """

    sky_version: int
    rerun: int
    run: int
    camcol: int
    field: int
    object: int

    @property
    def is_before_dr8(self) -> bool:
        """Whether the id comes from DR7 or earlier: DR8 renumbered every object."""
        return self.sky_version < 2


def iau_name(ra_deg: float, dec_deg: float, prefix: str = "SDSS") -> str:
    """Return the IAU designation ``SDSS JHHMMSS.ss+DDMMSS.s``; digits are cut off, never rounded.

    References
    ----------
    IAU Specifications for Designations of Astronomical Radiation Sources (2018), section 2.3.
    """
    # A millionth of the last digit keeps 0.1 s, which no binary number is, from being cut to 0.09.
    centiseconds = floor(ra_deg % 360 * 24000 + 1e-6) % 8_640_000
    tenths = floor(abs(dec_deg) * 36000 + 1e-6)
    ra = f"{centiseconds // 360_000:02d}{centiseconds // 6000 % 60:02d}{centiseconds % 6000 / 100:05.2f}"
    dec = f"{tenths // 36_000:02d}{tenths // 600 % 60:02d}{tenths % 600 / 10:04.1f}"
    return f"{prefix} J{ra}{'-' if dec_deg < 0 else '+'}{dec}".strip()


def parse_iau_name(text: str) -> SkyBox | None:
    """Return the box that an IAU J-name stands for, or None if the text is no such name.

    Digits were cut off, so a name means [value, value + 1 unit of the last digit] in both coordinates,
    away from the equator in Dec.
    """
    match = _IAU.fullmatch(text)
    if match is None:
        return None
    ra_digits, ra_decimals, sign, dec_digits, dec_decimals = match.groups()
    hours, ra_unit = _sexagesimal(ra_digits, ra_decimals or "")
    degrees, dec_unit = _sexagesimal(dec_digits, dec_decimals or "")
    if hours is None or degrees is None or hours >= 24 or degrees > 90:
        return None
    near, far = degrees, min(90.0, degrees + dec_unit)
    low, high = (near, far) if sign == "+" else (-far, -near)
    return SkyBox(15 * hours, 15 * (hours + ra_unit), low, high)


def _sexagesimal(digits: str, decimals: str) -> tuple[float | None, float]:
    """Return the value in units of the first pair and the size of the last digit in the same unit."""
    parts = [int(digits[i : i + 2]) for i in range(0, len(digits), 2)]
    if any(part >= 60 for part in parts[1:]):
        return None, 0.0
    last = 60.0 ** (1 - len(parts))
    value = sum(part / 60**power for power, part in enumerate(parts))
    places = max(0, len(decimals) - 1)
    return value + (float("0" + decimals) if places else 0.0) * last, last / 10**places


def decode_sdss_objid(object_id: str | int) -> SDSSObjID | None:
    """Return the parts of an SDSS objID, or None if the number cannot be one.

    References
    ----------
    SDSS "Glossary: ObjID"; bits 59-62 sky version, 48-58 rerun, 32-47 run, 29-31 camcol, 28 first field,
    16-27 field, 0-15 object.
    """
    text = str(object_id)
    if not re.fullmatch(r"[0-9]{1,19}", text):
        return None
    bits = int(text)
    decoded = SDSSObjID(
        sky_version=bits >> 59,
        rerun=bits >> 48 & 0x7FF,
        run=bits >> 32 & 0xFFFF,
        camcol=bits >> 29 & 0x7,
        field=bits >> 16 & 0xFFF,
        object=bits & 0xFFFF,
    )
    # Camera columns are 1 to 6 and every photometric run is at least 94; other integers are no objID.
    plausible = (
        decoded.sky_version <= 2 and 1 <= decoded.camcol <= 6 and decoded.run >= 94 and decoded.rerun > 0
    )
    return decoded if plausible else None
