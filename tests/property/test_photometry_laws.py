import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.photometry import (
    SDSS_SOFTENING,
    asinh_mag_error,
    asinh_mag_to_flux,
    flux_to_asinh_mag,
    flux_to_mag,
    ivar_to_sigma,
    mag_error,
    mag_to_flux,
    sigma_to_ivar,
)

law = settings(derandomize=True, max_examples=100, deadline=None)
softenings = st.sampled_from(sorted(SDSS_SOFTENING.values()))


@law
@given(st.floats(1e-6, 1e9))
def test_flux_to_magnitude_and_back(flux):
    assert mag_to_flux(flux_to_mag(flux)) == pytest.approx(flux, rel=1e-12)


@law
@given(st.floats(-1e3, 1e6), softenings)
def test_flux_to_asinh_magnitude_and_back(flux, b):
    assert asinh_mag_to_flux(flux_to_asinh_mag(flux, b), b) == pytest.approx(flux, rel=1e-10, abs=1e-10)


@law
@given(st.floats(-100, 100), st.floats(1e-3, 100), softenings)
def test_asinh_magnitude_falls_with_flux(flux, step, b):
    assert flux_to_asinh_mag(flux + step, b) < flux_to_asinh_mag(flux, b)


@law
@given(st.floats(1e-12, 1e12))
def test_ivar_to_sigma_and_back(ivar):
    assert sigma_to_ivar(ivar_to_sigma(ivar)) == pytest.approx(ivar, rel=1e-12)


@law
@given(st.floats(0.1, 1e5), st.floats(1e-3, 1e3))
def test_magnitude_error_is_the_slope_times_sigma(flux, ivar):
    step = 1e-5 * flux
    slope = (flux_to_mag(flux + step) - flux_to_mag(flux - step)) / (2 * step)
    assert mag_error(flux, ivar) == pytest.approx(-slope / np.sqrt(ivar), rel=1e-5)


@law
@given(st.floats(-10, 1e3), st.floats(1e-3, 1e3), softenings)
def test_asinh_magnitude_error_is_the_slope_times_sigma(flux, ivar, b):
    step = 1e-5
    slope = (flux_to_asinh_mag(flux + step, b) - flux_to_asinh_mag(flux - step, b)) / (2 * step)
    assert asinh_mag_error(flux, ivar, b) == pytest.approx(-slope / np.sqrt(ivar), rel=1e-4)
