import itertools

import numpy as np
import pytest

from survey.bands import BAND_SETS, BANDS, BandMismatch
from survey.extinction import (
    SDSS_DR12_COEFFICIENTS,
    deredden,
    ebv_from_sdss_extinction,
    extinction_mag,
    redden,
)

UGRIZ = BAND_SETS["sdss-ugriz"]

# Schlafly & Finkbeiner 2011, table 6, column R_V = 3.1.
SF11 = {
    "sdss": {"u": 4.239, "g": 3.303, "r": 2.285, "i": 1.698, "z": 1.263},
    "ps1": {"g": 3.172, "r": 2.271, "i": 1.682, "z": 1.322, "y": 1.087},
    "des": {"g": 3.237, "r": 2.176, "i": 1.595, "z": 1.217, "Y": 1.058},
    "acs": {
        "F435W": 3.610, "F475W": 3.268, "F555W": 2.792, "F606W": 2.471, "F625W": 2.219, "F775W": 1.629, "F814W": 1.526,
        "F850LP": 1.243,
    },
    "wfc3": {
        "F275W": 5.487, "F336W": 4.453, "F390W": 3.481, "F438W": 3.623, "F475W": 3.248, "F555W": 2.855, "F606W": 2.488,
        "F625W": 2.259, "F775W": 1.643, "F814W": 1.536, "F850LP": 1.208, "F105W": 0.969, "F110W": 0.881, "F125W": 0.726,
        "F140W": 0.613, "F160W": 0.512,
    },
    "lsst": {"u": 4.145, "g": 3.237, "r": 2.273, "i": 1.684, "z": 1.323, "y": 1.088},
}  # fmt: skip


@pytest.mark.parametrize("system", sorted(SF11))
def test_coefficients_are_those_of_the_table(system):
    assert {band.name: band.extinction for band in BANDS.values() if band.system == system} == SF11[system]


def test_vista_coefficients_are_interpolated_in_the_table():
    # Effective wavelength in nm and A/E(B-V), R_V = 3.1: PS1 z, SDSS z, PS1 y, F105W, F125W, UKIRT J, F140W,
    # F160W, UKIRT H, UKIRT K of the same table.
    wavelength = [866.5, 892.3, 970.6, 1043.9, 1233.6, 1248.3, 1369.2, 1525.8, 1658.8, 2189.8]
    coefficient = [1.322, 1.263, 1.087, 0.969, 0.726, 0.709, 0.613, 0.512, 0.449, 0.302]
    for band in (b for b in BANDS.values() if b.system == "viking"):
        expected = np.exp(np.interp(np.log(band.pivot_nm), np.log(wavelength), np.log(coefficient)))
        assert band.extinction == pytest.approx(expected, abs=0.001)


def test_dust_dims_the_blue_most():
    for bands in BAND_SETS.values():
        if not bands.is_display:
            ordered = sorted(bands, key=lambda band: band.pivot_nm)
            assert all(a.extinction > b.extinction for a, b in itertools.pairwise(ordered))


def test_recalibration_is_applied_once():
    # SF11 found the SFD scale 14 % too high. Their r coefficient on the unscaled map, 2.285, is therefore below
    # the 2.751 of SFD98. Scaling the map by 0.86 as well would leave 1.97: E(B-V) = 0.1 must give 0.2285 mag.
    assert extinction_mag(0.1, UGRIZ)[2] == pytest.approx(0.2285)


def test_old_sdss_extinctions_are_read_on_the_old_scale():
    # EXTINCTION columns up to DR12 are the SFD98 coefficients times E(B-V): dividing by 2.285 would make
    # E(B-V) 20 % too large.
    extinction = 0.05 * np.array([[5.155, 3.793, 2.751, 2.086, 1.479]])
    assert ebv_from_sdss_extinction(extinction) == pytest.approx([0.05])
    assert SDSS_DR12_COEFFICIENTS[2] / UGRIZ.extinction[2] == pytest.approx(1.204, abs=1e-3)


def test_many_values_at_once():
    assert extinction_mag(np.array([0.0, 0.1]), UGRIZ).shape == (2, 5)


def test_display_counts_know_no_dust():
    counts = np.ones((3, 2, 2), np.float32)
    np.testing.assert_array_equal(deredden(counts, 1.0, BAND_SETS["display-rgb"]), counts)


@pytest.mark.parametrize("ebv", [-0.01, float("nan"), float("inf")])
def test_impossible_dust_is_refused(ebv):
    with pytest.raises(ValueError, match="at least 0"):
        extinction_mag(ebv, UGRIZ)


def test_planes_must_fit_the_bands():
    with pytest.raises(BandMismatch, match="4 planes for 5 bands"):
        redden(np.ones((4, 2, 2), np.float32), 0.1, UGRIZ)
