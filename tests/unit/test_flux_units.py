"""Units as headers spell them are worth what astropy says they are worth."""

import numpy as np
import pytest
from astropy import units as u

from survey.fits.flux_units import nanomaggies_per

NANOMAGGY = 3631e-9 * u.Jy
AREA = ((0.4 * u.arcsec) ** 2).to_value(u.sr)
PIVOT = 8059.8


@pytest.mark.parametrize(
    ("text", "flux"),
    [
        ("nanomaggies", NANOMAGGY),
        ("maggies", 1e9 * NANOMAGGY),
        ("1e-9 maggies", NANOMAGGY),
        ("10^-9 maggies", NANOMAGGY),
        ("10**(-9) maggy", NANOMAGGY),
        ("10-9 mgy", NANOMAGGY),
        ("(1e-9 maggy)", NANOMAGGY),
        ("nJy", 1 * u.nJy),
        ("'uJy/pixel'", 1 * u.uJy),
        ("Jy pix-1", 1 * u.Jy),
        ("mJy", 1 * u.mJy),
        ("nanoJansky", 1 * u.nJy),
        ("nanojansky", 1 * u.nJy),
        ("3.631 uJy", 3.631 * u.uJy),
        ("erg/s/cm2/Hz", 1 * u.erg / u.s / u.cm**2 / u.Hz),
        ("1e-29 erg s-1 cm-2 Hz-1", 1e-29 * u.erg / u.s / u.cm**2 / u.Hz),
        ("10^-29 ergs/sec/cm**2/Hz", 1e-29 * u.erg / u.s / u.cm**2 / u.Hz),
        ("W m-2 Hz-1", 1 * u.W / u.m**2 / u.Hz),
    ],
)
def test_a_flux_is_worth_what_astropy_says(text, flux):
    expected = (flux / NANOMAGGY).to_value(u.dimensionless_unscaled)
    assert nanomaggies_per(text) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit"),
    [("MJy/sr", u.MJy / u.sr), ("MJy sr-1", u.MJy / u.sr), ("uJy/arcsec**2", u.uJy / u.arcsec**2)],
)
def test_surface_brightness_is_flux_only_with_the_area_of_a_pixel(text, unit):
    assert nanomaggies_per(text) is None
    expected = (unit * AREA * u.sr / NANOMAGGY).to_value(u.dimensionless_unscaled)
    assert nanomaggies_per(text, pixel_area_sr=AREA) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("text", ["erg/s/cm2/Angstrom", "ergs/cm2/s/A", "erg s-1 cm-2 Ang-1"])
def test_flux_per_wavelength_is_flux_only_with_the_pivot(text):
    assert nanomaggies_per(text) is None
    per_wavelength = 1 * u.erg / u.s / u.cm**2 / u.AA
    flux = per_wavelength.to_value(u.Jy, u.spectral_density(PIVOT * u.AA))
    assert nanomaggies_per(text, pivot_angstrom=PIVOT) == pytest.approx(flux / 3631e-9, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    ["", "adu", "counts", "electron/s", "mag", "mag/arcsec2", "K", "1", "1e-9", "mJy/beam", "Jy/beam", "MJY", "MJY/SR", "MJy", "0 Jy", "s"],
)  # fmt: skip
def test_what_is_no_flux_or_may_be_two_things_is_none(text):
    assert nanomaggies_per(text, pixel_area_sr=AREA, pivot_angstrom=PIVOT) is None


@pytest.mark.parametrize(
    "text",
    ["10**999999999 Jy", "(10**99)**99 Jy", "10**99**99 Jy", "1e999 Jy", "Jy" * 5000, "((((((((Jy", "\x00", "é", "1e-9 " * 12, "Jy**-99", "1e-999 mgy"],
)  # fmt: skip
def test_hostile_units_are_none_at_once(text):
    assert nanomaggies_per(text, pixel_area_sr=AREA, pivot_angstrom=PIVOT) is None


def test_prefixes_scale_by_a_thousand():
    values = [nanomaggies_per(f"{prefix}Jy") for prefix in ("n", "u", "m", "")]
    np.testing.assert_allclose(np.diff(np.log10(values)), 3, rtol=1e-12)


@pytest.mark.parametrize("text", ["nanomaggy/arcsec2", "nanomaggies / arcsec^2", "nmgy arcsec-2", "nanomaggy per arcsec2",
                                  "1e-9 maggies/arcsec**2"])  # fmt: skip
def test_maggies_per_square_arcsecond_take_the_area_of_a_pixel(text):
    assert nanomaggies_per(text, pixel_area_sr=AREA) == pytest.approx(0.4**2, rel=1e-9)
    assert nanomaggies_per(text) is None
