"""What `match=` means."""

from __future__ import annotations

import pytest

from index.queries.matched import BadMatch, Tolerance, parse_match, ranges_of


def test_a_match_is_read_column_by_column():
    assert parse_match("r:0.5,size:0.2dex, z:0.02") == (
        Tolerance("r", 0.5, is_dex=False),
        Tolerance("size", 0.2, is_dex=True),
        Tolerance("z", 0.02, is_dex=False),
    )


@pytest.mark.parametrize(
    "text", ["", "r", "r:", "r:0", "r:-1", "r:nan", "r:1e9", "r:0.5,r:0.2", "r:0.5;z:1", ":1", "size:31dex"]
)
def test_what_is_no_match_is_refused(text):
    with pytest.raises(BadMatch):
        parse_match(text)


def test_bounds_lie_around_the_query_objects_own_values():
    own = {"mag_r": 17.0, "r50_arcsec": 2.0, "z_spec": 0.5, "oddity": 3.0}
    found = ranges_of(parse_match("r:0.5,size:1dex,z:0.02,oddity:1"), own.keys(), own.get)
    assert found["mag_r"] == (16.5, 17.5)
    assert found["r50_arcsec"] == pytest.approx((0.2, 20.0))
    # |z - z0| <= 0.02 (1 + z0)
    assert found["z_spec"] == pytest.approx((0.47, 0.53))
    assert found["oddity"] == (2.0, 4.0)


def test_the_widest_match_has_bounds():
    (bounds,) = ranges_of(parse_match("size:30dex"), ["r50_arcsec"], {"r50_arcsec": 2.0}.get).values()
    assert bounds == pytest.approx((2e-30, 2e30))


def test_two_names_of_one_column_bound_it_both():
    found = ranges_of(parse_match("r:0.5,mag_r:0.1"), ["mag_r"], {"mag_r": 17.0}.get)
    assert found["mag_r"] == pytest.approx((16.9, 17.1))


def test_the_first_size_that_a_release_has_is_its_size():
    size = parse_match("size:0.1dex")[0]
    assert size.resolve(["flux_radius", "petro_r50"]) == "petro_r50"
    with pytest.raises(BadMatch, match="no column"):
        size.resolve(["mag_r"])


@pytest.mark.parametrize("value", [None, float("nan")])
def test_nothing_can_be_matched_to_a_value_that_is_not_there(value):
    with pytest.raises(BadMatch, match="has no mag_r"):
        Tolerance("r", 0.5, is_dex=False).around("mag_r", value)


def test_dex_needs_a_positive_value():
    with pytest.raises(BadMatch, match="no logarithm"):
        Tolerance("oddity", 0.5, is_dex=True).around("oddity", 0.0)
