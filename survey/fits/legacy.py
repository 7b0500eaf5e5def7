"""Cutouts of the Legacy Surveys' server, whose values do not follow the size of their pixels."""

from __future__ import annotations

import re

from survey.fits.astrometry import astrometry_of
from survey.fits.container import FITSImage

__all__ = ["BRICK_ARCSEC", "is_of_legacy", "resampling_factor"]

BRICK_ARCSEC = 0.262
_SURVEYS = re.compile(r"decals|legacy|mzls|bass", re.IGNORECASE)
# Bricks, whole or cut (``subimage``), say which they are; the server's ``cutout.fits`` is made of several.
_BRICK_KEYS = ("BRICK", "BRICKNAM", "BRICKNAME", "BRICKID")
# Scales in headers are rounded; 0.1 % is 0.002 mag.
_SAME_SCALE = 0.001


def is_of_legacy(image: FITSImage) -> bool:
    """Whether the keyword SURVEY names the Legacy Surveys or one of their parts, and the file is not Skylike's own."""
    # survey.fits.writer names the survey too, and says the unit where it is known.
    return image.value("BANDID0") is None and bool(_SURVEYS.search(image.text("SURVEY")))


def resampling_factor(image: FITSImage, pixel_scale_arcsec: float | None) -> float:
    """Return by how much the values of a resampled cutout are to be multiplied, 1 for every other image.

    The server interpolates to any pixel scale and leaves the values alone: they stay fluxes per pixel of the bricks,
    0.262 arcsec. (DECaLS' cutout of 587727942422233221 at 0.13 arcsec has SDSS' g and r to 0.02 mag if read so, and
    is 1.5 mag too bright if not.)

    Parameters
    ----------
    pixel_scale_arcsec
        As the sender says; counts only where the header has no scale, since it does not change what the server did.
    """
    if not is_of_legacy(image) or any(image.value(key) is not None for key in _BRICK_KEYS):
        return 1.0
    if image.value("BANDS", *(f"BAND{n}" for n in range(4))) is None:
        return 1.0
    scale = astrometry_of(image).pixel_scale_arcsec or pixel_scale_arcsec
    ratio = 1.0 if scale is None else scale / BRICK_ARCSEC
    return 1.0 if abs(ratio - 1) < _SAME_SCALE else ratio**2
