"""A second look at a rendered galaxy: the galaxy is the same, all else is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from survey.extinction import extinction_mag
from survey.simulate.galaxies import build_galaxy
from survey.simulate.light import combine
from survey.simulate.morphology import KINDS, Shape
from survey.simulate.optics import Observation, expose
from survey.simulate.parents import UGRIZ
from survey.simulate.population import Galaxy, behind_other_dust
from survey.simulate.recipe import describe, is_made
from survey.simulate.render import render_galaxy

FLUX = np.array([10.0, 40.0, 80.0, 110.0, 130.0])
SEEING = Observation(np.full(5, 1.3), np.full(5, 0.03))


def a_galaxy(index, ebv=0.05):
    return Galaxy(index, f"g{index}", "p", 10.0, 10.0, ebv, 0.1, FLUX, -21.0, 2.2, 0.54)


def picture(shape):
    return expose(combine(build_galaxy(shape, np.random.default_rng(5)), FLUX), SEEING)


@pytest.mark.parametrize("kind", KINDS)
def test_a_galaxy_turned_by_a_quarter_is_its_picture_turned(kind):
    shape = Shape(kind, 2.5, 0.3, 0.7, 0.8, 0.4, 1.0)
    turned, upright = picture(shape.turned(np.pi / 2)), picture(shape)
    # From +x to +y: rows grow with y, so the picture turns against np.rot90.
    peak = float(upright.max())
    assert np.abs(turned - np.rot90(upright, -1, axes=(1, 2))).max() < 2e-3 * peak
    assert np.abs(turned - upright).max() > 2e-2 * peak


def test_another_realisation_shows_the_same_galaxy_otherwise():
    looks = [render_galaxy(a_galaxy(5), seed=3, oddity_rate=0, realisation=n) for n in (0, 1, 2)]
    truths = [replace(look.shape, angle_rad=0.0, turn_rad=0.0) for look in looks]
    assert truths[0] == truths[1] == truths[2]
    assert len({look.shape.angle_rad for look in looks}) == 3
    for first, second in ((0, 1), (1, 2), (0, 2)):
        # Noise is not repeated: no pixel of 35,280 is expected to agree in seven digits.
        assert np.mean(looks[first].image == looks[second].image) < 1e-3


def test_realisation_nought_is_the_survey_itself():
    assert np.array_equal(
        render_galaxy(a_galaxy(5), seed=3).image, render_galaxy(a_galaxy(5), seed=3, realisation=0).image
    )
    assert "realisation" not in describe("demo", n=3, seed=1, is_copied=False).extra["simulation"]


def test_a_realisation_is_not_taken_for_the_survey():
    second = describe("demo", n=3, seed=1, is_copied=False, realisation=2)
    assert is_made(second, n=3, seed=1, realisation=2)
    assert not is_made(second, n=3, seed=1)


def test_other_dust_is_drawn_from_the_survey_and_leaves_the_light_behind_it():
    galaxies = [a_galaxy(n, ebv=0.01 * n) for n in range(20)]
    moved = behind_other_dust(galaxies, seed=1, realisation=1)
    assert sorted(g.ebv for g in moved) == [g.ebv for g in galaxies]
    assert [g.ebv for g in moved] != [g.ebv for g in galaxies]
    for before, after in zip(galaxies, moved, strict=True):
        clear = [g.flux * 10 ** (0.4 * extinction_mag(np.array(g.ebv), UGRIZ)) for g in (before, after)]
        assert clear[1] == pytest.approx(clear[0], rel=1e-12)


def test_worse_seeing_widens_the_same_galaxy_and_keeps_its_conditions_else():
    sharp, dull = (render_galaxy(a_galaxy(5), seed=3, oddity_rate=0, seeing=s) for s in (1.0, 1.5))
    assert dull.shape == sharp.shape
    assert dull.observation.fwhm == pytest.approx(1.5 * sharp.observation.fwhm)
    assert dull.observation.sky_sigma.tolist() == sharp.observation.sky_sigma.tolist()
    middle = slice(40, 44)
    assert dull.image[2, middle, middle].sum() < 0.95 * sharp.image[2, middle, middle].sum()


def test_a_point_is_as_wide_as_the_seeing():
    star = render_galaxy(a_galaxy(5), seed=3, oddity_rate=0, as_point=True)
    inner = np.hypot(*(np.indices((84, 84)) - 41.5)) < star.observation.fwhm[2] / 0.396
    # Within one FWHM lie 1 - (1 + 4 (2^(1/3) - 1))^-2 = 0.76 of a Moffat profile of index 3; pixels a third of it wide and a
    # place a tenth of it off centre can only lower that, a little.
    assert 0.68 < star.image[2][inner].sum() / FLUX[2] < 0.77
    galaxy = render_galaxy(a_galaxy(5), seed=3, oddity_rate=0)
    assert galaxy.image[2][inner].sum() < 0.6 * star.image[2][inner].sum()
