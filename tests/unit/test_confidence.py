"""z_conf rises with what p(z) promises and is right as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from support.redshift_draws import GRID, drawn

from index.confidence import Confidence, near_mass
from index.pdf import summarise
from index.temperature import softmax


def known(n, seed, claimed=1.0):
    galaxies = drawn(n, seed=seed, claimed=claimed)
    probability = softmax(galaxies.logits)
    best = summarise(probability, GRID).z_best
    return near_mass(probability, GRID, best), best, galaxies.z


def test_the_promise_is_the_probability_around_the_estimate():
    probability = np.diff(norm.cdf(GRID.edges, 0.2, 0.04))[None]
    expected = norm.cdf(0.236, 0.2, 0.04) - norm.cdf(0.164, 0.2, 0.04)
    assert near_mass(probability, GRID, np.array([0.2]))[0] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("claimed", [0.5, 2.0])
def test_however_wrong_the_promise_the_chance_is_kept(claimed):
    confidence = Confidence.fitted(*known(6000, 1, claimed))
    mass, best, z = known(6000, 2, claimed)
    chance, right = confidence.of(mass), np.abs(best - z) < 0.03 * (1 + z)
    for quarter in np.array_split(np.argsort(mass), 4):
        # 3.3 sigma of a share among 1,500, twice: calibration and test.
        assert right[quarter].mean() == pytest.approx(chance[quarter].mean(), abs=3.3 * np.sqrt(0.25 / 750))
    assert np.abs(mass - chance).mean() > 0.05


def test_a_larger_promise_never_gives_a_smaller_chance():
    rng = np.random.default_rng(3)
    mass, z = rng.random(200), np.full(200, 0.1)
    confidence = Confidence.fitted(mass, rng.uniform(0.05, 0.15, 200), z)
    chances = confidence.of(np.linspace(-0.1, 1.1, 500))
    assert (np.diff(chances) >= 0).all()


def test_nothing_is_certain():
    mass, z = np.linspace(0.1, 0.9, 10), np.full(10, 0.1)
    always = Confidence.fitted(mass, z, z)
    assert always.of(np.array([0.0, 0.5, 1.0])) == pytest.approx([11 / 12] * 3)
    never = Confidence.fitted(mass, z + 0.2, z)
    assert never.of(np.array([0.5]))[0] == pytest.approx(1 / 12)


def test_galaxies_that_promise_the_same_get_the_same_chance():
    # Narrow p(z) promise exactly 1; nine in ten are right, in whatever order they come.
    mass = np.concatenate([np.full(100, 1.0), np.linspace(0.1, 0.9, 9)])
    wrong = np.concatenate([np.arange(100) < 10, np.ones(9, bool)])
    confidence = Confidence.fitted(mass, np.where(wrong, 0.5, 0.1), np.full(109, 0.1))
    assert confidence.of(np.array([1.0]))[0] == pytest.approx(0.9)
