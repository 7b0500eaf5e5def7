"""Pairs of one sky: by place as brute force finds them, and what is known of a pair is kept when lists are joined."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from index.audit.pairs import SkyPairs, groups_of
from index.audit.places import pairs_by_place


def test_pairs_by_place_are_those_of_astropy():
    rng = np.random.default_rng(0)
    ra = np.append(359.99 + 0.02 * rng.random(60), [np.nan, 0.0]) % 360
    dec = np.append(0.02 * rng.random(60), [0.01, np.nan])
    found = pairs_by_place(ra, dec, 20.0)
    sky = SkyCoord(ra[:60] * u.deg, dec[:60] * u.deg)
    expected = {
        (a, b): sky[a].separation(sky[b]).arcsec
        for a in range(60)
        for b in range(a + 1, 60)
        if sky[a].separation(sky[b]).arcsec <= 20
    }
    assert len(expected) > 20
    assert [tuple(pair) for pair in found.rows.tolist()] == sorted(expected)
    assert found.separation_arcsec == pytest.approx([expected[pair] for pair in sorted(expected)], abs=1e-6)


def test_without_two_positions_there_are_no_pairs():
    assert len(pairs_by_place(np.array([10.0, np.nan]), np.array([0.0, 1.0]), 30.0)) == 0


def test_joining_keeps_what_either_knows():
    place = SkyPairs(
        np.array([[0, 1], [2, 5]]), np.full((2, 2), np.nan), *(np.full(2, np.nan),) * 2, np.array([3.0, 4.0])
    )
    pixels = SkyPairs(
        np.array([[0, 1], [1, 4]]),
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        np.array([0.5, 0.6]),
        np.array([0.8, 0.9]),
        np.full(2, np.nan),
    )
    joined = place.joined(pixels)
    assert joined.rows.tolist() == [[0, 1], [1, 4], [2, 5]]
    assert joined.separation_arcsec.tolist()[::2] == [3.0, 4.0]
    assert joined.overlap.tolist()[:2] == [0.5, 0.6]
    assert joined.shift_px[0].tolist() == [1.0, 2.0]
    assert np.isnan([joined.separation_arcsec[1], joined.overlap[2], joined.correlation[2]]).all()


def test_what_is_joined_to_one_is_joined_to_its_others():
    groups = groups_of(np.array([[0, 3], [3, 5]]), 7)
    assert groups[0] == groups[3] == groups[5]
    assert len(set(groups.tolist())) == 5
