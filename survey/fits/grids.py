"""Which grid of pixels the bands of one galaxy come to: their own, turned, or a new one on the sky."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from survey.fits.sights import Sight
from survey.fits.target import MAX_SIDE_PX
from survey.ingest import IngestReport

__all__ = ["SkyGrid", "Turn", "choose_grid", "is_same_view"]

# A degree is half a pixel at 32 px from the galaxy, where models end: less than an interpolation costs.
_ANGLE_TOLERANCE_DEG = 1.0
_ANISOTROPY_TOLERANCE = 1.01
# Bands apart by more than this at the galaxy have colour gradients of their own making.
_APART_AT_TARGET_PX = 0.1
# What turns and scales may add to it at the edge of what models look at, 32 px from the galaxy.
_APART_AT_EDGE_PX = 0.3
_EDGE_PX = 32
# Two WCS of one set of pixels differ by rounding alone.
_SAME_VIEW_PX = 1e-3
# Pixels mapped and interpolated, so that nine bands with noise planes, or as many frames with distortions, take less
# than half of a child's 5 s and stay within its 1 GiB (measured: 2.3 s and 0.95 GiB at most).
_BUDGET_PX = 1_600_000


@dataclass(frozen=True, slots=True)
class Turn:
    """Turns of the pixels' grid that change no value: a flip of left and right, then quarter turns (np.rot90)."""

    is_flipped: bool
    quarters: int

    def apply(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return a view of a plane (H, W), turned."""
        return np.rot90(plane[:, ::-1] if self.is_flipped else plane, self.quarters)

    def pixel(self, x: float, y: float, shape: tuple[int, int]) -> tuple[float, float]:
        """Return where pixel (x, y) of an image of ``shape`` (H, W) comes to lie."""
        height, width = shape
        x = width - 1 - x if self.is_flipped else x
        for _ in range(self.quarters):
            x, y = y, width - 1 - x
            height, width = width, height
        return x, y

    def size(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the turned image's (H, W)."""
        return shape[::-1] if self.quarters % 2 else shape


@dataclass(frozen=True, slots=True)
class SkyGrid:
    """Square pixels on the sky, north up and east left, with the galaxy in the middle.

    Attributes
    ----------
    pixel_scale_arcsec
        Side of a pixel.
    ra_deg, dec_deg
        ICRS position of the middle.
    height, width
        Pixels.
    """

    pixel_scale_arcsec: float
    ra_deg: float
    dec_deg: float
    height: int
    width: int

    def wcs(self) -> WCS:
        """Return the gnomonic (TAN) projection around the galaxy."""
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.radesys = "ICRS"
        wcs.wcs.crval = [self.ra_deg, self.dec_deg]
        wcs.wcs.crpix = [(self.width + 1) / 2, (self.height + 1) / 2]
        wcs.wcs.cdelt = [-self.pixel_scale_arcsec / 3600, self.pixel_scale_arcsec / 3600]
        wcs.wcs.set()
        return wcs


def choose_grid(sights: Sequence[Sight], report: IngestReport) -> Turn | SkyGrid:
    """Decide how the bands come to lie north up, east left, pixel on pixel.

    Nothing is interpolated where it can be helped: bands on one set of pixels, square to 1 % and within 1
    degree of a quarter turn, are only flipped and turned; those without a WCS stay as they are. Everything
    else goes to a new grid of the finest band's pixel size, as large as the smallest band's image is, turned.
    """
    first = sights[0]
    if any(sight.jacobian is None for sight in sights):
        return Turn(is_flipped=False, quarters=0)
    turn, rest = _nearest_turn(first)
    is_tilted = abs(rest) > _ANGLE_TOLERANCE_DEG
    angles = [abs(sight.north_angle_deg) for sight in sights]
    mirrored = [sight for sight in sights if sight.is_mirrored]
    if mirrored:
        what = (
            "The image is" if len(mirrored) == len(sights) else f"{len(mirrored)} of {len(sights)} bands are"
        )
        report.say("wcs", f"{what} mirrored (east to the right of north): flipped.", "mirrored")
    stretch = max(sight.anisotropy for sight in sights)
    if stretch > _ANISOTROPY_TOLERANCE:
        text = f"Pixels are not square (sides differ by {100 * (stretch - 1):.0f} %)."
        report.say("wcs", text, "anisotropic")
    is_whole = not is_tilted and stretch <= _ANISOTROPY_TOLERANCE and _lie_together(sights)
    if max(angles) > _ANGLE_TOLERANCE_DEG:
        how = ", no value changed" if is_whole else ""
        low, high = f"{min(angles):.0f}", f"{max(angles):.0f}"
        by = high if low == high else f"{low} to {high}"
        report.say("grid", f"Turned by {by} deg: north is up{how}.", "turned")
    if is_whole:
        return turn
    grid = _sky_grid(sights, turn)
    report.say(
        "grid",
        f"Resampled once to {grid.width}x{grid.height} px of {grid.pixel_scale_arcsec:.4g} arcsec for all bands, "
        "target in the middle, flux conserved.",
        "regridded",
    )
    return grid


def is_same_view(one: Sight, other: Sight) -> bool:
    """Whether two bands have the same pixels, so that one mapping serves both."""
    if one.shape != other.shape:
        return False
    return one.sky is other.sky or bool(np.abs(_shifts(one, other)).max() < _SAME_VIEW_PX)


def _nearest_turn(sight: Sight) -> tuple[Turn, float]:
    """Return the turn that brings north nearest to up, and the degrees that are left."""
    assert sight.jacobian is not None
    along_x, along_y = sight.jacobian.T
    if sight.is_mirrored:
        along_x = -along_x
    angles = []
    for _ in range(4):
        angles.append(float(np.rad2deg(np.arctan2(-along_x[1], along_y[1]))))
        # As np.rot90 turns: the new x is the old y, the new y the old -x.
        along_x, along_y = along_y, -along_x
    quarters = int(np.argmin(np.abs(angles)))
    return Turn(sight.is_mirrored, quarters), angles[quarters]


def _lie_together(sights: Sequence[Sight]) -> bool:
    """Whether whole pixels bring all bands onto the first one."""
    for sight in sights[1:]:
        shifts = _shifts(sights[0], sight)
        left = np.abs(shifts - np.round(shifts[0]))
        if not (left[0].max() < _APART_AT_TARGET_PX and left.max() < _APART_AT_EDGE_PX):
            return False
    return True


def _shifts(one: Sight, other: Sight) -> NDArray[np.float64]:
    """Return where the galaxy and four points around it lie in another band, (x, y) from where they lie in the one.

    Shape (5, 2), the galaxy first; infinite where a point has no place.
    """
    edge = [(x, y) for x in (-_EDGE_PX, _EDGE_PX) for y in (-_EDGE_PX, _EDGE_PX)]
    shifts = np.full((5, 2), np.inf)
    shifts[0] = other.target.x - one.target.x, other.target.y - one.target.y
    if one.sky is other.sky:
        shifts[1:] = shifts[0]
        return shifts
    for n, (dx, dy) in enumerate(edge, start=1):
        x, y = one.target.x + dx, one.target.y + dy
        position = one.sky.position_of(x, y)
        pixel = None if position is None else other.sky.pixel_of(*position)
        if pixel is not None:
            shifts[n] = pixel[0] - x, pixel[1] - y
    return shifts


def _sky_grid(sights: Sequence[Sight], turn: Turn) -> SkyGrid:
    sides = []
    for sight in sights:
        assert sight.jacobian is not None
        square = sight.anisotropy <= _ANISOTROPY_TOLERANCE
        shortest = float(np.linalg.svd(sight.jacobian, compute_uv=False)[-1])
        sides.append(sight.pixel_scale_arcsec if square and sight.pixel_scale_arcsec else shortest)
    scale = min(sides)
    # The box around each turned image, in new pixels, (height, width): north is the second row of the matrix.
    boxes = [
        np.abs(s.jacobian)[::-1] @ np.array(s.shape[::-1]) / scale for s in sights if s.jacobian is not None
    ]
    finest = sights[sides.index(scale)]
    n_views = sum(not any(is_same_view(s, t) for t in sights[:n]) for n, s in enumerate(sights))
    limit = min(MAX_SIDE_PX, math.isqrt(int(_BUDGET_PX / (n_views + len(sights) / 3))))
    # A grid of as odd a size as the image's keeps the galaxy where an unturned image of it has it: in the middle
    # of a pixel, or where four of them meet.
    height, width = (
        _fit(float(min(box)), like, limit)
        for box, like in zip(zip(*boxes, strict=True), turn.size(finest.shape), strict=True)
    )
    ra, dec = finest.target.ra_deg, finest.target.dec_deg
    assert ra is not None
    assert dec is not None
    return SkyGrid(scale, ra, dec, height, width)


def _fit(length: float, like: int, limit: int) -> int:
    """Return the least whole number above ``length``, at most ``limit``, as odd or even as ``like``."""
    # Beyond the limit the number has no meaning: broken headers give any.
    least = math.ceil(min(length, limit) - 0.01)
    size = least + (least - like) % 2
    return size if size <= limit else size - 2
