"""What the galaxies would look like to a perfect photometer: template times the believable residual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.cosmology import FlatLambdaCDM
from numpy.typing import NDArray

from survey.simulate.parents import Parents
from survey.simulate.templates import Templates

__all__ = ["COSMOLOGY", "Truth", "fit_truth", "move", "shrink"]

# The cosmology in which the size-luminosity relation was measured (Shen et al. 2003).
COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)

# Scatter of real galaxies about the templates, ln flux, ugriz: what is left of the residuals after the
# catalogue's errors are taken out. Those of the five templates alone make redshifts too easy (sigma_MAD
# 0.0125 on the rendered pixels, the catalogue has 0.0137), so one factor widens them until both agree.
_INTRINSIC = 1.8 * np.array([0.031, 0.005, 0.0, 0.006, 0.005])


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Noise-free photometry of N galaxies.

    Attributes
    ----------
    z
        Shape (N,).
    flux
        De-reddened total flux in nanomaggies, shape (N, 5), ugriz.
    coefficients
        Of the templates, shape (N, 5).
    residual
        ln(flux / template), shape (N, 5).
    abs_mag_r, rest_u_r
        Rest-frame absolute r magnitude (H0 = 70 km/s/Mpc) and u - r, AB, shape (N,).
    """

    z: NDArray[np.float64]
    flux: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    residual: NDArray[np.float64]
    abs_mag_r: NDArray[np.float64]
    rest_u_r: NDArray[np.float64]


def shrink(
    residual: NDArray[np.float64], sigma_phot: NDArray[np.float64], sigma_intrinsic: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the part of ln(catalogue / template) that is the galaxy's and not the photometer's.

    The median of a band is a calibration offset, certain for the whole table, and is kept whole; what
    remains is shrunk by ``sigma_intrinsic**2 / (sigma_intrinsic**2 + sigma_phot**2)``.

    Parameters
    ----------
    residual, sigma_phot
        ln flux, shape (N, 5).
    sigma_intrinsic
        ln flux, shape (5,).
    """
    offset = np.median(residual, axis=0)
    weight = sigma_intrinsic**2 / (sigma_intrinsic**2 + sigma_phot**2)
    return np.asarray(offset + weight * (residual - offset))


def fit_truth(parents: Parents, templates: Templates) -> Truth:
    """Estimate the noise-free fluxes of real galaxies.

    Catalogue fluxes carry noise already; rendered as they are, the pixels would add noise a second time.
    """
    coefficients = templates.fit(parents.z_spec, parents.flux, parents.ivar)
    model = templates.flux(parents.z_spec, coefficients)
    sigma = 1 / (np.sqrt(parents.ivar) * parents.flux)
    residual = shrink(np.log(parents.flux / model), sigma, _INTRINSIC)
    return _truth(parents.z_spec, coefficients, residual, templates)


def move(
    truth: Truth,
    rows: NDArray[np.intp],
    *,
    z: NDArray[np.float64],
    dmag: NDArray[np.float64],
    templates: Templates,
) -> Truth:
    """Return galaxies ``rows`` seen at redshifts ``z`` and fainter by ``dmag`` in luminosity, shapes (M,)."""
    dimming = (_distance(truth.z[rows]) / _distance(z)) ** 2 * 10 ** (-0.4 * dmag)
    return _truth(z, truth.coefficients[rows] * dimming[:, None], truth.residual[rows], templates)


def _truth(
    z: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    residual: NDArray[np.float64],
    templates: Templates,
) -> Truth:
    at_rest = -2.5 * np.log10(templates.flux(np.zeros_like(z), coefficients))
    return Truth(
        z=z,
        flux=templates.flux(z, coefficients) * np.exp(residual),
        coefficients=coefficients,
        residual=residual,
        # The templates at z = 0 are not moved to 10 pc: the distance modulus does that.
        abs_mag_r=22.5 + at_rest[:, 2] - 5 * np.log10(_distance(z) * 1e5),
        rest_u_r=at_rest[:, 0] - at_rest[:, 2],
    )


def _distance(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the luminosity distance in Mpc."""
    return np.asarray(COSMOLOGY.luminosity_distance(z).to_value("Mpc"), dtype=np.float64)
