"""Parts of the sky that hits may be asked to lie in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.sky_rows import SkyRows
from survey.sphere import cone_ranges, separation_deg

__all__ = ["MAX_VERTICES", "BadRegion", "Box", "Cone", "Polygon", "Region"]

#: Corners of a polygon.
MAX_VERTICES = 200
# The plane that a polygon is projected on ends at 90 degrees from its centre.
_WIDEST_POLYGON_DEG = 85.0

Pair = tuple[float, float]


class BadRegion(ValueError):
    """A region that is none: off the sphere, without an inside, or too large to read."""


class Region(Protocol):
    """A part of the sky; borders belong to it."""

    @property
    def name(self) -> str:
        """``cone``, ``box``, ``polygon`` or ``moc``."""

    def to_json(self) -> Any:
        """Return it as JSON values, the same for equal regions."""

    def mask(self, sky: SkyRows) -> NDArray[np.bool_]:
        """Return which rows lie in it, a new array of shape (n,); rows without a position do not."""


@dataclass(frozen=True, slots=True)
class Cone:
    """All within a radius of a place.

    Raises
    ------
    BadRegion
        If the place is off the sphere, or the radius not in 0 to 180 degrees.
    """

    ra_deg: float
    dec_deg: float
    radius_deg: float
    name = "cone"

    def __post_init__(self) -> None:
        _check_place("cone", self.ra_deg, self.dec_deg)
        if not 0 < self.radius_deg <= 180:
            raise BadRegion(f"The radius of a cone is above 0 to 180 degrees, not {self.radius_deg:g}.")

    def to_json(self) -> list[float]:
        """Return RA, Dec and radius in degrees."""
        return [self.ra_deg, self.dec_deg, self.radius_deg]

    def mask(self, sky: SkyRows) -> NDArray[np.bool_]:
        """Compare chords, which are exact at every radius; see :class:`Region`."""
        inside = sky.covered(_ranges(self.ra_deg, self.dec_deg, self.radius_deg))
        rows = np.flatnonzero(inside)
        apart = sky.unit(rows) - _unit(self.ra_deg, self.dec_deg)
        chord = 2 * np.sin(np.radians(self.radius_deg) / 2)
        # A hair for the rounding of unit vectors, 4e-16: an object on the rim is inside.
        inside[rows] = np.einsum("ij,ij->i", apart, apart) <= (chord + 1e-15) ** 2
        return inside


@dataclass(frozen=True, slots=True)
class Box:
    """Ranges of RA and Dec; with the first RA above the second it reaches through 0.

    Raises
    ------
    BadRegion
        If a bound is off the sphere, or the first Dec above the second.
    """

    ra_from_deg: float
    ra_to_deg: float
    dec_from_deg: float
    dec_to_deg: float
    name = "box"

    def __post_init__(self) -> None:
        _check_place("box", self.ra_from_deg, self.dec_from_deg)
        _check_place("box", self.ra_to_deg, self.dec_to_deg)
        if self.dec_from_deg > self.dec_to_deg:
            raise BadRegion(
                f"The box runs from Dec {self.dec_from_deg:g} to {self.dec_to_deg:g}; give the smaller Dec first."
            )

    def to_json(self) -> list[float]:
        """Return both RA, then both Dec, in degrees."""
        return [self.ra_from_deg, self.ra_to_deg, self.dec_from_deg, self.dec_to_deg]

    def mask(self, sky: SkyRows) -> NDArray[np.bool_]:
        """Compare coordinates; see :class:`Region`."""
        above, below = sky.ra_deg >= self.ra_from_deg, sky.ra_deg <= self.ra_to_deg
        inside = above & below if self.ra_from_deg <= self.ra_to_deg else above | below
        # 0 and 360 are one meridian.
        if 360.0 in {self.ra_from_deg, self.ra_to_deg}:
            inside |= sky.ra_deg == 0
        if self.ra_from_deg == 0:
            inside |= sky.ra_deg == 360
        inside &= (sky.dec_deg >= self.dec_from_deg) & (sky.dec_deg <= self.dec_to_deg)
        return np.asarray(inside, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Polygon:
    """The inside of corners joined by great circles, in either direction; it may be concave.

    Where sides cross, a part is inside that an odd number of sides encloses.

    Raises
    ------
    BadRegion
        If it has fewer than 3 different corners or too many, a corner is off the sphere, or it reaches farther than 85 degrees
        from its centre.
    """

    corners: tuple[Pair, ...]
    name = "polygon"

    def __post_init__(self) -> None:
        if not 3 <= len(self.corners) <= MAX_VERTICES:
            raise BadRegion(f"A polygon of {len(self.corners)} corners; give 3 to {MAX_VERTICES}, or a MOC.")
        if len(different := set(self.corners)) < 3:
            raise BadRegion(
                f"A polygon of {len(different)} different corners has no inside; give at least 3."
            )
        for ra, dec in self.corners:
            _check_place("polygon", ra, dec)
        if self._centre()[2] > _WIDEST_POLYGON_DEG:
            raise BadRegion(
                f"The polygon reaches farther than {_WIDEST_POLYGON_DEG:g} degrees from its centre: "
                "its inside is not clear. Give a MOC instead."
            )

    def to_json(self) -> list[list[float]]:
        """Return the corners, each RA and Dec in degrees."""
        return [list(corner) for corner in self.corners]

    def mask(self, sky: SkyRows) -> NDArray[np.bool_]:
        """Count crossed sides in the gnomonic projection, where great circles are straight; see :class:`Region`."""
        ra, dec, radius = self._centre()
        inside = sky.covered(_ranges(ra % 360, dec, radius))
        rows = np.flatnonzero(inside)
        x, y, ahead = _gnomonic(sky.unit(rows), ra, dec)
        corners = np.array(self.corners)
        corner_x, corner_y, _ = _gnomonic(_unit(corners[:, 0], corners[:, 1]), ra, dec)
        inside[rows] = ahead & _is_enclosed(x, y, corner_x, corner_y)
        return inside

    def _centre(self) -> tuple[float, float, float]:
        """Return RA and Dec of the mean corner, and the distance to the farthest, in degrees."""
        corners = np.array(self.corners)
        x, y, z = _unit(corners[:, 0], corners[:, 1]).mean(axis=0)
        ra, dec = np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))
        return float(ra), float(dec), float(separation_deg(ra, dec, corners[:, 0], corners[:, 1]).max())


def _ranges(ra_deg: float, dec_deg: float, radius_deg: float) -> NDArray[np.int64]:
    """Cells that cover a cone, as :meth:`SkyRows.covered` takes them."""
    return np.array([(first, last + 1) for first, last in cone_ranges(ra_deg, dec_deg, radius_deg)], np.int64)


def _is_enclosed(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    corner_x: NDArray[np.float64],
    corner_y: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Whether a ray from each point crosses an odd number of sides.

    Points are sorted once, so that a side looks only at those of its own height.
    """
    order = np.argsort(y)
    x, y = x[order], y[order]
    odd = np.zeros(len(x), dtype=np.bool_)
    for n in range(len(corner_x)):
        x0, y0, x1, y1 = corner_x[n - 1], corner_y[n - 1], corner_x[n], corner_y[n]
        low, high = np.searchsorted(y, sorted((y0, y1)))
        if low < high:
            odd[low:high] ^= x[low:high] <= x0 + (y[low:high] - y0) * ((x1 - x0) / (y1 - y0))
    enclosed = np.empty_like(odd)
    enclosed[order] = odd
    return enclosed


def _gnomonic(
    unit: NDArray[np.float64], ra_deg: float, dec_deg: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Project on the plane that touches the sphere at a place; and which points have an image there."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    ahead = unit @ np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    east = unit @ np.array([-np.sin(ra), np.cos(ra), 0.0])
    north = unit @ np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
    is_ahead = ahead > 1e-6
    scale = 1 / np.where(is_ahead, ahead, 1.0)
    return east * scale, north * scale, is_ahead


def _unit(ra_deg: Any, dec_deg: Any) -> NDArray[np.float64]:
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def _check_place(what: str, ra_deg: float, dec_deg: float) -> None:
    if not 0 <= ra_deg <= 360:
        raise BadRegion(f"RA {ra_deg:g} of the {what} is not within 0 to 360 degrees.")
    if not -90 <= dec_deg <= 90:
        raise BadRegion(f"Dec {dec_deg:g} of the {what} is not within -90 to 90 degrees; RA comes first.")
