"""The real galaxies behind the demo survey: the SDSS table inside the `kcorrect` wheel."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from survey.bands import BAND_SETS
from survey.extinction import ebv_from_sdss_extinction, extinction_mag
from survey.names import iau_name

__all__ = [
    "UGRIZ",
    "MissingTable",
    "Parents",
    "is_main_sample",
    "read_parents",
    "select_parents",
    "table_path",
]

UGRIZ = BAND_SETS["sdss-ugriz"]
# Brighter galaxies fill the 33 arcsec field, and SDSS often breaks them into pieces.
_BRIGHTEST_R = 14.5
_FAINTEST_R = 17.77


class MissingTable(RuntimeError):
    """The `kcorrect` package, whose table the demo survey is made of, is not installed."""


@dataclass(frozen=True, slots=True, eq=False)
class Parents:
    """Real SDSS main-sample galaxies, N of them.

    Attributes
    ----------
    names
        IAU designations without acronym, unique.
    ra_deg, dec_deg, z_spec
        Shape (N,).
    ebv
        E(B-V) in magnitudes on the unscaled SFD98 map, shape (N,).
    flux, ivar
        De-reddened SDSS model fluxes in nanomaggies and their inverse variance, shape (N, 5), ugriz.
    """

    names: tuple[str, ...]
    ra_deg: NDArray[np.float64]
    dec_deg: NDArray[np.float64]
    z_spec: NDArray[np.float64]
    ebv: NDArray[np.float64]
    flux: NDArray[np.float64]
    ivar: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: NDArray[np.intp]) -> Parents:
        """Return these rows, in this order."""
        arrays = (a[rows] for a in (self.ra_deg, self.dec_deg, self.z_spec, self.ebv, self.flux, self.ivar))
        return Parents(tuple(self.names[row] for row in rows), *arrays)


def table_path() -> Path:
    """Return where the table lies, without importing `kcorrect` (which would load matplotlib).

    Raises
    ------
    MissingTable
        If the package is not installed.
    """
    spec = find_spec("kcorrect")
    if spec is None or spec.origin is None:
        raise MissingTable("the package kcorrect, whose table of SDSS galaxies is needed, is not installed")
    return Path(spec.origin).parent / "data" / "test" / "gst_tests_small.fits"


def read_parents(path: Path | None = None) -> Parents:
    """Read and clean the table: positive fluxes with errors in all bands, 14.5 < r < 17.77 de-reddened.

    Parameters
    ----------
    path
        A FITS file with RA, DEC, Z, MODELFLUX, MODELFLUX_IVAR and EXTINCTION (on the DR12 coefficients);
        by default the one in the `kcorrect` wheel: 10,000 rows, of which 9,582 are kept.

    Raises
    ------
    MissingTable
        If no path is given and `kcorrect` is not installed.
    """
    with fits.open(table_path() if path is None else path, memmap=False) as hdus:
        table = hdus[1].data
        columns = {
            name: np.array(table[name], dtype=np.float64)
            for name in ("RA", "DEC", "Z", "MODELFLUX", "MODELFLUX_IVAR", "EXTINCTION")
        }
    ebv = ebv_from_sdss_extinction(columns["EXTINCTION"])
    # The wavelength dependence is the recalibrated one, so that de-reddening our cutouts undoes exactly this.
    lift = 10 ** (0.4 * extinction_mag(ebv, UGRIZ))
    parents = Parents(
        names=tuple(iau_name(ra, dec, "") for ra, dec in zip(columns["RA"], columns["DEC"], strict=True)),
        ra_deg=columns["RA"],
        dec_deg=columns["DEC"],
        z_spec=columns["Z"],
        ebv=ebv,
        flux=columns["MODELFLUX"] * lift,
        ivar=columns["MODELFLUX_IVAR"] / lift**2,
    )
    return parents.take(select_parents(parents.flux, parents.ivar))


def select_parents(flux: NDArray[np.float64], ivar: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows of de-reddened fluxes (N, 5) that are usable and in the main sample's range."""
    usable = (flux > 0).all(axis=1) & (ivar > 0).all(axis=1)
    return np.flatnonzero(usable & is_main_sample(flux[:, UGRIZ.index("r")]))


def is_main_sample(r_flux: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where a de-reddened r flux lies between r = 14.5 and the spectroscopic limit r = 17.77.

    References
    ----------
    Strauss et al. 2002, AJ 124, 1810: the main galaxy sample ends at Petrosian r = 17.77.
    """
    faint, bright = (10 ** (0.4 * (22.5 - limit)) for limit in (_FAINTEST_R, _BRIGHTEST_R))
    inside: NDArray[np.bool_] = (r_flux > faint) & (r_flux < bright)
    return inside
