"""Filters as people write them mean one thing, in a query and in a body."""

from __future__ import annotations

import pytest

from index.moc import MOC
from index.photoz_columns import Flag
from index.regions import Box, Cone, Polygon
from index.selection import EVERYTHING, Selection
from service.operations.refusals import InvalidFilter
from service.selection_json import parse_filters
from service.selection_parameters import selection_of

_CORNERS = ((149.0, 1.5), (151.0, 1.5), (150.0, 2.5))


@pytest.mark.parametrize(
    ("query", "body", "selection"),
    [
        ({}, {}, EVERYTHING),
        ({"z_min": 0.1, "z_max": 0.2}, {"z_spec": [0.1, 0.2]}, Selection({"z_spec": (0.1, 0.2)})),
        ({"mag_r_max": 17.0}, {"mag_r": [None, 17]}, Selection({"mag_r": (None, 17.0)})),
        (
            {"z_phot_min": 0.1, "z_conf_min": 0.5},
            {"z_phot": [0.1, None], "z_conf": [0.5, None]},
            Selection({"z_phot": (0.1, None), "z_conf": (0.5, None)}),
        ),
        (
            {"where": ["r50_arcsec:1..3", "flux_r:-1e-3..", "a:b c:..5"]},
            {"r50_arcsec": [1, 3], "flux_r": [-1e-3, None], "a:b c": [None, 5]},
            Selection({"r50_arcsec": (1.0, 3.0), "flux_r": (-1e-3, None), "a:b c": (None, 5.0)}),
        ),
        ({"where": ["cone:0..1"]}, {"where": {"cone": [0, 1]}}, Selection({"cone": (0.0, 1.0)})),
        ({"label": ["b", "a,x"]}, {"label": ["a,x", "b"]}, Selection(labels=("a,x", "b"))),
        ({"label": ["a"]}, {"label": "a"}, Selection(labels=("a",))),
        (
            {"flags_none": "pdf_edge, masked", "flags_any": "OUT_OF_SUPPORT"},
            {"flags_none": ["masked", "pdf_edge"], "flags_any": 1},
            Selection(flags_none=int(Flag.PDF_EDGE | Flag.MASKED), flags_any=1),
        ),
        (
            {"cone": "150.1, 2.2,0.5"},
            {"cone": [150.1, 2.2, 0.5]},
            Selection(regions=(Cone(150.1, 2.2, 0.5),)),
        ),
        (
            {"cone": "150.1,-2.2,30arcmin"},
            {"cone": [150.1, -2.2, 0.5]},
            Selection(regions=(Cone(150.1, -2.2, 0.5),)),
        ),
        ({"box": "350,10,-1,1"}, {"box": [350, 10, -1, 1]}, Selection(regions=(Box(350, 10, -1, 1),))),
        (
            {"polygon": "149,1.5,151,1.5,150,2.5"},
            {"polygon": [list(corner) for corner in _CORNERS]},
            Selection(regions=(Polygon(_CORNERS),)),
        ),
        (
            {"moc": "3/0-2 7"},
            {"moc": {"3": [0, 1, 2, 7]}},
            Selection(regions=(MOC.parse("3/0-2 7"),)),
        ),
        ({"exclude": ["G2", "G1"]}, {"exclude": ["G1", "G2", "G1"]}, Selection(excluded_ids=("G1", "G2"))),
        ({"dedup": "true"}, {"dedup": True}, Selection(dedup="position")),
        ({"dedup": "parent"}, {"dedup": "parent"}, Selection(dedup="parent")),
        ({"dedup": "false"}, {"dedup": False}, EVERYTHING),
        ({}, {"label": [], "exclude": None, "moc": None, "where": {}}, EVERYTHING),
    ],
)
def test_a_query_and_a_body_ask_for_the_same(query, body, selection):
    assert selection_of(**query) == selection
    assert parse_filters(body) == selection
    # What a certificate says can be sent again.
    assert parse_filters(selection.to_json()) == selection


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"z_min": 0.2, "z_max": 0.1}, r"0\.2 to 0\.1"),
        ({"z_min": 0.2, "where": ["z_spec:0..1"]}, "z_spec is bounded twice"),
        ({"where": ["x:1..2", "x:3..4"]}, "x is bounded twice"),
        ({"where": ["x:.."]}, "column:low..high"),
        ({"where": ["x=1"]}, "column:low..high"),
        ({"where": ["x:1..nan"]}, "column:low..high"),
        ({"where": [":1..2"]}, "column:low..high"),
        ({"where": ["x:1..1e999"]}, "not finite"),
        ({"flags_none": "pdf_egde"}, "pdf_egde.*flags are out_of_support"),
        ({"flags_any": "512"}, "bits 0 to 511"),
        ({"flags_none": ""}, "`flags_none` names no flag"),
        ({"flags_any": " ,"}, "`flags_any` names no flag"),
        ({"cone": "150,2"}, "RA, Dec and radius"),
        ({"cone": "150,2,1parsec"}, "`cone`.*with a unit"),
        ({"cone": "150,2,nan"}, "`cone`"),
        ({"cone": "nan,2,1"}, "RA nan"),
        ({"cone": "150,95,1"}, "Dec 95"),
        ({"cone": "150,2,181"}, "180 degrees, not 181"),
        ({"box": "1,2,3"}, "two RA, then two Dec"),
        ({"box": "1,2,3,x"}, "could not convert"),
        ({"polygon": "x" * 10_000}, r"`polygon`[^\n]{,200}$"),
        ({"box": "1,2,4,3"}, "smaller Dec first"),
        ({"polygon": "1,2,3,4,5"}, "5 numbers"),
        ({"polygon": "1,2,3,4"}, "2 corners; give 3 to 200"),
        ({"polygon": ",".join("12" * 201)}, "201 corners"),
        ({"polygon": "1,2,3,4,1,2"}, "2 different corners"),
        ({"moc": "3/768"}, "0 to 767"),
        ({"moc": ""}, "no cell"),
    ],
)
def test_a_query_that_cannot_be_applied_is_refused_with_value_limit_and_remedy(query, message):
    with pytest.raises(InvalidFilter, match=message):
        selection_of(**query)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"z_spec": 0.1}, r"\[low, high\]"),
        ({"z_spec": [0.1]}, r"\[low, high\]"),
        ({"z_spec": "01"}, r"\[low, high\]"),
        ({"z_spec": ["0.1", None]}, "'0.1' is no number"),
        ({"z_spec": [True, None]}, "'True' is no number"),
        ({"z_spec": [10**400, None]}, "beyond all"),
        ({"z_spec": [float("nan"), 1]}, "not finite"),
        ({"where": [1]}, "`where` is an object"),
        ({"where": {"z_spec": [0, 1]}, "z_spec": [None, 1]}, "z_spec is bounded twice"),
        ({"": [0, 1]}, "1 to 200 characters"),
        ({"x" * 201: [0, 1]}, "1 to 200 characters"),
        ({f"c{n}": [0, 1] for n in range(65)}, "at most 64"),
        ({"label": 5}, "list of texts"),
        ({"label": [["a"]]}, "list of texts"),
        ({"label": [f"{n}" for n in range(201)]}, "at most 200"),
        ({"exclude": [f"{n}" for n in range(10_001)]}, "at most 10000"),
        ({"exclude": {"a": 1}}, "list of texts"),
        ({"flags_none": 512}, "bits 0 to 511"),
        ({"flags_none": -1}, "bits 0 to 511"),
        ({"flags_none": True}, "list of texts"),
        ({"cone": "150,2,1"}, r"written \[150.1, 2.2, 0.5\]"),
        ({"cone": [150, 2, None]}, "'None' is no number"),
        ({"polygon": 5}, "list of corners"),
        ({"polygon": [[1, 2], [3], [4, 5]]}, "corners"),
        ({"polygon": [[n % 5, n % 7] for n in range(100_000)]}, "100000 corners"),
        ({"moc": 5}, "no part of a MOC"),
        ({"moc": [1, 2]}, "no part of a MOC"),
        ({"moc": {"3": {"a": 1}}}, "no order"),
        ({"moc": {"3": [2**70]}}, "`moc` is a text"),
        ({"dedup": "yes"}, "true, false, position or parent"),
        ({"dedup": 1}, "true, false, position or parent"),
        ({"dedup": ["position"]}, "true, false, position or parent"),
    ],
)
def test_a_body_that_cannot_be_applied_is_refused_with_value_limit_and_remedy(body, message):
    with pytest.raises(InvalidFilter, match=message):
        parse_filters(body)
