"""Blocks of one value are no measurement; whatever else repeats is left alone."""

import numpy as np
import pytest
from astropy.io import fits
from support.fits_files import file_of, galaxy, read, tan_header

from survey.blanks import blank_pixels

SIDE = 60


def radius(side=SIDE):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.hypot(x, y)


def sky(seed=1):
    return np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE)) + 50 * np.exp(-radius() / 4)


def blank(plane, good=None):
    plane = plane.astype(np.float32)
    return blank_pixels(plane, np.isfinite(plane) if good is None else good)


def padded(edge):
    return np.pad(sky()[edge:-edge, edge:-edge], edge)


BLOCKS = {
    "the core": radius() < 6,
    "half the image": np.arange(SIDE)[:, None] + np.zeros(SIDE) < SIDE / 2,
    "a corner beyond the edge": np.add(*np.mgrid[:SIDE, :SIDE]) < 12,
    "a frame of padding": np.pad(np.zeros((40, 40), bool), 10, constant_values=True),
    "two gaps": np.isin(np.arange(SIDE), (5, 50))[:, None] & np.ones(SIDE, bool),
}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("filling", [0.0, -999.0, 0.125])
def test_a_block_of_one_value_is_blank(name, filling):
    np.testing.assert_array_equal(blank(np.where(BLOCKS[name], filling, sky())), BLOCKS[name])


def test_nine_pixels_are_none():
    plane = sky()
    plane[10:13, 10:13] = 0
    assert not blank(plane).any()


def test_what_is_masked_already_belongs_to_no_block():
    plane = sky()
    plane[:20] = 0
    good = np.ones(plane.shape, bool)
    good[:20] = False
    assert not blank(plane, good).any()


HONEST = {
    "noise": sky(),
    "full wells": np.minimum(sky() * 100, 1500),
    "few counts": np.random.default_rng(2).poisson(0.2 + 5 * np.exp(-radius() / 4)),
    "coarse integers": np.round(sky()),
    "quantised to a quarter of the noise": np.round(4 * sky()) / 4,
    "a galaxy without noise": np.where(radius() < 20, np.exp(-radius() / 4) + np.arange(SIDE) * 1e-5, 0),
    "one value": np.zeros((SIDE, SIDE)),
}


@pytest.mark.parametrize("name", HONEST)
def test_values_that_repeat_of_themselves_are_left(name):
    assert not blank(HONEST[name]).any()


def test_zeros_in_a_file_are_masked_and_said():
    planes = galaxy(3, side=64)
    planes[0, :20] = 0
    found = read(file_of(fits.PrimaryHDU(planes, tan_header(64, SURVEY="DECaLS", BANDS="grz", BRICK="x"))))
    assert found.report.flags == ["masked"]
    np.testing.assert_array_equal(found.cutout.mask.sum(axis=(1, 2)), [20 * 64, 0, 0])
    assert any("one and the same value" in text and "g 31 %" in text for _, text in found.report.steps)
