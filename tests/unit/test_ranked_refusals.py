"""What a ranking cannot be asked says why, and releases of before format 5 are ranked all the same."""

from __future__ import annotations

import pytest
from support.stub_release import StubRelease

from index.selection import EVERYTHING
from service.anomaly_parameters import AnomaliesAsked
from service.operations.anomaly_list import ranked
from service.operations.refusals import InvalidFilter
from service.rankings import Rankings


@pytest.fixture
def old(tmp_path):
    """A release that knows percentiles alone."""
    return StubRelease(tmp_path, {"anomaly_percentile": [10.0, 100.0, None, 50.0]}, withdrawn=(2,))


def test_an_old_release_is_ranked_by_percentile_with_nulls(old):
    listed, members = ranked(old, Rankings(old), AnomaliesAsked(), EVERYTHING, 10)
    page = listed.page(0, 10)
    assert [one["percentile"] for one in page] == [100, 50, 10]
    assert {one[name] for one in page for name in ("anomaly_p", "cause", "p_blend")} == {None}
    assert page[1]["reason"] == (
        "Odder than 50 % of the release: its pixels were not looked at, so that the cause is unknown."
    )
    assert (members["detectors"], members["cause"], members["n_by_cause"]["unknown"]) == ([], "any", 3)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (AnomaliesAsked(detector="lof"), "index build"),
        (AnomaliesAsked(cause="blend"), "index build"),
        (AnomaliesAsked(p_max=0.1), "anomaly_percentile"),
        (AnomaliesAsked(defects=("trail",)), "none"),
    ],
)
def test_what_an_old_release_does_not_know_is_refused_with_a_remedy(old, asked, says):
    with pytest.raises(InvalidFilter, match=says):
        ranked(old, Rankings(old), asked, EVERYTHING, 10)


def test_a_defect_that_none_has_names_those_that_are(tmp_path):
    values = {"anomaly_p": [0.5, 0.1], "cause": ["blend", None], "defects": ["masked,trail", ""]}
    release = StubRelease(tmp_path, values)
    with pytest.raises(InvalidFilter, match="masked, trail"):
        ranked(release, Rankings(release), AnomaliesAsked(defects=("saturated",)), EVERYTHING, 10)
