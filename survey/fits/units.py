"""From the counts of a file to nanomaggies."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.fits.container import FITSImage
from survey.ingest import IngestReport

__all__ = ["Calibration", "calibration_of", "linearise", "nanomaggies_per"]

# AB magnitude 22.5 is one nanomaggy; one maggy is 3631 Jy.
_JANSKY = 1e9 / 3631.0
_UNITS = {
    "nanomaggy": 1.0, "nanomaggies": 1.0, "nmgy": 1.0, "nmaggy": 1.0, "nmgys": 1.0, "nmgies": 1.0,
    "maggy": 1e9, "maggies": 1e9, "mgy": 1e9, "micromaggy": 1e3,
    "jy": _JANSKY, "mjy": 1e-3 * _JANSKY, "ujy": 1e-6 * _JANSKY, "microjy": 1e-6 * _JANSKY, "njy": 1e-9 * _JANSKY,
}  # fmt: skip
_ZEROPOINTS = (
    "MAGZERO",
    "MAGZPT",
    "MAGZP",
    "PHOTZP",
    "ZEROPNT",
    "ZEROPOINT",
    "MAG_ZERO",
    "ABMAGZP",
    "ABZP",
    "MAG0",
    "ZP",
)
# The archives of these instruments give Vega zero points.
_VEGA = re.compile(r"2mass|wise|ukidss|wfcam|vista|vircam", re.IGNORECASE)
# In capitals, as old writers left it, milli and mega cannot be told apart.
_AMBIGUOUS = re.compile(r"MJY(?![a-z])")


@dataclass(frozen=True, slots=True)
class Calibration:
    """How counts become nanomaggies.

    Attributes
    ----------
    factor
        Nanomaggies per count; 1 where it is unknown.
    is_calibrated
        Whether the factor is known.
    """

    factor: float
    is_calibrated: bool


def calibration_of(
    image: FITSImage, report: IngestReport, *, zeropoint: float | None, pixel_scale_arcsec: float | None
) -> Calibration:
    """Return the factor to nanomaggies from the sender's zero point, the unit, or the header's zero point.

    A unit that is a flux in itself (nanomaggy, nJy, MJy/sr ...) comes before zero points in the header: files
    that have both were calibrated already. Counts and electrons take FLUXMAG0, a zero-point magnitude, or
    HST's PHOTFLAM and PHOTPLAM.

    Parameters
    ----------
    zeropoint
        AB magnitude of one count, as the sender says.
    pixel_scale_arcsec
        Needed for surface brightness (MJy/sr).
    """
    if zeropoint is not None:
        return _told(report, _from_zeropoint(zeropoint), f"Zero point {zeropoint:g} (AB) as you gave it")
    unit = re.sub(r"[\s_]+", "", image.text("BUNIT", "BUNITS")).strip("'\"")
    factor = _flux_unit(unit, pixel_scale_arcsec)
    if factor is not None:
        return _told(report, factor, f"BUNIT '{_short(unit)}'")
    if _AMBIGUOUS.match(unit):
        what = f"BUNIT '{_short(unit)}' may mean milli- or megajansky"
    else:
        factor, source = _from_header(image, unit.lower())
        if factor is not None:
            return _told(report, factor, source)
        what = source or (
            f"BUNIT '{_short(unit)}' and no zero point" if unit else "No BUNIT and no zero point"
        )
    report.say(
        "units",
        f"{what}. Similarity works; photo-z needs `zeropoint=` (AB magnitude of 1 count).",
        "uncalibrated",
    )
    report.factors.append(1.0)
    return Calibration(1.0, is_calibrated=False)


def nanomaggies_per(unit: str) -> float | None:
    """Return the nanomaggies in one unit of flux (``nanomaggy``, ``uJy`` ...); None for anything else."""
    return _flux_unit(re.sub(r"[\s_]+", "", unit), None)


def linearise(image: FITSImage, report: IngestReport) -> NDArray[np.floating]:
    """Undo the asinh scaling of Pan-STARRS skycells; other images come back as they are.

    References
    ----------
    Waters et al. 2020, ApJS 251, 4, section 4.2: ``flux = BOFFSET + 2 BSOFTEN sinh(v / a)``, ``a = 2.5 log10 e``.
    """
    softening, offset = image.number("BSOFTEN"), image.number("BOFFSET")
    data = image.data.astype(np.float64 if softening is not None else np.float32)
    if softening is None or offset is None:
        return np.asarray(data)
    report.say("units", "BSOFTEN/BOFFSET found: Pan-STARRS asinh skycell. Converted to linear flux.")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(offset + 2 * softening * np.sinh(data / (2.5 * np.log10(np.e))))


def _told(report: IngestReport, factor: float, source: str) -> Calibration:
    report.factors.append(factor)
    report.say("units", f"{source}: 1 count is {factor:.5g} nanomaggy.")
    return Calibration(factor, is_calibrated=True)


def _from_zeropoint(magnitude: float) -> float:
    return float(10 ** (0.4 * (22.5 - magnitude)))


def _flux_unit(unit: str, pixel_scale_arcsec: float | None) -> float | None:
    # In the usual spellings a capital M is mega and a small one milli: MJy/sr, mJy.
    surface = re.fullmatch(r"(M|k|m|u|n)?Jy(/sr|sr-1|sr\^-1|sr\*\*-1)", unit)
    if surface and pixel_scale_arcsec:
        prefix = {"M": 1e6, "k": 1e3, None: 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}[surface.group(1)]
        return float(prefix * _JANSKY * np.deg2rad(pixel_scale_arcsec / 3600) ** 2)
    if unit.startswith(("MJy", "MJY")):
        return None
    plain = unit.lower().replace("µ", "u").replace("μ", "u")
    return _UNITS.get(re.sub(r"(/|per)?pix(el)?$|/pix(el)?\b", "", plain))


def _from_header(image: FITSImage, unit: str) -> tuple[float | None, str]:
    per_exposure = unit in ("electrons", "electron", "e-", "e", "counts", "count")
    exposure = image.number("EXPTIME")
    fluxmag0 = image.number("FLUXMAG0")
    if fluxmag0 is not None and fluxmag0 > 0:
        return 1e9 / fluxmag0, "FLUXMAG0 (counts of a 0 mag source)"
    skycell = image.value("FPA.ZP", "HIERARCH FPA.ZP") is not None or image.number("BSOFTEN") is not None
    if skycell and exposure is not None and exposure > 0:
        # Pan-STARRS stacks: 25 + 2.5 log10(exposure).
        return _from_zeropoint(25 + 2.5 * np.log10(exposure)), "Pan-STARRS zero point 25 + 2.5 log10(EXPTIME)"
    # ESO's phase 3 states the system of PHOTZP in PHOTSYS.
    system = image.text("PHOTSYS").upper()
    names = " ".join(image.text(key) for key in ("ORIGIN", "TELESCOP", "INSTRUME", "SURVEY"))
    is_vega = system.startswith("VEGA") or (not system.startswith("AB") and bool(_VEGA.search(names)))
    unused = ""
    for key in _ZEROPOINTS:
        magnitude = image.number(key)
        # Zero is what pipelines write before they have measured one.
        if magnitude is None or not 5 < magnitude < 60:
            continue
        if not is_vega:
            return _from_zeropoint(magnitude), f"{key} = {magnitude:g} (AB)"
        unused = unused or f"{key} = {magnitude:g} is a Vega zero point and not used"
    flam, pivot = image.number("PHOTFLAM"), image.number("PHOTPLAM")
    if flam and pivot and flam > 0 and pivot > 0:
        # ACS Data Handbook, section 5.1: ABMAG zero point from the inverse sensitivity, for electrons per second.
        magnitude = -2.5 * np.log10(flam) - 5 * np.log10(pivot) - 2.408
        seconds = exposure if per_exposure and exposure and exposure > 0 else 1.0
        return _from_zeropoint(
            magnitude
        ) / seconds, f"PHOTFLAM and PHOTPLAM (AB zero point {magnitude:.3f} per second)"
    if not unit and re.search(r"decals|legacy|mzls|bass", image.text("SURVEY"), re.IGNORECASE):
        return 1.0, f"SURVEY '{_short(image.text('SURVEY'))}' without BUNIT is in nanomaggies"
    if not unit and image.number("NMGY") is not None:
        return 1.0, "An SDSS stamp (NMGY in its header, no BUNIT) is in nanomaggies already"
    if not unit and image.text("TELESCOP") == "2.5m" and image.text("DERV_VER", "ASTRO_ID"):
        return 1.0, "An SDSS frame (DR8 or later) is in nanomaggies already"
    return None, unused


def _short(text: str) -> str:
    """Quote a header's words: at most 24 printable ASCII characters."""
    return "".join(c for c in text if " " <= c <= "~" and c not in "'\"`<>")[:24]
