"""What is drawn has the flux, the place and the blur it should have."""

from __future__ import annotations

import galsim
import numpy as np
import pytest

from survey.simulate.galaxies import build_galaxy
from survey.simulate.light import Component, canvas, combine, disc, ellipse, painted, points
from survey.simulate.morphology import KINDS, Shape
from survey.simulate.optics import (
    ELECTRONS_PER_NMGY,
    PSF_FWHM_GRID,
    Observation,
    Source,
    add_noise,
    draw_observation,
    expose,
)
from survey.simulate.recipe import FIELD_PX, PIXEL_SCALE

FLUX = np.array([10.0, 40.0, 80.0, 110.0, 130.0])
SEEING = Observation(np.full(5, 1.3), np.array([0.05, 0.02, 0.03, 0.05, 0.17]))


def a_shape(kind="spiral"):
    return Shape(kind, 2.5, 0.3, 0.7, 0.8, 0.4, 1.0)


def seen(image):
    return expose([Source(image, FLUX)], SEEING)


def centroid(plane):
    rows, columns = np.indices(plane.shape)
    return (rows * plane).sum() / plane.sum(), (columns * plane).sum() / plane.sum()


def test_a_sersic_profile_looks_as_galsim_draws_it():
    light = galsim.Sersic(n=2.0, half_light_radius=2.0 * np.sqrt(0.6)).shear(q=0.6, beta=0.5 * galsim.radians)
    psf = galsim.Moffat(beta=3.0, fwhm=1.3)
    expected = galsim.Convolve(light, psf).drawImage(nx=FIELD_PX, ny=FIELD_PX, scale=PIXEL_SCALE).array
    ours = seen(ellipse(index=2.0, r50=2.0, axis_ratio=0.6, angle=0.5))[2] / FLUX[2]
    # GalSim folds the light beyond its own grid otherwise; both truncate at some 5e-3 of the flux.
    assert np.abs(ours - expected).max() < 2e-3 * expected.max()


def test_flux_is_kept_and_lies_in_the_middle():
    image = seen(disc(r50=2.0, inclination=0.8, angle=0.3, thickness=0.1))
    # A Moffat of beta 3 has 0.4 % of its light beyond 16 arcsec; the disc has less there.
    assert image.sum(axis=(1, 2)) == pytest.approx(FLUX, rel=0.01)
    assert centroid(image[2]) == pytest.approx(((FIELD_PX - 1) / 2,) * 2, abs=0.02)


def test_a_point_lies_where_it_was_put():
    image = expose([Source(points(np.array([3.96]), np.array([-1.98]), np.ones(1), sigma=0.3), FLUX)], SEEING)
    assert np.unravel_index(image[2].argmax(), image[2].shape) in {(36, 51), (36, 52), (37, 51), (37, 52)}
    shifted = expose(
        [Source(points(np.zeros(1), np.zeros(1), np.ones(1), sigma=0.3), FLUX)], SEEING, (3.96, -1.98)
    )
    assert np.abs(image - shifted).max() < 1e-4 * image.max()


def test_a_painted_gaussian_equals_a_point_of_that_size():
    x, y = canvas()
    picture = painted(np.exp(-((x - 2) ** 2 + (y + 1) ** 2) / 2))
    assert seen(picture) == pytest.approx(
        seen(points(np.array([2.0]), np.array([-1.0]), np.ones(1), sigma=1.0)), abs=1e-3
    )


def test_parts_of_a_galaxy_share_its_flux_whatever_their_colours():
    image = points(np.zeros(1), np.zeros(1), np.ones(1), sigma=1.0)
    parts = [Component(image, 0.7, np.array([0.4, 0.1, 0, -0.1, -0.2])), Component(image, 0.3, np.zeros(5))]
    sources = combine(parts, FLUX)
    assert sum(source.flux for source in sources) == pytest.approx(FLUX)
    # The first part is redder by 0.4 mag in u - r than the second.
    ratio = (sources[0].flux[0] / sources[0].flux[2]) / (sources[1].flux[0] / sources[1].flux[2])
    assert -2.5 * np.log10(ratio) == pytest.approx(0.4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_flux_of_the_galaxy_in_every_band(kind):
    shape, total = a_shape(kind), np.zeros(5)
    for seed in range(4):
        sources = combine(build_galaxy(shape, np.random.default_rng(seed)), FLUX)
        total = sum(source.flux * source.image[0, 0].real for source in sources)
        assert total == pytest.approx(FLUX, rel=1e-4)


def test_noise_is_that_of_sky_and_photons():
    flat = np.broadcast_to(np.full(5, 4.0, np.float32)[:, None, None], (5, FIELD_PX, FIELD_PX))
    noisy = add_noise(flat, SEEING, np.random.default_rng(5))
    expected = np.sqrt(SEEING.sky_sigma**2 + 4.0 / ELECTRONS_PER_NMGY)
    # 7,056 pixels give the standard deviation to 0.84 %; four of them.
    assert (noisy - flat).std(axis=(1, 2)) == pytest.approx(expected, rel=0.034)


def test_seeing_comes_from_the_grid_and_sky_noise_varies():
    rng = np.random.default_rng(6)
    drawn = [draw_observation(rng) for _ in range(200)]
    assert {float(fwhm) for observation in drawn for fwhm in observation.fwhm} <= set(PSF_FWHM_GRID.tolist())
    median = np.median([observation.sky_sigma for observation in drawn], axis=0)
    assert median == pytest.approx([0.051, 0.019, 0.029, 0.046, 0.171], rel=0.05)
