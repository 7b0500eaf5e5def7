"""The pixel of the galaxy that is meant, and the window around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.fits.astrometry import Astrometry
from survey.fits.container import FITSImage
from survey.ingest import CutoutRejected, IngestReport, Overrides

__all__ = [
    "MAX_SIDE_PX",
    "Target",
    "Window",
    "crop",
    "find_target",
    "is_inside",
    "offset_in",
    "window_around",
]

# A cutout keeps its parent's reference (CRVAL), which may lie on another galaxy: it counts as the target only where
# it is in the middle to within what cutout servers and catalogues round.
_REFERENCE_ARCSEC, _REFERENCE_PX = 2.0, 3.0
# A header's target so far from the middle is followed, but said: headers are copied from frames to cutouts.
_FAR_ARCSEC = 10.0
# 1024 px are 34 arcsec at HST's 0.033 arcsec/px, the finest scale around: more than any field asks for.
MAX_SIDE_PX = 1024
_TARGET_KEYS = (
    ("RA_TARG", "DEC_TARG"),
    ("RA_OBJ", "DEC_OBJ"),
    ("OBJRA", "OBJDEC"),
    ("RA_TARGET", "DEC_TARGET"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the galaxy is: pixel counted from 0, and ICRS position if there is one."""

    x: float
    y: float
    ra_deg: float | None
    dec_deg: float | None


@dataclass(frozen=True, slots=True)
class Window:
    """Rows y0 .. y0 + height and columns x0 .. x0 + width of an image; may reach beyond it."""

    y0: int
    x0: int
    height: int
    width: int


def find_target(image: FITSImage, sky: Astrometry, *, overrides: Overrides, report: IngestReport) -> Target:
    """Find the galaxy: the sender's position, the header's target, the WCS reference, else the middle.

    Header positions count only where they fall on the image, the reference only within 2 arcsec or 3 px, whichever
    is larger, of its middle.

    Raises
    ------
    CutoutRejected
        ``fits.outside`` if the sender's position is off the image.
    """
    height, width = image.data.shape[-2:]
    middle = ((width - 1) / 2, (height - 1) / 2)
    if overrides.ra_deg is not None and overrides.dec_deg is not None:
        return _as_told(overrides.ra_deg, overrides.dec_deg, sky, (height, width), report)
    candidates = [(image.number(a), image.number(b), f"{a}, {b}") for a, b in _TARGET_KEYS]
    for ra, dec, source in candidates:
        if ra is None or dec is None or not -90 <= dec <= 90:
            continue
        pixel = sky.pixel_of(ra, dec)
        if pixel is not None and is_inside(pixel, (height, width)):
            offset = float(np.hypot(pixel[0] - middle[0], pixel[1] - middle[1]))
            is_far = offset * (sky.pixel_scale_arcsec or 0.0) > _FAR_ARCSEC
            report.say(
                "target",
                f"Target from the header ({source}), {offset:.1f} px from the middle"
                f"{'; send `ra=` and `dec=` if another galaxy is meant' * is_far}.",
                "target_assumed" if is_far else None,
            )
            # Some count right ascension from -180.
            return Target(*pixel, ra % 360, dec)
    aside = ""
    reference = sky.reference()
    pixel = None if reference is None else sky.pixel_of(*reference)
    if reference is not None and pixel is not None and is_inside(pixel, (height, width)):
        offset = float(np.hypot(pixel[0] - middle[0], pixel[1] - middle[1]))
        scale = sky.pixel_scale_arcsec or 1.0
        if offset <= max(_REFERENCE_PX, _REFERENCE_ARCSEC / scale):
            report.say("target", f"Target from the header (CRVAL), {offset:.1f} px from the middle.")
            return Target(*pixel, *reference)
        aside = (
            f" The reference of the WCS (CRVAL) lies {offset * scale:.0f} arcsec from there and need be no galaxy: "
            "send `ra=` and `dec=` if that one is meant."
        )
    if sky.wcs is None:
        # A position without a WCS can only be that of the object in the middle, if it is the object's.
        for ra, dec, source in candidates[1:3]:
            if ra is not None and dec is not None and 0 <= ra < 360 and -90 <= dec <= 90:
                report.say(
                    "target",
                    f"Position from the header ({source}), no WCS: the galaxy in the middle is meant.",
                )
                return Target(*middle, ra, dec)
    position = sky.position_of(*middle)
    report.say(
        "target",
        f"No position on the image given: the galaxy in the middle is meant.{aside}",
        "target_assumed",
    )
    return Target(*middle, *(position or (None, None)))


