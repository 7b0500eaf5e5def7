"""What a unit of flux, as headers spell it, is worth in nanomaggies."""

from __future__ import annotations

import re
import warnings

import numpy as np
from astropy import units

__all__ = ["is_ambiguous", "nanomaggies_per"]

# AB magnitude 22.5 is one nanomaggy; one maggy is 3631 Jy.
_JANSKY = 1e9 / 3631.0
_UNITS = {
    "nanomaggy": 1.0, "nanomaggies": 1.0, "nmgy": 1.0, "nmaggy": 1.0, "nmgys": 1.0, "nmgies": 1.0, "nanomgy": 1.0,
    "maggy": 1e9, "maggies": 1e9, "mgy": 1e9, "micromaggy": 1e3, "micromaggies": 1e3, "umgy": 1e3,
    "jy": _JANSKY, "mjy": 1e-3 * _JANSKY, "ujy": 1e-6 * _JANSKY, "microjy": 1e-6 * _JANSKY, "njy": 1e-9 * _JANSKY,
}  # fmt: skip
_MAGGIES = frozenset(word for word in _UNITS if not word.endswith("jy"))
# In capitals, as old writers left it, milli and mega cannot be told apart.
_AMBIGUOUS = re.compile(r"MJY(?![a-z])")
_PER_PIXEL = re.compile(r"(/|per)pix(el)?s?$|\.?pix(el)?(\*\*|\^)?-1$", re.IGNORECASE)
# 1e-9, 10^-9, 10**(-9), 10-9 before the unit itself.
_SCALE = re.compile(
    r"(?:10(?:\*\*|\^)?\(?([+-]\d{1,2})\)?|(\d{1,4}(?:\.\d{0,9})?(?:[eE][+-]?\d{1,2})?))\s*\*?\s*(?=[A-Za-zµμ(])"
)
# What is handed to astropy, whose parser calculates powers: short, of small numbers, no power of a power.
_HARMLESS = re.compile(
    r"(?!.*\d{4})(?!.*\)\s*(\*\*|\^))(?!.*(\*\*|\^)\s*\(?[+-]?\d+\)?\s*(\*\*|\^))[A-Za-z0-9 .*^/()+-]{1,40}"
)
_WORDS = ((r"(?i)\s+per\s+", "/"), (r"(?i)\bergs?\b", "erg"), (r"(?i)\bsec\b", "s"), (r"(?i)\bang(stroms?)?\b", "Angstrom"), (r"(?<=[/ .])A\b", "Angstrom"))  # fmt: skip


def is_ambiguous(unit: str) -> bool:
    """Whether a unit may mean milli- or megajansky."""
    return bool(_AMBIGUOUS.match(unit.strip()))


def nanomaggies_per(
    unit: str, *, pixel_area_sr: float | None = None, pivot_angstrom: float | None = None
) -> float | None:
    """Return the nanomaggies in one unit of flux per pixel; None for what is no flux, or not known well enough.

    Understood are maggies, janskys and flux densities per frequency that astropy can read, with a power of ten
    before them (``10^-9 maggies``), and per steradian or square arcsecond (``MJy/sr``). Per beam is refused: what
    a beam is worth in pixels is not in the unit.

    Parameters
    ----------
    unit
        ``nanomaggy``, ``nJy/pixel``, ``1e-29 erg/s/cm2/Hz`` ...; case counts only for prefixes.
    pixel_area_sr
        Solid angle of a pixel, for surface brightness.
    pivot_angstrom
        Pivot wavelength, for flux densities per wavelength.
    """
    text = unit.strip().strip("'\"").strip()
    if is_ambiguous(text) or len(text) > 60:
        return None
    scale = 1.0
    if text.startswith("(") and text.endswith(")") and text.count("(") == 1:
        text = text[1:-1].strip()
    prefix = _SCALE.match(text)
    if prefix:
        scale = 10.0 ** int(prefix[1]) if prefix[1] else float(prefix[2])
        text = text[prefix.end() :].strip()
    if not scale > 0:
        return None
    bare = _PER_PIXEL.sub("", re.sub(r"[\s_]+", "", text))
    plain = bare.lower().replace("µ", "u").replace("μ", "u")
    # Megajanskys in one pixel are a slip of the pen.
    if bare == "MJy":
        return None
    if plain in _UNITS:
        return scale * _UNITS[plain]
    # Astropy knows neither nanomaggies nor what a maggy is in janskys.
    word = re.match(r"[A-Za-z]+", text)
    if word and word[0].lower() in _MAGGIES:
        text, scale = f"Jy{text[word.end() :]}", scale * _UNITS[word[0].lower()] / _JANSKY
    factor = _by_astropy(text, pixel_area_sr, pivot_angstrom)
    return None if factor is None else scale * factor


def _by_astropy(text: str, pixel_area_sr: float | None, pivot_angstrom: float | None) -> float | None:
    for pattern, word in _WORDS:
        text = re.sub(pattern, word, text)
    if not _HARMLESS.fullmatch(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = units.Unit(text)
            for per_pixel in (found, found * units.pix):
                value = _in_jansky(per_pixel, pixel_area_sr, pivot_angstrom)
                if value is not None:
                    return value * _JANSKY
    except (ValueError, TypeError, OverflowError, ZeroDivisionError):  # astropy: this is no unit
        return None
    return None


def _in_jansky(
    unit: units.UnitBase, pixel_area_sr: float | None, pivot_angstrom: float | None
) -> float | None:
    equivalencies = [] if pivot_angstrom is None else units.spectral_density(pivot_angstrom * units.Angstrom)
    for quantity in (1 * unit, None if pixel_area_sr is None else pixel_area_sr * units.sr * unit):
        if quantity is None:
            continue
        try:
            value = float(quantity.to_value(units.Jy, equivalencies))
        except units.UnitConversionError:
            continue
        if np.isfinite(value) and value > 0:
            return value
    return None
