"""Which of several images of one band is meant."""

from __future__ import annotations

from collections.abc import Sequence

from survey.fits.astrometry import astrometry_of
from survey.fits.container import FITSImage
from survey.ingest import CutoutRejected, Overrides

__all__ = ["best_exposure"]

_TARGET_KEYS = (
    ("RA_TARG", "DEC_TARG"),
    ("RA_OBJ", "DEC_OBJ"),
    ("OBJRA", "OBJDEC"),
    ("RA_TARGET", "DEC_TARGET"),
)


def best_exposure(images: Sequence[FITSImage], overrides: Overrides) -> tuple[int, str]:
    """Choose among images of one band in one file, such as the two chips of HST's cameras.

    Returns
    -------
    tuple
        Its number, and a few words: the one that holds the sender's position, else the header's target; else the
        largest (the Legacy Surveys' viewer cuts one image from every brick that it touches), else the first.
    """
    ra, dec, whose = _target(images[0], overrides)
    if ra is not None and dec is not None:
        holding = [n for n, image in enumerate(images) if _holds(image, ra, dec)]
        if 0 < len(holding) < len(images):
            return holding[0], f"HDU {images[holding[0]].index} is taken, which holds {whose}"
    sizes = [image.data.size for image in images]
    if max(sizes) > min(sizes):
        largest = sizes.index(max(sizes))
        return largest, f"HDU {images[largest].index} is taken, the largest"
    return 0, "the first is taken"


def _target(image: FITSImage, overrides: Overrides) -> tuple[float | None, float | None, str]:
    if overrides.ra_deg is not None:
        return overrides.ra_deg, overrides.dec_deg, "your position"
    for ra, dec in _TARGET_KEYS:
        if image.number(ra) is not None and image.number(dec) is not None:
            return image.number(ra), image.number(dec), f"the target ({ra}, {dec})"
    return None, None, ""


def _holds(image: FITSImage, ra: float, dec: float) -> bool:
    try:
        pixel = astrometry_of(image).pixel_of(ra, dec)
    except CutoutRejected:
        return False
    height, width = image.data.shape[-2:]
    return pixel is not None and -0.5 <= pixel[0] <= width - 0.5 and -0.5 <= pixel[1] <= height - 0.5
