import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import example, given, settings
from hypothesis import strategies as st

from survey.sky import BadTarget, hpx29, iau_name, parse_target
from survey.sphere import LAST_CELL, cone_ranges, separation_deg

right_ascensions = st.one_of(st.sampled_from([0.0, 360.0, 359.999999, 1e-9, 45.0, 180.0]), st.floats(0, 360))
declinations = st.one_of(st.sampled_from([90.0, -90.0, 89.9999, -89.9999, 0.0, 41.8103]), st.floats(-90, 90))
radii = st.one_of(st.sampled_from([0.0, 1e-7, 180.0, 90.0]), st.floats(1e-7, 1), st.floats(1, 180))


def in_ranges(cells, ranges):
    inside = np.zeros(len(cells), bool)
    for low, high in ranges:
        inside |= (cells >= low) & (cells <= high)
    return inside


def points_around(ra, dec, radius, seed):
    """Points inside, on the rim of and outside a cone, and over the whole sky."""
    rng = np.random.default_rng(seed)
    distance = np.concatenate([radius * np.sqrt(rng.uniform(0, 1.5, 150)), np.full(50, radius * (1 - 1e-12))])
    around = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        rng.uniform(0, 2 * np.pi, 200) * u.rad, np.minimum(distance, 180) * u.deg
    )
    sky_ra, sky_dec = rng.uniform(0, 360, 200), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 200)))
    return np.concatenate([around.ra.deg, sky_ra]), np.concatenate([around.dec.deg, sky_dec])


@settings(derandomize=True, max_examples=120, deadline=None)
@given(right_ascensions, declinations, radii, st.integers(0, 9))
@example(0.0, 90.0, 1e-7, 0)  # order 28 panicked inside cdshealpix
@example(0.0, 8.074551531529067, 156.1593124204756, 0)  # cdshealpix lost cells
@example(0.0, -90.0, 0.5, 0)
@example(360.0, 0.0, 0.5, 0)
def test_no_object_inside_a_cone_is_missed(ra, dec, radius, seed):
    points_ra, points_dec = points_around(ra, dec, radius, seed)
    inside = separation_deg(ra, dec, points_ra, points_dec) <= radius
    covered = in_ranges(hpx29(points_ra, points_dec).data, cone_ranges(ra, dec, radius))
    assert not np.any(inside & ~covered)


@settings(derandomize=True, max_examples=80, deadline=None)
@given(right_ascensions, declinations, radii, st.sampled_from([1, 2, 12, 64]))
def test_ranges_ascend_without_touching_and_are_few(ra, dec, radius, most):
    ranges = cone_ranges(ra, dec, radius, max_ranges=most)
    assert 1 <= len(ranges) <= most
    bounds = np.array(ranges)
    assert bounds.min() >= 0
    assert bounds.max() <= LAST_CELL
    assert np.all(bounds[:, 0] <= bounds[:, 1])
    assert np.all(bounds[1:, 0] > bounds[:-1, 1] + 1)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(right_ascensions, st.floats(-80, 80), st.floats(1e-5, 10))
def test_ranges_cover_little_more_than_the_cone(ra, dec, radius):
    ranges = cone_ranges(ra, dec, radius)
    cells = sum(high - low + 1 for low, high in ranges)
    area = cells * 41252.96 / (LAST_CELL + 1)
    # Cells are at most a quarter of the radius wide, refined twice on the rim: well within twice the area.
    assert area < 2 * np.pi * radius**2 + 1e-12


@settings(derandomize=True, max_examples=100, deadline=None)
@given(right_ascensions, declinations, right_ascensions, declinations)
@example(0.0, 90.0, 180.0, 90.0)
@example(10.0, 20.0, 190.0, -20.0)
@example(359.9999999, 0.0, 0.0000001, 0.0)
def test_separation_agrees_with_astropy(ra1, dec1, ra2, dec2):
    expected = SkyCoord(ra1, dec1, unit="deg").separation(SkyCoord(ra2, dec2, unit="deg")).deg
    assert separation_deg(ra1, dec1, ra2, dec2) == pytest.approx(expected, abs=1e-11)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.floats(0, 360, exclude_max=True), st.floats(-90, 90))
def test_name_of_a_place_is_a_box_around_it(ra, dec):
    target = parse_target(iau_name(ra, dec))
    # One millionth of the last digit may be rounded over the edge.
    assert separation_deg(ra, dec, target.ra_deg, target.dec_deg) <= target.radius_deg * (1 + 1e-5) + 1e-10


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(max_size=220))
def test_any_text_is_a_target_or_refused(text):
    try:
        target = parse_target(text)
    except BadTarget:
        return
    assert (target.ra_deg is None) == (target.kind == "id")


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.floats(0, 359.99), st.floats(-89.99, 89.99))
def test_sexagesimal_text_of_astropy_is_read_back(ra, dec):
    place = SkyCoord(ra, dec, unit="deg")
    for separator in ({}, {"sep": ":"}, {"sep": " "}):
        text = place.to_string("hmsdms", precision=6, **separator)
        target = parse_target(text)
        assert separation_deg(ra, dec, target.ra_deg, target.dec_deg) < 1e-8


@pytest.mark.parametrize(
    ("ra", "dec", "radius"), [(0, 91, 1), (361, 0, 1), (0, 0, 181), (0, 0, -1), (0, 0, float("nan"))]
)
def test_cone_off_the_sphere_is_refused(ra, dec, radius):
    with pytest.raises(BadTarget):
        cone_ranges(ra, dec, radius)
