import numpy as np
import pytest

from survey.bands import BAND_SETS, BandSet
from survey.cutout import Cutout
from survey.photometry import (
    SDSS_SOFTENING,
    aperture_flux,
    asinh_mag_error,
    flux_to_asinh_mag,
    flux_to_mag,
    ivar_to_sigma,
    mag_error,
    mag_to_flux,
    microjansky_to_nanomaggy,
    nanomaggy_to_microjansky,
    sigma_to_ivar,
)


def test_one_nanomaggy_is_magnitude_22_5_and_3_631_microjansky():
    assert flux_to_mag(1.0) == 22.5
    # AB: m = -2.5 log10(f / 3631 Jy).
    microjansky = nanomaggy_to_microjansky(1.0)
    assert -2.5 * np.log10(microjansky * 1e-6 / 3631) == pytest.approx(22.5, abs=1e-12)
    assert microjansky_to_nanomaggy(microjansky) == 1.0


def test_magnitude_of_no_flux_is_unknown():
    assert np.isnan(flux_to_mag([0.0, -1.0, np.nan])).all()


# SDSS "asinh magnitudes" table: magnitude at zero flux, and at f/f0 = 10 b.
@pytest.mark.parametrize(
    ("band", "zero_flux", "ten_b"),
    [("u", 24.63, 22.12), ("g", 25.11, 22.60), ("r", 24.80, 22.29), ("i", 24.36, 21.85), ("z", 22.83, 20.32)],
)
def test_asinh_magnitudes_are_those_of_the_sdss_table(band, zero_flux, ten_b):
    b = SDSS_SOFTENING[band]
    assert flux_to_asinh_mag(0.0, b) == pytest.approx(zero_flux, abs=0.006)
    assert flux_to_asinh_mag(10 * b * 1e9, b) == pytest.approx(ten_b, abs=0.006)


def test_bright_asinh_magnitude_is_the_usual_one():
    # The SDSS page: the two differ by less than 1 % at f/f0 = 10 b, and by (b / f)^2 beyond.
    assert flux_to_asinh_mag(1000.0, SDSS_SOFTENING["r"]) == pytest.approx(flux_to_mag(1000.0), abs=1e-6)


def test_five_sigma_is_a_fifth_of_a_magnitude():
    # 2.5 / ln 10 / 5 = 0.217 mag.
    assert mag_error(5.0, 1.0) == pytest.approx(0.2171, abs=1e-4)


def test_errors_of_unknown_values_are_unknown():
    assert np.isnan(mag_error([1.0, 1.0, -1.0], [0.0, -3.0, 1.0])).all()
    assert np.isnan(asinh_mag_error(1.0, 0.0, 1e-10))


def test_unusable_pixels_have_infinite_sigma():
    assert np.isinf(ivar_to_sigma([0.0, -1.0, np.nan])).all()
    assert (sigma_to_ivar([0.0, -1.0, np.nan, np.inf]) == 0).all()


def test_magnitudes_grow_fainter():
    assert mag_to_flux(20.0) == pytest.approx(10.0)
    assert mag_to_flux(25.0) == pytest.approx(0.1)


def flat(value=1.0, size=41, *, ivar=4.0, bands=BAND_SETS["legacy-grz"], scale=0.5):
    flux = np.full((len(bands), size, size), value, np.float32)
    return Cutout(
        flux, bands, ivar=None if ivar is None else np.full_like(flux, ivar), pixel_scale_arcsec=scale
    )


def test_aperture_of_a_flat_sky_is_its_area():
    flux, ivar = aperture_flux(flat(), 5.0)
    area = np.pi * (5.0 / 0.5) ** 2
    assert flux == pytest.approx([area] * 3, rel=2e-3)
    # Rim pixels count by the square of their share, so the noise is a little less than the area says.
    assert 1 / ivar == pytest.approx([area / 4] * 3, rel=0.05)


def test_aperture_of_a_gaussian_is_the_analytic_share():
    y, x = np.mgrid[:41, :41] - 20
    sigma = 3.0
    image = np.exp(-(x**2 + y**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    cutout = Cutout(image[None].astype(np.float32), BandSet.parse("r"), pixel_scale_arcsec=1.0)
    flux, ivar = aperture_flux(cutout, 5.0)
    assert flux[0] == pytest.approx(1 - np.exp(-(5.0**2) / (2 * sigma**2)), rel=5e-3)
    assert np.isnan(ivar).all()


def test_masked_pixels_are_filled_with_the_mean():
    cutout = flat()
    cutout.flux[0, 20, 15:25] = np.nan
    flux, ivar = aperture_flux(cutout, 5.0)
    assert flux[0] == pytest.approx(flux[1], rel=3e-3)
    assert ivar[0] < ivar[1]


def test_aperture_without_half_its_pixels_is_unknown():
    cutout = flat()
    cutout.ivar[1, :21] = 0
    flux, ivar = aperture_flux(cutout, 5.0)
    assert np.isnan(flux[1])
    assert ivar[1] == 0
    assert np.isfinite(flux[[0, 2]]).all()


@pytest.mark.parametrize(("scale", "radius"), [(None, 1.0), (0.4, 0.0), (0.4, float("nan"))])
def test_aperture_needs_a_scale_and_a_radius(scale, radius):
    with pytest.raises(ValueError, match="pixel scale and a positive radius"):
        aperture_flux(flat(scale=scale), radius)
