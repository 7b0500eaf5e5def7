"""Noise and mask planes in their many spellings, as inverse variance and one mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from survey.fits.container import FITSImage
from survey.fits.roles import Role
from survey.ingest import IngestReport

__all__ = ["bad_bits", "inverse_variance", "unusable"]

# Bits of the LSST and HSC pipelines that make a pixel useless; DETECTED and the like do not.
_BAD_PLANES = ("BAD", "SAT", "CR", "EDGE", "NO_DATA", "SENSOR_EDGE", "UNMASKEDNAN", "SUSPECT")
# Legacy Surveys MASKBITS: saturated and always masked, by band (legacysurvey.org/dr10/bitmasks). Other bands' bits, and
# WISE's, say nothing about a band.
_MASKBITS = {"g": (2, 5), "r": (3, 6), "z": (4, 7), "i": (14, 15)}


def inverse_variance(role: Role, values: NDArray[np.generic], factor: float) -> NDArray[np.float32] | None:
    """Return inverse variance in nanomaggy^-2, 0 where the pixel is useless; None if the role tells none.

    Parameters
    ----------
    values
        As in the file, shape (H, W): inverse variance, variance or sigma, of counts.
    factor
        Nanomaggies per count.
    """
    if role not in ("ivar", "variance", "sigma"):
        return None
    plane = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ivar = {"ivar": lambda: plane, "variance": lambda: 1 / plane, "sigma": lambda: 1 / plane**2}[role]()
        ivar = ivar / factor**2
        good = np.isfinite(ivar) & (plane > 0) & (ivar < np.finfo(np.float32).max)
    return np.where(good, ivar, 0).astype(np.float32)


def unusable(
    role: Role, companion: FITSImage, values: NDArray[np.generic], report: IngestReport, band: str = ""
) -> NDArray[np.bool_] | None:
    """Return True where a mask or weight plane says that a pixel is useless in a band; None for other roles."""
    if role == "weight":
        report.say("masks", "The weight map has units of its own: only its zeros are used, as a mask.")
        return np.asarray(~(np.asarray(values, dtype=np.float64) > 0))
    if role != "mask":
        return None
    if values.dtype.kind not in "iu":
        return np.asarray(~np.isfinite(values.astype(np.float64)) | (values.astype(np.float64) != 0))
    bits, source = bad_bits(companion, band)
    report.say("masks", f"Mask: {source}.")
    return np.asarray((values.astype(np.int64) & bits) != 0)


def bad_bits(companion: FITSImage, band: str = "") -> tuple[int, str]:
    """Return the bits that mean "useless" in a mask plane, for a band where they differ, and how that was decided."""
    planes = {key[3:]: companion.header[key] for key in companion.header if key.startswith("MP_")}
    if planes:
        bits = [
            planes[name]
            for name in _BAD_PLANES
            if isinstance(planes.get(name), int) and 0 <= planes[name] < 62
        ]
        names = [name for name in _BAD_PLANES if name in planes]
        return sum(1 << bit for bit in set(bits)), f"bits {', '.join(names)}"
    if "MASKBITS" in f"{companion.header.get('EXTNAME', '')} {companion.header.get('IMAGETYP', '')}".upper():
        own = _MASKBITS.get(band) or [bit for pair in _MASKBITS.values() for bit in pair]
        return sum(1 << bit for bit in own), "Legacy Surveys bits for saturated and always masked pixels"
    return -1, "every value but 0 is bad"
