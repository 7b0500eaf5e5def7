"""Photometry measured on the pixels finds the flux that was rendered."""

from __future__ import annotations

import numpy as np
import pytest

from survey.simulate.light import ellipse, points
from survey.simulate.optics import Observation, Source, add_noise, expose
from survey.simulate.photometry import measure

FLUX = np.array([10.0, 40.0, 80.0, 110.0, 130.0])
SKY = np.array([0.051, 0.019, 0.029, 0.046, 0.171])
MIXED = Observation(np.array([1.5, 1.35, 1.25, 1.15, 1.2]), SKY)


def a_disc(observation=MIXED, *, flux=FLUX, extra=()):
    sources = [Source(ellipse(index=1.0, r50=2.0, axis_ratio=0.6, angle=0.5), flux)]
    return expose([*sources, *extra], observation)


def test_without_noise_flux_and_colour_come_out_within_three_per_cent():
    flux = measure(a_disc(), MIXED).flux
    assert flux == pytest.approx(FLUX, rel=0.03)
    # Bands of other seeing are matched by a Gaussian, which leaves the wings of their Moffat as they are.
    assert flux / flux[2] == pytest.approx(FLUX / FLUX[2], rel=0.03)


def test_twice_the_light_is_twice_the_flux_at_the_same_size():
    once, twice = measure(a_disc(), MIXED), measure(a_disc(flux=2 * FLUX), MIXED)
    assert twice.flux == pytest.approx(2 * once.flux, rel=1e-3)
    assert twice.r50_arcsec == pytest.approx(once.r50_arcsec, rel=1e-3)


def test_the_half_light_radius_of_a_round_gaussian_is_1_18_sigma():
    blob = expose([Source(points(np.zeros(1), np.zeros(1), np.ones(1), sigma=3.0), 20 * FLUX)], MIXED)
    # Seeing adds in quadrature; a Gaussian of FWHM 1.65 has sigma 0.70. The Moffat's wings add a little.
    assert measure(blob, MIXED).r50_arcsec == pytest.approx(1.1774 * np.hypot(3.0, 0.70), rel=0.04)


def test_errors_say_how_much_repeated_measurements_differ():
    clean, rng = a_disc(), np.random.default_rng(7)
    repeats = [measure(add_noise(clean, MIXED, rng), MIXED) for _ in range(60)]
    scatter = np.std([repeat.flux for repeat in repeats], axis=0)
    stated = np.mean([1 / np.sqrt(repeat.ivar) for repeat in repeats], axis=0)
    # u and z are limited by the sky; in g, r and i the fitted profile itself varies too.
    # The scatter of 60 repeats is known to 9 %; four of them.
    assert scatter[[0, 4]] == pytest.approx(stated[[0, 4]], rel=0.37)
    assert np.all(scatter < 3 * stated)


def test_a_neighbour_star_hardly_changes_the_flux():
    star = Source(points(np.array([7.0]), np.array([3.0]), np.ones(1), sigma=0.0), np.full(5, 15.0))
    assert measure(a_disc(extra=[star]), MIXED).flux == pytest.approx(measure(a_disc(), MIXED).flux, rel=0.03)


def test_a_missing_band_is_nan_with_no_weight_and_leaves_the_others_alone():
    image = a_disc()
    spoilt = image.copy()
    spoilt[1] = np.nan
    whole, measured = measure(image, MIXED), measure(spoilt, MIXED)
    assert np.isnan(measured.flux[1])
    assert measured.ivar[1] == 0
    assert measured.flux[[0, 2, 3, 4]] == pytest.approx(whole.flux[[0, 2, 3, 4]])


def test_an_empty_field_has_no_flux_rather_than_a_wrong_one():
    nothing = measure(np.full((5, 84, 84), -0.01, np.float32), MIXED)
    assert np.isnan(nothing.flux).all()
    assert not nothing.ivar.any()
