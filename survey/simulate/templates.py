"""Galaxy spectra from `kcorrect`: fit them to fluxes, move them in redshift."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Templates", "sdss_templates"]

_NMGY = 1e-9  # maggies
# Beyond the table's reddest galaxy (z = 0.58) plus the shift of the population model.
_Z_MAX = 0.8


class Templates:
    """The five `kcorrect` templates seen through the SDSS filters.

    References
    ----------
    Blanton & Roweis 2007, AJ 133, 734.
    """

    def __init__(self) -> None:
        with _quiet():
            # Imported here: kcorrect loads matplotlib, which nothing else in a survey needs.
            from kcorrect.kcorrect import Kcorrect  # noqa: PLC0415

            # Steps of 0.001 in redshift are interpolated; the default, 0.0005 up to z = 2, takes 15 s to set up.
            self._model = Kcorrect(
                responses=[f"sdss_{band}0" for band in "ugriz"], redshift_range=[0.0, _Z_MAX], nredshift=800
            )

    def fit(
        self, z: NDArray[np.float64], flux: NDArray[np.float64], ivar: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return non-negative template coefficients (N, 5) that best give ``flux`` (N, 5) at ``z`` (N,)."""
        with _quiet():
            coefficients = self._model.fit_coeffs(redshift=z, maggies=flux * _NMGY, ivar=ivar / _NMGY**2)
        return np.asarray(coefficients, dtype=np.float64)

    def flux(self, z: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return nanomaggies (N, 5) of coefficients (N, 5) at ``z`` (N,), without dimming by distance."""
        with _quiet():
            maggies = self._model.reconstruct(redshift=z, coeffs=coefficients)
        return np.asarray(maggies, dtype=np.float64) / _NMGY


@cache
def sdss_templates() -> Templates:
    """Return the templates, set up once a process (2 s)."""
    return Templates()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what kcorrect does when it loads: it leaves files to the garbage collector."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="unclosed file", category=ResourceWarning)
        yield
