"""polar48 sees the same galaxy whichever way it is turned."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.round_galaxies import smooth_galaxies

from training.graphs import embed
from training.pca import principal_axes
from training.polar import PolarModuli

POLAR = PolarModuli(n_bands=3, input_px=64, radius_px=30.0)
# Axes from many galaxies of random orientation: a catalogue, as far as the laws are concerned.
AXES = principal_axes(
    POLAR.describe(smooth_galaxies(np.linspace(0, 20, 300), seed=5)), n_axes=48, rng=np.random.default_rng(0)
)


def vectors(images):
    return embed(POLAR.describe(np.ascontiguousarray(images, dtype=np.float32)), AXES)


def cosines(a, b):
    return np.sum(vectors(a) * vectors(b), axis=1)


@settings(derandomize=True, deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), turns=st.integers(1, 3))
def test_a_quarter_turn_changes_nothing(seed, turns):
    images = smooth_galaxies([0.3, 1.1], seed=seed)
    assert cosines(images, np.rot90(images, turns, axes=(2, 3))).min() > 0.9999


@settings(derandomize=True, deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_a_reflection_changes_nothing(seed):
    images = smooth_galaxies([0.3, 1.1], seed=seed)
    assert cosines(images, images[..., ::-1]).min() > 0.9999
    assert cosines(images, smooth_galaxies([0.3, 1.1], seed=seed, mirrored=True)).min() > 0.9999


@settings(derandomize=True, deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), angle=st.floats(0, 2 * np.pi))
@example(seed=0, angle=np.pi / 4)
def test_any_rotation_hardly_changes_a_smooth_galaxy(seed, angle):
    images = smooth_galaxies([0.0, 0.7], seed=seed)
    turned = smooth_galaxies([angle, 0.7 + angle], seed=seed)
    # Pixels sample a turned galaxy elsewhere: bilinear interpolation costs up to 2 % of the cosine.
    assert cosines(images, turned).min() > 0.98


@settings(derandomize=True, deadline=None, max_examples=25)
@given(value=st.floats(-1e4, 1e4), flat=st.booleans())
@example(value=0.0, flat=True)
def test_any_finite_image_has_a_unit_vector(value, flat):
    images = np.full((1, 3, 64, 64), value, dtype=np.float32)
    if not flat:
        images[:, 1] = 0
    assert np.linalg.norm(vectors(images), axis=1) == pytest.approx([1], abs=1e-6)


def test_order_zero_is_the_root_of_the_mean_of_a_ring():
    described = POLAR.describe(np.full((1, 3, 64, 64), 0.25, dtype=np.float32)).reshape(3, 24, 9)
    assert described[..., 0] == pytest.approx(0.5, abs=1e-6)
    assert described[..., 1:] == pytest.approx(0.01, abs=1e-3), "nothing but the floor in the other orders"


@pytest.mark.parametrize("order", [1, 2, 5, 8])
def test_an_angular_wave_shows_in_its_own_order_only(order):
    y, x = np.indices((64, 64)) - 31.5
    # r^m cos(m phi) is smooth at the centre; its modulus on a ring of radius r is r^m / 2.
    radius = np.hypot(x, y) / 31.5
    wave = radius**order * np.cos(order * np.arctan2(y, x))
    described = POLAR.describe(np.broadcast_to(wave, (1, 3, 64, 64)).astype(np.float32))
    outermost = described.reshape(3, 24, 9)[0, -1] ** 2
    assert outermost[order] == pytest.approx(0.5 * (30 / 31.5) ** order, rel=0.02)
    assert np.delete(outermost, order).max() < 0.01


@pytest.mark.parametrize("radius_px", [0.5, 40.0])
def test_rings_outside_the_image_are_refused(radius_px):
    with pytest.raises(ValueError, match="does not fit an input of 64 px"):
        PolarModuli(n_bands=3, input_px=64, radius_px=radius_px)
