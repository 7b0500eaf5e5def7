"""Calibrations that headers state beside the unit: zero points, sensitivities, and what a survey is known to publish."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from survey.fits.container import FITSImage
from survey.fits.flux_units import nanomaggies_per
from survey.fits.legacy import is_of_legacy

__all__ = ["Found", "factor_of_zeropoint", "from_sensitivity", "from_survey", "quoted", "stated_zeropoint"]

_ZEROPOINTS = (
    "MAGZERO", "MAGZPT", "MAGZP", "MAGZEROP", "PHOTZP", "ZPAB", "ZEROPNT", "ZEROPOINT", "MAG_ZERO", "ABMAGZP", "ABZP",
    "MAG0", "ZP",
)  # fmt: skip
# The archives of these instruments give Vega zero points.
_VEGA = re.compile(r"2mass|wise|ukidss|wfcam|vista|vircam", re.IGNORECASE)
_COUNTS = re.compile(r"(e-?|electrons?|counts?|cts?|adus?|dns?|photons?)(?![A-Za-z])", re.IGNORECASE)
_PER_SECOND = re.compile(r"(/|per)\s*s(ec(ond)?s?)?$|[. ]?s(\*\*|\^)?-1$", re.IGNORECASE)
# KiDS co-adds have the zero point 0: a sky of some 1e-12. Elsewhere 0 means that none was measured.
_KIDS, _KIDS_MAX_PIXEL = re.compile(r"kids|omegacam|\bvst\b", re.IGNORECASE), 1e-6


@dataclass(frozen=True, slots=True)
class Found:
    """Nanomaggies per count with where they come from; without a factor, why what is there is not used."""

    factor: float | None
    source: str


def factor_of_zeropoint(magnitude: float) -> float:
    """Return the nanomaggies in one count whose AB magnitude this is."""
    return float(10 ** (0.4 * (22.5 - magnitude)))


def stated_zeropoint(image: FITSImage) -> Found:
    """Read FLUXMAG0, the zero point of Pan-STARRS, or a zero-point magnitude."""
    fluxmag0 = image.number("FLUXMAG0")
    if fluxmag0 is not None and fluxmag0 > 0:
        return Found(1e9 / fluxmag0, "FLUXMAG0 (counts of a 0 mag source)")
    exposure = image.number("EXPTIME")
    skycell = image.value("FPA.ZP", "HIERARCH FPA.ZP") is not None or image.number("BSOFTEN") is not None
    if skycell and exposure is not None and exposure > 0:
        # Pan-STARRS stacks: 25 + 2.5 log10(exposure).
        factor = factor_of_zeropoint(25 + 2.5 * np.log10(exposure))
        return Found(factor, "Pan-STARRS zero point 25 + 2.5 log10(EXPTIME)")
    # ESO's phase 3 states the system of PHOTZP in PHOTSYS.
    system = image.text("PHOTSYS").upper()
    names = " ".join(image.text(key) for key in ("ORIGIN", "TELESCOP", "INSTRUME", "SURVEY"))
    is_vega = system.startswith("VEGA") or (not system.startswith("AB") and bool(_VEGA.search(names)))
    unused = ""
    for key in _ZEROPOINTS:
        magnitude = image.number(key)
        if magnitude == 0 and _KIDS.search(names) and _is_tiny(image):
            return Found(factor_of_zeropoint(0.0), f"{key} = 0 (AB), as KiDS co-adds have it")
        # Zero is what pipelines write before they have measured one.
        if magnitude is None or not 5 < magnitude < 60:
            continue
        if not is_vega:
            return Found(factor_of_zeropoint(magnitude), f"{key} = {magnitude:g} (AB)")
        unused = unused or f"{key} = {magnitude:g} is a Vega zero point and not used"
    return Found(None, unused)


def _is_tiny(image: FITSImage) -> bool:
    finite = image.data[np.isfinite(image.data)]
    return bool(finite.size and np.median(np.abs(finite)) < _KIDS_MAX_PIXEL)


def from_sensitivity(image: FITSImage, unit: str, pixel_area_sr: float | None) -> Found:
    """Read the sensitivities of HST and JWST, which hold for counts per second."""
    if unit and not _COUNTS.match(unit):
        return Found(None, "")
    sensitivity = _sensitivity(image, pixel_area_sr)
    # Without a unit: drizzled images, which are rates.
    if sensitivity.factor is None or not unit or _PER_SECOND.search(unit):
        return sensitivity
    exposure = image.number("EXPTIME")
    if exposure is None or not exposure > 0:
        return Found(None, f"BUNIT '{quoted(unit)}' is not per second, and there is no EXPTIME")
    return Found(sensitivity.factor / exposure, f"{sensitivity.source}, EXPTIME {exposure:g} s")


def _sensitivity(image: FITSImage, pixel_area_sr: float | None) -> Found:
    jansky = nanomaggies_per("Jy") or 0.0
    flam, pivot = image.number("PHOTFLAM"), image.number("PHOTPLAM")
    if flam and pivot and flam > 0 and pivot > 0:
        # ACS Data Handbook, section 5.1: ABMAG zero point from the inverse sensitivity, for electrons per second.
        magnitude = -2.5 * np.log10(flam) - 5 * np.log10(pivot) - 2.408
        source = f"PHOTFLAM and PHOTPLAM (AB zero point {magnitude:.3f} per second)"
        return Found(factor_of_zeropoint(magnitude), source)
    # NICMOS Data Handbook, section 5.3: janskys per count and second.
    fnu = image.number("PHOTFNU")
    if fnu is not None and fnu > 0:
        return Found(fnu * jansky, f"PHOTFNU ({fnu:.4g} Jy per count and second)")
    # JWST's level 2a is in DN/s; this keyword takes it to megajanskys per steradian.
    surface = image.number("PHOTMJSR")
    if surface is not None and surface > 0 and pixel_area_sr is not None:
        return Found(
            surface * 1e6 * pixel_area_sr * jansky, f"PHOTMJSR ({surface:.4g} MJy/sr per count and second)"
        )
    return Found(None, "")


def from_survey(image: FITSImage, unit: str) -> Found:
    """Recognise the surveys that publish nanomaggies without saying so."""
    if unit:
        return Found(None, "")
    if is_of_legacy(image):
        return Found(1.0, f"SURVEY '{quoted(image.text('SURVEY'))}' without BUNIT is in nanomaggies")
    if image.number("NMGY") is not None:
        return Found(1.0, "An SDSS stamp (NMGY in its header, no BUNIT) is in nanomaggies already")
    if image.text("TELESCOP") == "2.5m" and image.text("DERV_VER", "ASTRO_ID"):
        return Found(1.0, "An SDSS frame (DR8 or later) is in nanomaggies already")
    return Found(None, "")


def quoted(text: str) -> str:
    """Quote a header's words: at most 24 printable ASCII characters."""
    return "".join(c for c in text if " " <= c <= "~" and c not in "'\"`<>")[:24]
