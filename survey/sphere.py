"""Geometry of the sphere: HEALPix cells, cones as ranges of cells, separations."""

from __future__ import annotations

from math import ceil, log2

import numpy as np
from astropy import units as u
from astropy.coordinates import Latitude, Longitude
from cdshealpix import nested
from numpy.typing import ArrayLike, NDArray

__all__ = ["HPX_ORDER", "LAST_CELL", "BadTarget", "check_position", "cone_ranges", "hpx29", "separation_deg"]

HPX_ORDER = 29
LAST_CELL = 12 * 4**HPX_ORDER - 1
# cone_search refines by two orders more, and panics in its Rust code (cdshealpix 0.9) beyond order 29.
_FINEST_CONE_ORDER = HPX_ORDER - 2


class BadTarget(ValueError):
    """A target text that is a position off the sphere, or no text at all."""


def check_position(ra_deg: float, dec_deg: float) -> None:
    """Raise BadTarget unless 0 <= RA <= 360 and -90 <= Dec <= 90 degrees."""
    if not 0 <= ra_deg <= 360:
        raise BadTarget(f"RA is 0 to 360 degrees, not {ra_deg:g}.")
    if not -90 <= dec_deg <= 90:
        raise BadTarget(f"Dec is -90 to 90 degrees, not {dec_deg:g}; RA comes first.")


def hpx29(ra_deg: ArrayLike, dec_deg: ArrayLike) -> np.ma.MaskedArray[tuple[int, ...], np.dtype[np.int64]]:
    """Return HEALPix cells, NESTED order 29 (0.4 mas), of ICRS positions.

    Parameters
    ----------
    ra_deg, dec_deg
        Degrees, same shape; None or NaN where unknown.

    Returns
    -------
    MaskedArray
        int64, masked where a coordinate is unknown; ``pyarrow.array`` turns the mask into nulls.

    Raises
    ------
    BadTarget
        If a declination lies outside -90..90.
    """
    ra, dec = np.broadcast_arrays(np.asarray(ra_deg, dtype=np.float64), np.asarray(dec_deg, dtype=np.float64))
    known = np.isfinite(ra) & np.isfinite(dec)
    if np.any(np.abs(dec[known]) > 90):
        raise BadTarget("Dec must lie within -90 to 90 degrees.")
    cells = np.zeros(ra.shape, dtype=np.int64)
    if known.any():
        longitude, latitude = Longitude(ra[known], u.deg), Latitude(dec[known], u.deg)
        cells[known] = nested.lonlat_to_healpix(longitude, latitude, HPX_ORDER).astype(np.int64)
    return np.ma.MaskedArray(cells, mask=~known)


def cone_ranges(
    ra_deg: float, dec_deg: float, radius_deg: float, max_ranges: int = 64
) -> list[tuple[int, int]]:
    """Return ranges of ``hpx29`` that cover a cone; they hold a little more, so check the separation after.

    Parameters
    ----------
    radius_deg
        0 to 180.
    max_ranges
        Most ranges returned; coarser cells are taken until they fit.

    Returns
    -------
    list of (int, int)
        Inclusive bounds, ascending, disjoint and not adjacent.

    Raises
    ------
    BadTarget
        If the position or the radius is off the sphere.
    """
    if not 0 <= radius_deg <= 180:
        raise BadTarget(f"A radius is 0 to 180 degrees, not {radius_deg:g}.")
    check_position(ra_deg, dec_deg)
    # One milliarcsecond more than asked: rounding must never lose an object on the rim.
    radius = radius_deg + 3e-7
    if radius > 90:
        # cdshealpix 0.9 loses cells beyond about 140 degrees; past a hemisphere ranges save little anyway.
        return [(0, LAST_CELL)]
    # Cells of a quarter of the radius: a cell of order d is about 58.6 / 2**d degrees wide.
    order = min(_FINEST_CONE_ORDER, max(0, ceil(log2(4 * 58.6 / radius))))
    while True:
        cells, orders, _ = nested.cone_search(
            Longitude(ra_deg, u.deg), Latitude(dec_deg, u.deg), radius * u.deg, order
        )
        ranges = _merge(cells.astype(np.int64), orders.astype(np.int64))
        if len(ranges) <= max_ranges:
            return ranges
        if order == 0:
            return [(ranges[0][0], ranges[-1][1])]
        order -= 1


def separation_deg(
    ra1_deg: ArrayLike, dec1_deg: ArrayLike, ra2_deg: ArrayLike, dec2_deg: ArrayLike
) -> NDArray[np.float64]:
    """Return great-circle separations in degrees; the arguments broadcast.

    References
    ----------
    Vincenty 1975, Survey Review 23, 88, on the sphere: accurate at every separation, antipodes included.
    """
    ra1, dec1, ra2, dec2 = (
        np.deg2rad(np.asarray(a, dtype=np.float64)) for a in (ra1_deg, dec1_deg, ra2_deg, dec2_deg)
    )
    sin1, cos1, sin2, cos2 = np.sin(dec1), np.cos(dec1), np.sin(dec2), np.cos(dec2)
    sin_ra, cos_ra = np.sin(ra2 - ra1), np.cos(ra2 - ra1)
    across = np.hypot(cos2 * sin_ra, cos1 * sin2 - sin1 * cos2 * cos_ra)
    return np.asarray(np.rad2deg(np.arctan2(across, sin1 * sin2 + cos1 * cos2 * cos_ra)))


def _merge(cells: NDArray[np.int64], orders: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the merged order-29 ranges of cells of mixed orders."""
    shift = 2 * (HPX_ORDER - orders)
    low, high = cells << shift, ((cells + 1) << shift) - 1
    ranges: list[tuple[int, int]] = []
    for n in np.argsort(low):
        if ranges and int(low[n]) <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], int(high[n])))
        else:
            ranges.append((int(low[n]), int(high[n])))
    return ranges
