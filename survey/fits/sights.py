"""Where the bands of one galaxy look: each band's sky, and the galaxy's pixel in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from survey.fits.astrometry import Astrometry, Jacobian, astrometry_of
from survey.fits.layouts import Plane
from survey.fits.target import Target, find_target, is_inside
from survey.ingest import CutoutRejected, IngestReport, Overrides

__all__ = ["Sight", "locate"]

# Scales that a header gives in words, without a WCS, are rounded; bands apart by more are on different pixels.
_SCALE_TOLERANCE = 0.01
# A scale that the sender gives differs from the header's by more than rounding and distortion.
_CONFLICT = 1.1


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """One band's view of the galaxy.

    Attributes
    ----------
    sky
        What its header says; of another band of the same size where it says nothing.
    target
        The galaxy's pixel and position.
    shape
        (H, W) of the image.
    jacobian
        Arcsec towards (east, north), rows, for one pixel along (x, y), columns, at the target; None without a WCS.
        Where the sender gave a pixel scale, only the angles and proportions are the header's.
    pixel_scale_arcsec
        Square root of a pixel's area; of the header's words or the sender's without a WCS; or None.
    """

    sky: Astrometry
    target: Target
    shape: tuple[int, int]
    jacobian: Jacobian | None
    pixel_scale_arcsec: float | None

    @property
    def anisotropy(self) -> float:
        """Longest over shortest side of a pixel, were its axes turned to show it; 1 without a WCS."""
        if self.jacobian is None:
            return 1.0
        long, short = np.linalg.svd(self.jacobian, compute_uv=False)
        return float(long / short)

    @property
    def is_mirrored(self) -> bool:
        """Whether east lies to the right when north is up."""
        return self.jacobian is not None and float(np.linalg.det(self.jacobian)) > 0

    @property
    def north_angle_deg(self) -> float:
        """Angle from the image's +y axis to north, positive towards -x."""
        if self.jacobian is None:
            return 0.0
        return float(np.rad2deg(np.arctan2(-self.jacobian[1, 0], self.jacobian[1, 1])))


def locate(planes: Sequence[Plane], overrides: Overrides, report: IngestReport) -> list[Sight]:
    """Find the galaxy in every band.

    One position is sought, in the first band that has a WCS, and every band is asked for its pixel. A band
    without a WCS takes that of a band of the same size.

    Raises
    ------
    CutoutRejected
        ``fits.grid`` if bands cannot be put together: one has another size and no WCS, or another part of the sky.
        ``fits.outside`` if the sender's position is off the image. ``fits.wcs`` for a WCS that is none.
    """
    shapes = [(int(plane.image.data.shape[-2]), int(plane.image.data.shape[-1])) for plane in planes]
    skies = _skies(planes, shapes)
    lead = next((n for n, sky in enumerate(skies) if sky.wcs is not None), 0)
    target = find_target(planes[lead].image, skies[lead], overrides=overrides, report=report)
    names = [plane.band.name for plane in planes]
    targets = [
        target if sky is skies[lead] or sky.wcs is None else _same_target(target, sky, shape, name)
        for sky, shape, name in zip(skies, shapes, names, strict=True)
    ]
    sights = [_sight(*one) for one in zip(skies, targets, shapes, strict=True)]
    return _scaled(sights, lead, overrides.pixel_scale_arcsec, report)


