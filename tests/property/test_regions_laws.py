"""Regions hold what astropy and mocpy find in them, at the poles and through RA 0 too."""

from __future__ import annotations

import astropy.units as u
import mocpy
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.moc import MOC
from index.regions import BadRegion, Box, Cone, Polygon
from index.sky_rows import SkyRows
from survey.sphere import hpx29

_RNG = np.random.default_rng(11)
# All over the sky, dense around both poles and the origin of RA.
_RA = np.concatenate([_RNG.uniform(0, 360, 4000), _RNG.uniform(-2, 2, 500) % 360, _RNG.uniform(0, 360, 600)])
_DEC = np.concatenate(
    [
        np.degrees(np.arcsin(_RNG.uniform(-1, 1, 4000))),
        _RNG.uniform(-2, 2, 500),
        _RNG.choice([-1, 1], 600) * (90 - np.abs(_RNG.normal(0, 1.5, 600))),
    ]
)


class _Rows:
    """The columns that places need."""

    def __init__(self, ra, dec, cells=None):
        self._values = {"ra_deg": ra, "dec_deg": dec}
        self._cells = hpx29(ra, dec) if cells is None else cells

    def array(self, name):
        return self._values[name]

    def numbers(self, name):
        assert name == "hpx29"
        known = ~np.ma.getmaskarray(self._cells)
        return self._cells.filled(0), None if known.all() else known


def _in_order(n_tail, *, withdrawn=False):
    """Places in the order of their cells, but for the last ones; every 50th unknown, last of all or in its place."""
    ra, dec = _RA.copy(), _DEC.copy()
    if not withdrawn:
        ra[::50] = dec[::50] = np.nan
    n = len(ra) - n_tail
    order = np.argsort(hpx29(ra[:n], dec[:n]).filled(np.iinfo(np.int64).max), kind="stable")
    rows = np.concatenate([order, np.arange(n, len(ra))])
    ra, dec = ra[rows], dec[rows]
    if withdrawn:
        ra[::50] = dec[::50] = np.nan
    return SkyRows(_Rows(ra, dec))


_SKIES = [_in_order(0), _in_order(700), _in_order(len(_RA)), _in_order(0, withdrawn=True)]
_ra = st.floats(0, 360) | st.sampled_from([0.0, 360.0, 180.0])
_dec = st.floats(-90, 90) | st.sampled_from([-90.0, 0.0, 90.0])
_laws = settings(derandomize=True, deadline=None, max_examples=40)


def _places(sky):
    known = np.isfinite(sky.ra_deg)
    return known, SkyCoord(sky.ra_deg[known], sky.dec_deg[known], unit="deg")


def test_rows_are_sorted_up_to_those_that_were_appended():
    assert [sky.n_sorted == len(_RA) for sky in _SKIES] == [True, False, False, True]
    assert _SKIES[1].n_sorted >= len(_RA) - 700


@_laws
@given(_ra, _dec, st.floats(1e-4, 180) | st.sampled_from([1e-3, 90.0, 180.0]), st.integers(0, 3))
@example(0.0, 90.0, 3.0, 1)
@example(360.0, 0.0, 2.0, 0)
@example(10.0, -90.0, 179.0, 2)
def test_a_cone_holds_what_is_near_enough(ra, dec, radius, which):
    sky = _SKIES[which]
    known, places = _places(sky)
    apart = SkyCoord(ra, dec, unit="deg").separation(places).deg
    inside = Cone(ra, dec, radius).mask(sky)
    assert not inside[~known].any()
    clear = np.abs(apart - radius) > 1e-9
    np.testing.assert_array_equal(inside[known][clear], (apart <= radius)[clear])


def test_an_object_on_the_rim_of_a_cone_is_inside():
    sky = SkyRows(_Rows(np.array([10.0, 10.0]), np.array([0.0, 89.0])))
    assert Cone(10.0, 1 / 3600, 1 / 3600).mask(sky).tolist() == [True, False]
    assert Cone(190.0, 89.0, 2.0).mask(sky).tolist() == [False, True]


@_laws
@given(_ra, _ra, _dec, _dec, st.integers(0, 3))
def test_a_box_holds_what_lies_between_its_bounds(ra0, ra1, dec0, dec1, which):
    sky = _SKIES[which]
    dec0, dec1 = sorted((dec0, dec1))
    inside = Box(ra0, ra1, dec0, dec1).mask(sky)
    width = ra1 - ra0 if ra0 <= ra1 else ra1 - ra0 + 360
    east = (sky.ra_deg - ra0) % 360
    expected = ((east <= width) | (width == 360)) & (sky.dec_deg >= dec0) & (sky.dec_deg <= dec1)
    rounded = np.abs(east - width) < 1e-9
    np.testing.assert_array_equal(inside[~rounded], expected[~rounded])


def test_a_box_through_the_origin_of_ra_holds_both_sides_of_it():
    sky = SkyRows(_Rows(np.array([0.0, 1.0, 359.0, 180.0]), np.zeros(4)))
    assert Box(350, 10, -1, 1).mask(sky).tolist() == [True, True, True, False]
    assert Box(350, 360, -1, 1).mask(sky).tolist() == [True, False, True, False]
    assert Box(0, 360, -1, 1).mask(sky).all()


def _winding(corners, places):
    """Turns of the corners around each place, by the angles at which it sees them."""
    angles = [places.position_angle(SkyCoord(ra, dec, unit="deg")).rad for ra, dec in corners]
    turns = np.diff(np.array([*angles, angles[0]]), axis=0)
    return np.round(((turns + np.pi) % (2 * np.pi) - np.pi).sum(axis=0) / (2 * np.pi)).astype(int)


