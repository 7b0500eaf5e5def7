"""What a vector tells of size and brightness, and that it can be taken out."""

import numpy as np
import pytest

from survey.bands import BAND_SETS
from survey.contract import InputContract
from training.golden import golden_fields
from training.nuisance import measure_nuisances, removal_of, ridge_r2

N, K = 600, 12


@pytest.fixture(scope="module")
def told():
    """Vectors whose first coordinate is a known value under noise of a third of its variance."""
    rng = np.random.default_rng(0)
    value = rng.normal(size=N)
    vectors = rng.normal(size=(N, K))
    vectors[:, 0] = value + rng.normal(size=N) / np.sqrt(3)
    return vectors.astype(np.float32), value


def test_r2_is_the_share_of_variance_that_the_vector_holds(told):
    # Of y + e the best linear guess explains var(y) / (var(y) + var(e)) = 3/4.
    assert ridge_r2(*told) == pytest.approx(0.75, abs=0.04)


def test_r2_of_what_the_vector_does_not_hold_is_nothing(told):
    assert ridge_r2(told[0], np.random.default_rng(1).normal(size=N)) == pytest.approx(0, abs=0.01)


def test_unmeasured_galaxies_are_left_out(told):
    vectors, value = told
    holes = np.where(np.arange(N) % 3, value, np.nan)
    assert ridge_r2(vectors, holes) == pytest.approx(ridge_r2(vectors[1::3], value[1::3]), abs=0.1)


def test_after_removal_no_covariance_is_left(told):
    vectors, value = told
    other = vectors[:, 3] - vectors[:, 5] + np.random.default_rng(2).normal(size=N)
    removal = removal_of(vectors, [value, other])
    cleaned = vectors @ removal
    for wanted in (value, other):
        assert np.allclose((cleaned - cleaned.mean(0)).T @ (wanted - wanted.mean()) / N, 0, atol=1e-4)
        assert ridge_r2(cleaned, wanted) < 0.01


def test_removal_is_a_projection_that_takes_one_direction_for_each_value(told):
    vectors, value = told
    removal = removal_of(vectors, [value, vectors[:, 4].astype(float)])
    assert np.allclose(removal @ removal, removal, atol=1e-5)
    assert np.trace(removal) == pytest.approx(K - 2, abs=1e-4)


def contract(kind):
    if kind == "display":
        return InputContract(BAND_SETS["display-rgb"], None, 48, 32, stretch="unit")
    return InputContract(
        BAND_SETS["sdss-ugriz"], 0.396, 48, 32, stretch="asinh", softening=(0.05, 0.02, 0.03, 0.05, 0.17)
    )


@pytest.mark.parametrize("kind", ["flux", "display"])
def test_brighter_fields_have_smaller_magnitudes(kind):
    fields = golden_fields(contract(kind))
    once, twice = (measure_nuisances(contract(kind), fields * factor) for factor in (1, 2))
    # An asinh magnitude of a bright source is the ordinary one: 2.5 log10(2) apart.
    assert np.all(once["brightness"] - twice["brightness"] > 0.5)
    assert np.median(once["brightness"] - twice["brightness"]) == pytest.approx(0.7526, abs=0.05)


@pytest.mark.parametrize("kind", ["flux", "display"])
def test_golden_fields_are_drawn_alike_and_fit_the_contract(kind):
    first, second = golden_fields(contract(kind)), golden_fields(contract(kind))
    assert np.array_equal(first, second)
    assert first.shape == (8, len(contract(kind).bands), 48, 48)
    if kind == "display":
        assert np.array_equal(first, np.clip(np.rint(first), 0, 255))
    # Galaxies in the middle, sky around them, no two alike.
    centre, corner = first[:, :, 20:28, 20:28].mean(axis=(2, 3)), first[:, :, :6, :6].mean(axis=(2, 3))
    assert np.all(centre > corner)
    assert len({field.tobytes() for field in first}) == 8