def _skies(planes: Sequence[Plane], shapes: Sequence[tuple[int, int]]) -> list[Astrometry]:
    # The planes of a cube are one image: its WCS takes longer to read than its pixels.
    images = {id(plane.image): plane.image for plane in planes}
    known = {key: astrometry_of(image) for key, image in images.items()}
    skies = [known[id(plane.image)] for plane in planes]
    lenders = [(sky, shape) for sky, shape in zip(skies, shapes, strict=True) if sky.wcs is not None]
    skies = [
        sky if sky.wcs is not None else next((lent for lent, size in lenders if size == shape), sky)
        for sky, shape in zip(skies, shapes, strict=True)
    ]
    lost = [n for n, sky in enumerate(skies) if sky.wcs is None]
    if lost and len(set(shapes)) > 1:
        (height, width), name = shapes[lost[0]], planes[lost[0]].band.name
        raise CutoutRejected(
            "fits.grid",
            f"Band {name} ({width}x{height} px) has no WCS and another size than the others. "
            "Send it with its WCS, or resample the bands to one grid.",
        )
    scales = [sky.pixel_scale_arcsec for sky in skies if sky.wcs is None and sky.pixel_scale_arcsec]
    if scales and max(scales) > min(scales) * (1 + _SCALE_TOLERANCE):
        raise CutoutRejected(
            "fits.grid",
            f"The bands have different pixels ({min(scales):.3g} and {max(scales):.3g} arcsec) and no WCS. "
            "Resample them to one grid.",
        )
    return skies


def _same_target(target: Target, sky: Astrometry, shape: tuple[int, int], name: str) -> Target:
    """Return the target in another band; both without a position are in the middle of their images."""
    if target.ra_deg is None or target.dec_deg is None:
        raise CutoutRejected("fits.wcs", "The WCS gives no position for the galaxy. Send `ra=` and `dec=`.")
    pixel = sky.pixel_of(target.ra_deg, target.dec_deg)
    if pixel is None or not is_inside(pixel, shape):
        raise CutoutRejected(
            "fits.grid",
            f"The galaxy is not on the image of band {name}: the bands show different parts of the sky. "
            "Send images of one galaxy, or its position with `ra=` and `dec=`.",
        )
    return replace(target, x=pixel[0], y=pixel[1])


def _sight(sky: Astrometry, target: Target, shape: tuple[int, int]) -> Sight:
    if sky.wcs is None:
        return Sight(sky, target, shape, None, sky.pixel_scale_arcsec)
    jacobian = sky.jacobian_at(target.x, target.y)
    sides = np.zeros(2) if jacobian is None else np.hypot(*jacobian)
    area = 0.0 if jacobian is None else abs(float(np.linalg.det(jacobian)))
    if not (sides.min() >= 1e-3 and sides.max() <= 3600 and area > 1e-3 * sides.prod()):
        raise CutoutRejected(
            "fits.wcs", "The WCS gives pixels no area on the sky at the galaxy. Mend the CD or PC matrix."
        )
    return Sight(sky, target, shape, jacobian, float(np.sqrt(area)))


def _scaled(sights: list[Sight], lead: int, given: float | None, report: IngestReport) -> list[Sight]:
    """Say what the pixels are, and give them the size that the sender says: the finest band's is meant."""
    first = sights[lead]
    known = [sight.pixel_scale_arcsec for sight in sights if sight.pixel_scale_arcsec is not None]
    found = min(known) if known else None
    if given is not None:
        told = "" if found is None else f"; the header says {found:.4g}"
        apart = 1.0 if found is None else given / found
        report.say(
            "wcs",
            f"Pixel scale {given:g} arcsec as you gave it{told}.",
            None if 1 / _CONFLICT <= apart <= _CONFLICT else "scale_conflict",
        )
        factor = 1.0 if found is None else given / found
        sights = [
            replace(
                sight,
                jacobian=None if sight.jacobian is None else sight.jacobian * factor,
                pixel_scale_arcsec=given
                if sight.pixel_scale_arcsec in (None, found)
                else sight.pixel_scale_arcsec * factor,
            )
            for sight in sights
        ]
    elif first.pixel_scale_arcsec is None:
        report.say("wcs", "No celestial WCS. Give `pixscale=` in arcsec.", "no_pixel_scale")
    else:
        source = "WCS" if first.jacobian is not None else "Header (no WCS)"
        angle = first.north_angle_deg
        rotation = f", north {angle:.0f} deg from up" if abs(angle) > 1 else ""
        report.say("wcs", f"{source}: {first.pixel_scale_arcsec:.4g} arcsec/px{rotation}.")
    return sights
