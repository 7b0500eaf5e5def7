"""Sizes and kinds of simulated galaxies follow the cited relations."""

from __future__ import annotations

import numpy as np
import pytest

from survey.simulate.morphology import KINDS, draw_shape, early_probability
from survey.simulate.population import Galaxy
from survey.simulate.sizes import draw_radius_kpc, median_radius_kpc, radius_scatter

FLUX = np.array([10.0, 40.0, 80.0, 110.0, 130.0])


def a_galaxy(*, abs_mag_r=-21.0, rest_u_r=2.2, index=0):
    return Galaxy(index, "a", "a", 10.0, 10.0, 0.05, 0.1, FLUX, abs_mag_r, rest_u_r, 0.54)


def test_early_types_follow_equation_14_of_shen_2003():
    # log R = -0.4 * 0.60 * (-22) - 4.63 = 0.65
    assert median_radius_kpc(-22.0, is_early=True) == pytest.approx(10**0.65)


def test_late_types_follow_equation_15_of_shen_2003():
    # At M = M0 the bend adds (0.53 - 0.21) log 2.
    expected = 0.4 * 0.21 * 20.52 + 0.32 * np.log10(2) - 1.31
    assert np.log10(median_radius_kpc(-20.52, is_early=False)) == pytest.approx(expected)


def test_faint_scatter_is_that_of_shen_2003_and_bright_scatter_never_below_0_3():
    assert radius_scatter(-16.0) == pytest.approx(0.48, abs=0.001)
    assert radius_scatter(np.linspace(-24, -15, 50)).min() == pytest.approx(0.3)


def test_drawn_radii_scatter_as_stated():
    rng = np.random.default_rng(1)
    drawn = np.log([draw_radius_kpc(-23.0, is_early=True, rng=rng) for _ in range(4000)])
    # The error of a standard deviation from 4,000 draws is 1.1 %; four of them.
    assert drawn.std() == pytest.approx(0.3, rel=0.045)
    assert drawn.mean() == pytest.approx(np.log(median_radius_kpc(-23.0, is_early=True)), abs=0.02)


def test_half_the_galaxies_on_the_divider_of_baldry_2004_are_early():
    assert early_probability(2.06 - 0.244 * np.tanh(-0.93 / 1.09), -21.0) == pytest.approx(0.5)


def test_redder_galaxies_are_more_often_early():
    chances = [early_probability(colour, -21.0) for colour in (1.5, 2.0, 2.3, 2.8)]
    assert chances == sorted(chances)
    assert chances[0] < 0.01
    assert chances[-1] > 0.95


@pytest.mark.parametrize(
    ("colour", "expected"), [(2.9, {"elliptical", "lenticular"}), (1.5, {"spiral", "edge_on"})]
)
def test_most_red_galaxies_are_early_and_most_blue_ones_discs(colour, expected):
    rng = np.random.default_rng(2)
    kinds = [draw_shape(a_galaxy(rest_u_r=colour), rng).kind for _ in range(300)]
    assert set(kinds) <= set(KINDS)
    assert np.mean([kind in expected for kind in kinds]) > 0.8


def test_a_spiral_is_never_edge_on():
    rng = np.random.default_rng(3)
    shapes = [draw_shape(a_galaxy(rest_u_r=1.6), rng) for _ in range(300)]
    assert max(s.inclination_rad for s in shapes if s.kind == "spiral") < np.radians(78)
    assert min(s.inclination_rad for s in shapes if s.kind == "edge_on") > np.radians(77)


def test_faint_blue_galaxies_are_mostly_irregular():
    rng = np.random.default_rng(4)
    kinds = [draw_shape(a_galaxy(abs_mag_r=-17.0, rest_u_r=1.2), rng).kind for _ in range(200)]
    assert np.mean([kind == "irregular" for kind in kinds]) > 0.6