def _as_told(ra: float, dec: float, sky: Astrometry, shape: tuple[int, int], report: IngestReport) -> Target:
    height, width = shape
    middle = ((width - 1) / 2, (height - 1) / 2)
    if sky.wcs is None:
        report.say(
            "target",
            "Your position is kept, but without a WCS the galaxy in the middle is meant.",
            "target_assumed",
        )
        return Target(*middle, ra, dec)
    pixel = sky.pixel_of(ra, dec)
    if pixel is None:
        raise CutoutRejected(
            "fits.outside",
            "Your position lies on another part of the sky than the image. Check `ra=` and `dec=`.",
        )
    if not is_inside(pixel, shape):
        outside = np.hypot(
            max(-pixel[0], pixel[0] - (width - 1), 0.0), max(-pixel[1], pixel[1] - (height - 1), 0.0)
        )
        distance = float(outside * (sky.pixel_scale_arcsec or 1.0))
        far = f"{distance:.0f} arcsec" if distance < 3600 else f"{distance / 3600:.1f} degrees"
        raise CutoutRejected(
            "fits.outside",
            f"Position ({ra:.5f}, {dec:.5f}) is {far} outside the image. Send a cutout around it.",
        )
    offset = np.hypot(pixel[0] - middle[0], pixel[1] - middle[1])
    report.say("target", f"Target at your position, {offset:.1f} px from the middle of the image.")
    return Target(*pixel, ra, dec)


def is_inside(pixel: tuple[float, float], shape: tuple[int, int]) -> bool:
    """Whether a pixel, (x, y) counted from 0, lies on an image of (H, W)."""
    return -0.5 <= pixel[0] <= shape[1] - 0.5 and -0.5 <= pixel[1] <= shape[0] - 0.5


def window_around(
    shapes: Sequence[tuple[int, int]], targets: Sequence[tuple[float, float]], report: IngestReport
) -> list[Window]:
    """Return one window per band, all of one size, whose middle is within half a pixel of its target.

    The size is the smallest band's, at most ``MAX_SIDE_PX``. Bands are moved by whole pixels against the first one.

    Parameters
    ----------
    shapes
        (H, W) of each band.
    targets
        (x, y) of the galaxy in each, which differ by whole pixels but for a small rest.
    """
    height = min(MAX_SIDE_PX, *(shape[0] for shape in shapes))
    width = min(MAX_SIDE_PX, *(shape[1] for shape in shapes))
    x, y = targets[0]
    y0, x0 = _start(y, height), _start(x, width)
    windows = [Window(y0 + round(b - y), x0 + round(a - x), height, width) for a, b in targets]
    cut = [(w.y0, w.x0, height, width) != (0, 0, *shape) for w, shape in zip(windows, shapes, strict=True)]
    if any(cut):
        moved = len({(w.y0, w.x0) for w in windows}) > 1
        aligned = ", bands aligned to the nearest pixel" if moved else ""
        report.say("grid", f"Cut to {width}x{height} px around the target{aligned}.")
    else:
        report.say("grid", f"{width}x{height} px, target in the middle.")
    return windows


def offset_in(windows: Sequence[Window], targets: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return (y, x) of the target from the middle of its windows, mean of the bands; at most 1 each."""
    offsets = [
        (y - w.y0 - (w.height - 1) / 2, x - w.x0 - (w.width - 1) / 2)
        for w, (x, y) in zip(windows, targets, strict=True)
    ]
    down, right = np.clip(np.mean(offsets, axis=0), -1, 1)
    return float(down), float(right)


def _start(centre: float, size: int) -> int:
    # The tiny offset keeps a target exactly between two choices on the lower one.
    return int(np.floor(centre - (size - 1) / 2 + 0.5 - 1e-6))


def crop(plane: NDArray[Any], window: Window, fill: Any) -> NDArray[Any]:
    """Cut a window from a plane (H, W); what lies beyond the plane is ``fill``."""
    height, width = plane.shape
    y1, x1 = window.y0 + window.height, window.x0 + window.width
    if window.y0 >= 0 and y1 <= height and window.x0 >= 0 and x1 <= width:
        return plane[window.y0 : y1, window.x0 : x1]
    out = np.full((window.height, window.width), fill, dtype=plane.dtype)
    low_y, low_x, high_y, high_x = max(window.y0, 0), max(window.x0, 0), min(y1, height), min(x1, width)
    if low_y < high_y and low_x < high_x:
        out[low_y - window.y0 : high_y - window.y0, low_x - window.x0 : high_x - window.x0] = plane[
            low_y:high_y, low_x:high_x
        ]
    return out
