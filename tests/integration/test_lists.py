"""Lists of objects: filtered as searches are, page by page or as files of every format."""

from __future__ import annotations

import numpy as np
import pytest
from support.problems import assert_problem
from support.readers import READERS

from index.release import Release

_PATH = "/api/v1/anomalies"
_SUFFIXES = {"csv": ".csv", "votable": ".vot", "fits": ".fits", "parquet": ".parquet"}


@pytest.fixture(scope="module")
def release(served_data) -> Release:
    return Release.open(next((served_data / "releases").glob("tiny--*")))


def _pages(client, **params):
    listed, cursor = [], None
    while True:
        given = {"cursor": cursor} if cursor else {}
        answer = client.get(_PATH, params={**params, **given})
        assert answer.status_code == 200, answer.text
        answer = answer.json()
        listed += answer["objects"]
        cursor = answer["next_cursor"]
        if cursor is None:
            assert len(listed) == answer["n_total"]
            return listed


def test_pages_of_any_size_join_to_the_whole_list(client):
    whole = client.get(_PATH, params={"limit": 1000, "where": "z_spec:0.1..", "columns": "flux_r"}).json()
    assert whole["next_cursor"] is None
    for limit in (7, 50):
        assert _pages(client, limit=limit, where="z_spec:0.1..", columns="flux_r") == whole["objects"]


def test_a_list_holds_what_keeps_its_filters_in_its_order(client, release):
    columns = release.columns
    percentile, z = columns.array("anomaly_percentile"), columns.array("z_spec")
    kept = (z >= 0.1) & (columns.array("label") == "spiral")
    expected = sorted(np.flatnonzero(kept), key=lambda row: (-percentile[row], row))
    expected = [columns.ids[row] for row in expected if columns.ids[row] != "J00003"]
    asked = {"where": "z_spec:0.1..", "label": "spiral", "exclude": "J00003", "limit": 1000}
    assert [one["object_id"] for one in client.get(_PATH, params=asked).json()["objects"]] == expected


def test_a_list_has_one_entry_of_each_object(client, release):
    parents = dict(zip(release.columns.ids, release.columns.array("parent_id"), strict=True))
    every = client.get(_PATH, params={"limit": 1000}).json()["objects"]
    first = {parents[one["object_id"]]: one["object_id"] for one in reversed(every)}
    once = client.get(_PATH, params={"limit": 1000, "dedup": "parent"}).json()["objects"]
    assert [one["object_id"] for one in once] == [
        one["object_id"] for one in every if first[parents[one["object_id"]]] == one["object_id"]
    ]


def test_chosen_columns_are_those_of_the_object(client):
    listed = client.get(_PATH, params={"limit": 3, "columns": "*"}).json()["objects"]
    for one in listed:
        whole = client.get(f"/api/v1/objects/{one['object_id']}").json()["columns"]
        assert one["columns"].items() <= whole.items()
        assert {"flux_r", "hpx29", "ebv"} <= one["columns"].keys()
    some = client.get(_PATH, params={"limit": 3, "columns": "ebv, z_spec,ebv"}).json()["objects"]
    assert [one["columns"] for one in some] == [{"ebv": one["columns"]["ebv"]} for one in listed]


@pytest.mark.parametrize("fmt", _SUFFIXES)
def test_a_file_holds_the_whole_list(client, tmp_path, fmt):
    asked = {"where": "z_spec:0.1..", "columns": "flux_r"}
    listed = _pages(client, limit=1000, **asked)
    answer = client.get(_PATH, params={**asked, "format": fmt})
    path = tmp_path / f"list{_SUFFIXES[fmt]}"
    path.write_bytes(answer.content)
    assert answer.headers["content-disposition"] == f'attachment; filename="anomalies-tiny{_SUFFIXES[fmt]}"'
    assert "x-overflow" not in answer.headers
    read = READERS[fmt](path)
    for name in ("rank", "object_id", "reason"):
        assert [_text(value) for value in read.values(name)] == [str(one[name]) for one in listed]
    for name in ("ra_deg", "z_spec", "percentile"):
        assert [float(value) for value in read.values(name)] == [one[name] for one in listed]
    assert [float(value) for value in read.values("flux_r")] == pytest.approx(
        [one["columns"]["flux_r"] for one in listed], rel=1e-6
    )
    if fmt != "csv":
        assert (read.unit("ra_deg"), read.ucd("z_spec")) == ("deg", "src.redshift")


def test_the_accept_header_asks_for_a_file(client):
    answer = client.get(_PATH, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.count("\n") == 1 + client.get(_PATH, params={"limit": 1}).json()["n_total"]


def test_a_file_that_is_cut_says_so_and_a_cursor_goes_on(client):
    cut = client.get(_PATH, params={"format": "csv", "limit": 10})
    assert cut.headers["x-overflow"] == "true"
    assert cut.text.count("\n") == 11
    cursor = client.get(_PATH, params={"limit": 10}).json()["next_cursor"]
    rest = client.get(_PATH, params={"format": "csv", "cursor": cursor})
    whole = client.get(_PATH, params={"format": "csv"})
    assert (cut.text + rest.text.partition("\n")[2]).splitlines() == whole.text.splitlines()


def test_an_empty_list_is_an_empty_file(client):
    asked = {"where": "z_spec:15..20"}
    assert client.get(_PATH, params=asked).json()["objects"] == []
    answer = client.get(_PATH, params={**asked, "format": "csv"})
    assert (answer.status_code, answer.text.count("\n")) == (200, 1)


def test_a_cursor_of_another_list_is_refused(client):
    cursor = client.get(_PATH, params={"limit": 10, "where": "z_spec:0.1.."}).json()["next_cursor"]
    for more in ({}, {"where": "z_spec:0.2.."}, {"where": "z_spec:0.1..", "label": "spiral"}):
        refused = client.get(_PATH, params={"cursor": cursor, **more})
        assert (refused.status_code, refused.json()["code"]) == (400, "cursor.mismatch")


_HOSTILE = {
    (422, "request.invalid"): [
        "limit=0",
        "limit=1e400",
        "limit=1001",
        "limit=100001&format=csv",
        "format=hdf5",
        "format=../csv",
        "columns=" + "x," * 5000,
        "detector=pickle",
        "cause=aliens",
        "p_max=2",
        "p_max=nan",
        "defect=" + "x" * 50,
        "defects_none=maybe",
        "cursor=" + "A" * 401,
    ],
    (422, "request.unknown_parameter"): ["order=object_id", "limit=1&limit=2"],
    # This release was built without a look at the pixels: it knows no causes.
    (422, "filter.invalid"): [
        "columns=%00",
        "columns=nothing",
        "where=z_spec",
        "where=nothing:1..",
        "cone=0,0",
        "cause=blend",
        "defects_none=true",
        "defect=nothing",
    ],
    (422, "cursor.invalid"): ["cursor=x", "cursor=%00", "cursor=LTE6eA", "cursor=OTk5OTk5OTk5OTk5OTk5OTk6eA"],
}


@pytest.mark.parametrize(
    ("query", "refusal"), [(query, refusal) for refusal, queries in _HOSTILE.items() for query in queries]
)
def test_a_list_that_cannot_be_given_is_a_problem(client, query, refusal):
    assert_problem(client.get(f"{_PATH}?{query}"), *refusal)


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)