@_laws
@given(
    st.tuples(_ra, _dec),
    st.lists(st.floats(0.02, 1), min_size=3, max_size=12),
    st.floats(0.5, 60),
    st.integers(0, 3),
    st.sampled_from([1, -1]),
)
@example((0.0, 0.0), [1.0, 0.2, 1.0, 0.2, 1.0, 0.2], 3.0, 0, 1)
@example((0.0, 90.0), [1.0] * 5, 2.0, 1, -1)
@example((77.0, -90.0), [1.0, 0.1, 0.5], 60.0, 2, -1)
@example((10.0, 20.0), [1.0] * 8, 84.0, 2, 1)
def test_a_polygon_holds_what_its_corners_turn_around(place, radii, size, which, direction):
    sky = _SKIES[which]
    centre = SkyCoord(*place, unit="deg")
    angles = np.linspace(0, 360, len(radii), endpoint=False)
    around = centre.directional_offset_by(angles * u.deg, np.array(radii) * size * u.deg)
    corners = [(float(c.ra.deg), float(c.dec.deg)) for c in around[::direction]]
    inside = Polygon(tuple(corners)).mask(sky)
    known, places = _places(sky)
    # From the other half of the sky the corners turn as well, the other way round.
    near = centre.separation(places).deg < 85
    np.testing.assert_array_equal(inside[known][near], _winding(corners, places[near]) != 0)
    assert not inside[known][~near].any()
    assert not inside[~known].any()


@pytest.mark.parametrize(
    "corners",
    [
        ((0, 0), (1, 1)),
        ((0, 0), (120, 0), (240, 0)),
        ((0, 0), (1, 0), (1, 91)),
        ((0, 0), (361, 0), (1, 1)),
        tuple((n / 100, n % 7) for n in range(201)),
        ((0, 0), (180, 0), (0, 0)),
    ],
)
def test_a_polygon_without_a_clear_inside_is_refused(corners):
    with pytest.raises(BadRegion):
        Polygon(tuple((float(ra), float(dec)) for ra, dec in corners))


@_laws
@given(
    st.dictionaries(
        st.integers(0, 29), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=30), min_size=1
    ),
    st.integers(0, 3),
)
def test_a_map_holds_what_mocpy_finds_in_it(cells, which):
    sky = _SKIES[which]
    named = {order: sorted({int(x * 12 * 4**order) for x in places}) for order, places in cells.items()}
    text = " ".join(f"{order}/" + " ".join(map(str, ids)) for order, ids in named.items())
    reference = mocpy.MOC.new_empty(29)
    for order, ids in named.items():
        reference = reference.union(
            mocpy.MOC.from_healpix_cells(np.array(ids, np.uint64), np.full(len(ids), order, np.uint8), 29)
        )
    known, places = _places(sky)
    expected = reference.contains_lonlat(places.ra, places.dec)
    ours = MOC.parse(text)
    inside = ours.mask(sky)
    np.testing.assert_array_equal(inside[known], expected)
    assert not inside[~known].any()
    np.testing.assert_array_equal(np.array(ours.ranges), reference.to_depth29_ranges.astype(np.int64))
    as_json = "{" + ", ".join(f'"{order}": {ids}' for order, ids in named.items()) + "}"
    assert MOC.parse(as_json) == ours == MOC.parse(ours.to_json())
    assert mocpy.MOC.from_string(ours.to_json()).to_depth29_ranges.tolist() == [list(r) for r in ours.ranges]


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_map_of_one_cell_holds_the_object_in_it_alone(which):
    sky = _SKIES[which]
    placed = np.flatnonzero(np.isfinite(sky.ra_deg))
    for row in placed[[1, 700, -1]].tolist():
        cell = int(sky.cells[row])
        assert np.flatnonzero(MOC(((cell, cell + 1),)).mask(sky)).tolist() == [row]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no cell"),
        ("3/", "no cell"),
        ("{}", "no cell"),
        ("30/0", "finest order is 29"),
        ("0/12", "0 to 11"),
        ("3/5-1", "smaller first"),
        ("29/0-3458764513820540928", "3458764513820540927"),
        ("3", "no part of a MOC"),
        ("3/1.5", "no part of a MOC"),
        ("3/-5", "no part of a MOC"),
        ("t3/1", "no part of a MOC"),
        ("3/99999999999999999999999999", "no part of a MOC"),
        ("3/9999999999999999999", "Cells 9999999999999999999"),
        ("\x00", "no part of a MOC"),
        ('{"3": [1.5]}', "whole numbers"),
        ('{"3": [true]}', "whole numbers"),
        ('{"3": [-1]}', "0 to 767"),
        ('{"3": 5}', "no order"),
        ('{"a": [1]}', "no order"),
        ('{"3": [1}', "not valid JSON"),
        ("{" * 5000, "not valid JSON"),
        ("3/" + " 1" * 20_001, "at most 20000"),
        ("3/" + " 1" * 250_001, "at most 400000"),
    ],
)
def test_a_map_that_is_none_is_refused_with_the_reason(text, message):
    with pytest.raises(BadRegion, match=message):
        MOC.parse(text)


def test_a_place_without_a_cell_is_found_all_the_same():
    unknown = np.ma.MaskedArray(np.zeros(2, np.int64), mask=[True, True])
    sky = SkyRows(_Rows(np.array([10.0, np.nan]), np.array([5.0, np.nan]), unknown))
    assert Cone(10, 5, 1).mask(sky).tolist() == [True, False]


def test_every_cone_off_the_sphere_is_refused():
    for cone in ((400, 0, 1), (0, 91, 1), (0, 0, 0), (0, 0, 181), (np.nan, 0, 1), (0, 0, np.nan)):
        with pytest.raises(BadRegion):
            Cone(*map(float, cone))
    with pytest.raises(BadRegion, match="smaller Dec first"):
        Box(0, 1, 5, 4)
