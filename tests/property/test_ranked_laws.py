"""The ranked list equals brute force over the columns, whatever is asked, and nothing is lost between its causes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stub_release import StubRelease

from index.selection import Selection
from service.anomaly_parameters import AnomaliesAsked
from service.operations.anomaly_list import ranked
from service.rankings import CAUSES, Rankings

_N = 300
_DEFECTS = ("masked", "saturated", "trail")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    rng = np.random.default_rng(3)
    p = {name: rng.random(_N) ** 3 for name in ("anomaly_p", "anomaly_p_forest", "anomaly_p_lof")}
    # Ties, which rows part.
    p["anomaly_p"][::7] = 0.01
    words = [",".join(name for name in _DEFECTS if rng.random() < 0.2) for _ in range(_N)]
    known = rng.random(_N) < 0.9
    cause = [str(rng.choice(CAUSES)) if one else None for one in known]
    quality = np.where(known, rng.random(_N) / 2, np.nan)
    values = {
        **p,
        "anomaly_percentile": 100 * (1 - p["anomaly_p"]),
        "cause": cause,
        "p_data_quality": quality,
        "p_blend": np.where(known, rng.random(_N) / 2, np.nan),
        "defects": [word if one else None for word, one in zip(words, known, strict=True)],
        "mag_r": np.where(rng.random(_N) < 0.1, np.nan, rng.uniform(14, 20, _N)),
        "label": [("spiral", "elliptical", None)[row % 3] for row in range(_N)],
    }
    return StubRelease(tmp_path_factory.mktemp("ranked"), values, withdrawn=(0, 17))


@pytest.fixture(scope="module")
def rankings(release):
    return Rankings(release)


def _brute_force(release, asked, selection):
    """Return ids in order, of all causes, and the cause of each."""
    columns = release.columns
    names = [name for name in columns.names if name != "object_id"]
    table = [
        dict(zip(names, row, strict=True))
        for row in zip(*columns.take(np.arange(_N), names).values(), strict=True)
    ]
    column = "anomaly_p" if asked.detector is None else f"anomaly_p_{asked.detector}"
    kept = []
    for row in release.galaxies.tolist():
        one = table[row]
        found = set((one["defects"] or "").split(",")) - {""}
        bounds = selection.ranges.get("mag_r")
        fits = [
            asked.p_max is None or one[column] <= asked.p_max,
            not asked.defects or bool(found & set(asked.defects)),
            not (asked.defects_none and found),
            bounds is None or (one["mag_r"] is not None and bounds[0] <= one["mag_r"] <= bounds[1]),
            not selection.labels or one["label"] in selection.labels,
        ]
        if all(fits):
            kept.append((one[column], row, one["cause"]))
    kept.sort(key=lambda one: one[:2])
    return [(columns.ids[row], cause) for _, row, cause in kept]


@settings(max_examples=60, deadline=None)
@given(
    detector=st.sampled_from([None, "forest", "lof"]),
    cause=st.sampled_from([None, "any", *CAUSES]),
    p_max=st.sampled_from([None, 0.0, 0.01, 0.2, 1.0]),
    defects=st.sets(st.sampled_from(_DEFECTS), max_size=2),
    defects_none=st.booleans(),
    labels=st.sets(st.sampled_from(["spiral", "elliptical"])),
    bounds=st.none() | st.tuples(st.floats(13, 17), st.floats(17, 21)),
    start=st.integers(0, 50),
    limit=st.integers(1, 60),
)
def test_a_ranked_list_equals_brute_force(release, rankings, *, detector, cause, p_max, start, limit, **more):
    asked = AnomaliesAsked(detector, cause, p_max, tuple(sorted(more["defects"])), more["defects_none"])
    bounds = more["bounds"]
    selection = Selection({"mag_r": bounds} if bounds else {}, labels=tuple(sorted(more["labels"])))
    every = _brute_force(release, asked, selection)
    wanted = cause or "astrophysical"
    expected = [one for one, why in every if wanted in ("any", why)]
    listed, members = ranked(release, rankings, asked, selection, start + limit)
    page = listed.page(start, limit)
    assert [one["object_id"] for one in page] == expected[start : start + limit]
    assert [one["rank"] for one in page] == list(range(start + 1, start + 1 + len(page)))
    assert members["n_by_cause"] == {
        name: sum((why or "unknown") == name for _, why in every) for name in (*CAUSES, "unknown")
    }
    # What stands before the last one listed, or anywhere once the list is at its end, was set aside.
    given_so_far = expected[: start + limit]
    ids = [one for one, _ in every]
    end = ids.index(given_so_far[-1]) if len(expected) >= start + limit else len(ids)
    aside = [(one, why) for one, why in every[:end] if wanted not in ("any", why)]
    assert members["set_aside"]["n"] == len(aside)
    assert sum(members["set_aside"]["by_cause"].values()) == len(aside)
    found = dict(zip(release.columns.ids, release.columns.array("defects"), strict=True))
    assert members["set_aside"]["by_defect"] == {
        name: n for name in _DEFECTS if (n := sum(name in (found[one] or "").split(",") for one, _ in aside))
    }


def test_files_say_what_pages_say(release, rankings):
    listed, _ = ranked(release, rankings, AnomaliesAsked(cause="any"), Selection(), 0)
    page = listed.page(0, _N, ["mag_r"])
    rows = [row for table in listed.tables(0, _N) for row in table.to_pylist()]
    for one, row in zip(page, rows, strict=True):
        one.pop("columns")
        assert row == {**one, "defects": ",".join(one["defects"])}
