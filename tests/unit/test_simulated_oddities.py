"""Planted oddities do what their names say and nothing else."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from survey.simulate.oddities import ODDITIES, draw_oddity, ring_galaxy, saturate, spoil, streak
from survey.simulate.population import Galaxy
from survey.simulate.recipe import FIELD_PX
from survey.simulate.render import render_galaxy

FLUX = np.array([10.0, 40.0, 80.0, 110.0, 130.0])
BLANK = np.zeros((5, FIELD_PX, FIELD_PX), np.float32)


def a_galaxy(index):
    return Galaxy(index, f"g{index}", "p", 10.0, 10.0, 0.05, 0.1, FLUX, -21.0, 2.2, 0.54)


@cache
def first_with(kind):
    for index in range(80):
        rendered = render_galaxy(a_galaxy(index), seed=3, oddity_rate=1.0)
        if rendered.oddity == kind:
            return rendered
    raise AssertionError(kind)


def test_one_or_two_in_a_hundred_are_odd_and_all_kinds_occur():
    rng = np.random.default_rng(0)
    drawn = Counter(draw_oddity(rng) for _ in range(6000))
    assert set(drawn) == {*ODDITIES, None}
    assert 0.01 < 1 - drawn[None] / 6000 < 0.02


def test_rendering_depends_on_seed_and_index_alone():
    once, again = (render_galaxy(a_galaxy(5), seed=3) for _ in range(2))
    assert np.array_equal(once.image, again.image)
    assert not np.array_equal(once.image, render_galaxy(a_galaxy(6), seed=3).image)
    assert not np.array_equal(once.image, render_galaxy(a_galaxy(5), seed=4).image)


def test_a_missing_band_is_one_band_and_never_r():
    rng = np.random.default_rng(1)
    lost = [np.flatnonzero(np.isnan(spoil(BLANK, rng)).all(axis=(1, 2))) for _ in range(40)]
    assert all(len(bands) == 1 for bands in lost)
    assert {int(bands[0]) for bands in lost} == {0, 1, 3, 4}


def test_a_satellite_trail_crosses_one_band():
    trailed = streak(BLANK, np.random.default_rng(2))
    touched = (trailed > 0.05).any(axis=(1, 2))
    assert touched.sum() == 1
    # It is a line: in its band it reaches at least two edges.
    plane = trailed[touched][0] > 0.05
    assert sum(edge.any() for edge in (plane[0], plane[-1], plane[:, 0], plane[:, -1])) >= 2


def test_saturated_pixels_are_capped_and_bleed_along_the_column():
    bright = BLANK.copy()
    bright[2, 40, 30] = 5000.0
    full = saturate(bright)
    assert full.max() == full[2, 40, 30] < 5000
    assert (full[2, :, 30] == full.max()).sum() > 5
    assert np.count_nonzero(full[2]) == np.count_nonzero(full[2, :, 30])


def test_a_ring_galaxy_is_fainter_between_core_and_ring():
    rendered = first_with("ring")
    parts = ring_galaxy(rendered.shape, np.random.default_rng(4))
    assert [part.weight for part in parts] == [0.45, 0.55]


@pytest.mark.parametrize("kind", ODDITIES)
def test_every_oddity_renders(kind):
    image = first_with(kind).image
    assert image.shape == (5, FIELD_PX, FIELD_PX)
    assert np.isfinite(image).all() == (kind != "missing_band")


def test_a_saturated_star_outshines_the_galaxy():
    assert first_with("saturated_star").image[2].max() > 100
