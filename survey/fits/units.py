"""From the counts of a file to nanomaggies."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.fits.container import FITSImage
from survey.fits.flux_units import is_ambiguous, nanomaggies_per
from survey.fits.legacy import BRICK_ARCSEC, resampling_factor
from survey.fits.zeropoints import (
    Found,
    factor_of_zeropoint,
    from_sensitivity,
    from_survey,
    quoted,
    stated_zeropoint,
)
from survey.ingest import CutoutRejected, IngestReport

__all__ = ["Calibration", "calibration_of", "linearise"]

# A calibration that agrees to 0.02 mag is the same one, rounded.
_CONFLICT_MAG = 0.02
_MAGNITUDES = re.compile(
    r"(m|(ab|st|vega)[ _-]?)?mag(nitude)?s?(?![a-z])|(mag|m)[_ ]?(ab|vega|st)\b", re.IGNORECASE
)
_PER_AREA = re.compile(r"sr|arcsec", re.IGNORECASE)


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
    that have both were calibrated already, and where they disagree the flag ``units_conflict`` says so. Counts
    and electrons take FLUXMAG0, a zero-point magnitude, or the sensitivities of HST and JWST. A cutout that the Legacy
    Surveys' server resampled takes the factor of its pixels beside any of them (:mod:`survey.fits.legacy`).

    Parameters
    ----------
    zeropoint
        AB magnitude of one count, as the sender says.
    pixel_scale_arcsec
        Needed for surface brightness (MJy/sr).

    Raises
    ------
    CutoutRejected
        ``fits.magnitudes`` if the pixels are logarithms of a flux: those of the sky are lost or noise.
    """
    unit = image.text("BUNIT", "BUNITS").strip("'\"").strip()
    if _MAGNITUDES.match(unit):
        raise CutoutRejected(
            "fits.magnitudes",
            f"The pixels are magnitudes (BUNIT '{quoted(unit)}'), which neither add up nor go below the sky. "
            "Send the image in counts or linear fluxes.",
        )
    found = _calibration(image, report, zeropoint, pixel_scale_arcsec)
    times = resampling_factor(image, pixel_scale_arcsec)
    if times == 1 or not found.is_calibrated or _PER_AREA.search(unit):
        return found
    # The server writes no BUNIT: whoever did may have mended the values too.
    report.say(
        "units",
        f"The Legacy Surveys' cutout server resamples and leaves the values per {BRICK_ARCSEC} arcsec pixel: times "
        f"{times:.5g}{f', though BUNIT says {quoted(unit)}' if unit else ''}.",
        "units_conflict" if unit else None,
    )
    report.factors[-1] *= times
    return Calibration(found.factor * times, is_calibrated=True)


def _calibration(
    image: FITSImage, report: IngestReport, zeropoint: float | None, pixel_scale_arcsec: float | None
) -> Calibration:
    unit = image.text("BUNIT", "BUNITS").strip("'\"")
    area = _pixel_area(image, pixel_scale_arcsec)
    factor = nanomaggies_per(unit, pixel_area_sr=area, pivot_angstrom=image.number("PHOTPLAM"))
    stated = stated_zeropoint(image)
    if zeropoint is not None:
        given = factor_of_zeropoint(zeropoint)
        if factor is not None:
            _compare(report, given, factor, f"your zero point {zeropoint:g}", f"BUNIT '{quoted(unit)}'")
        return _told(report, given, f"Zero point {zeropoint:g} (AB) as you gave it")
    if factor is not None:
        if stated.factor is not None and not _PER_AREA.search(unit):
            _compare(report, factor, stated.factor, f"BUNIT '{quoted(unit)}'", stated.source)
        return _told(report, factor, f"BUNIT '{quoted(unit)}'")
    if is_ambiguous(unit):
        found = Found(None, f"BUNIT '{quoted(unit)}' may mean milli- or megajansky")
    else:
        candidates = (
            stated,
            from_sensitivity(image, unit, area),
            from_survey(image, unit),
        )
        # What is there but cannot be used speaks louder than what a survey usually does.
        found = next((c for c in candidates if c.factor is not None or c.source), Found(None, ""))
        if found.factor is not None:
            return _told(report, found.factor, found.source)
    return _unknown(report, unit, found.source)


def _unknown(report: IngestReport, unit: str, why: str) -> Calibration:
    what = why or (f"BUNIT '{quoted(unit)}' and no zero point" if unit else "No BUNIT and no zero point")
    report.say(
        "units",
        f"{what}. Similarity works; photo-z needs `zeropoint=` (AB magnitude of 1 count).",
        "uncalibrated",
    )
    report.factors.append(1.0)
    return Calibration(1.0, is_calibrated=False)


def _compare(report: IngestReport, used: float, other: float, used_by: str, other_by: str) -> None:
    """Say so where two calibrations of one image differ."""
    apart = 2.5 * abs(float(np.log10(used) - np.log10(other)))
    if apart > _CONFLICT_MAG:
        report.say(
            "units",
            f"{used_by[0].upper()}{used_by[1:]} and {other_by} disagree by {apart:.2f} mag: the former is used.",
            "units_conflict",
        )


def _pixel_area(image: FITSImage, pixel_scale_arcsec: float | None) -> float | None:
    """Return a pixel's solid angle: JWST's own where it fits the pixel scale to 10 %, else the scale squared."""
    told = image.number("PIXAR_SR")
    if pixel_scale_arcsec is None:
        return told if told is not None and told > 0 else None
    area = float(np.deg2rad(pixel_scale_arcsec / 3600) ** 2)
    return told if told is not None and abs(told / area - 1) < 0.1 else area


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
