"""Clusters and the map over HTTP, and where an upload lies."""

import numpy as np
import pytest
from support.problems import assert_problem
from support.readers import READERS

from index.release import Release
from survey.archive import SurveyFolder
from survey.fits.writer import write_fits

_SUFFIXES = {"csv": ".csv", "votable": ".vot", "fits": ".fits", "parquet": ".parquet"}


@pytest.fixture(scope="module")
def release(served_data) -> Release:
    return Release.open(next((served_data / "releases").glob("tiny--*")))


def _read(answer, fmt, tmp_path):
    assert answer.status_code == 200, answer.text
    path = tmp_path / f"read{_SUFFIXES[fmt]}"
    path.write_bytes(answer.content)
    return READERS[fmt](path)


def test_clusters_part_the_galaxies_and_exemplars_are_members(client, release):
    body = client.get("/api/v1/clusters").json()
    assert body["release"]["id"] == release.id
    cluster = release.columns.array("cluster")
    assert [one["size"] for one in body["clusters"]] == np.bincount(
        cluster.astype(int), minlength=11
    ).tolist()
    assert sum(one["size"] for one in body["clusters"]) == body["n_total"] == release.info.n
    for one in body["clusters"]:
        assert {cluster[release.columns.row_of(name)] for name in one["exemplars"]} <= {one["cluster"]}
        assert len(one["exemplars"]) == min(one["size"], 12)


def test_medians_and_sizes_are_of_the_galaxies_that_keep_the_filters(client, release):
    body = client.get("/api/v1/clusters", params={"where": "z_spec:0.1..0.2", "label": "spiral"}).json()
    z = release.columns.array("z_spec")
    kept = (z >= 0.1) & (z <= 0.2) & (release.columns.array("label") == "spiral")
    for one in body["clusters"]:
        rows = kept & (release.columns.array("cluster") == one["cluster"])
        assert one["size"] == rows.sum()
        expected = float(np.median(z[rows])) if rows.any() else None
        assert one["medians"]["z_spec"] == pytest.approx(expected, abs=1e-6)
        assert all(kept[release.columns.row_of(name)] for name in one["exemplars"])


def test_hellinger_distances_are_symmetric_and_name_the_nearest(client):
    listed = client.get("/api/v1/clusters").json()["clusters"]
    table = np.array([one["hellinger"] for one in listed])
    np.testing.assert_array_equal(table, table.T)
    for number, one in enumerate(listed):
        others = np.delete(table[number], number)
        assert one["nearest"][0]["hellinger"] == others.min()


@pytest.mark.parametrize("fmt", _SUFFIXES)
def test_clusters_are_a_table_in_every_format(client, tmp_path, fmt):
    listed = client.get("/api/v1/clusters").json()["clusters"]
    read = _read(client.get("/api/v1/clusters", params={"format": fmt}), fmt, tmp_path)
    assert [int(value) for value in read.values("size")] == [one["size"] for one in listed]
    assert [float(value) for value in read.values("median_z_spec")] == [
        one["medians"]["z_spec"] for one in listed
    ]


def test_members_are_those_of_the_cluster_the_nearest_to_its_mean_first(client, release):
    number = 2
    listed = client.get(f"/api/v1/clusters/{number}", params={"limit": 1000}).json()["objects"]
    rows = [release.columns.row_of(one["object_id"]) for one in listed]
    assert sorted(rows) == np.flatnonzero(release.columns.array("cluster") == number).tolist()
    distance = [one["cluster_distance"] for one in listed]
    assert distance == sorted(distance)
    assert all(0 < one["cluster_probability"] <= 1 for one in listed)
    some = client.get(f"/api/v1/clusters/{number}", params={"label": "spiral", "format": "csv"})
    n_spirals = sum(one["label"] == "spiral" for one in listed)
    assert some.text.count("\n") == 1 + n_spirals


def test_a_cluster_that_is_not_there_is_a_problem_that_names_those_that_are(client, release):
    answer = client.get("/api/v1/clusters/500")
    assert_problem(answer, 404, "cluster.not_found")
    assert f"0 to {release.clusters.n - 1}" in answer.json()["detail"]


def test_the_map_holds_every_galaxy_at_its_place(client, release):
    body = client.get("/api/v1/map", params={"columns": "z_spec,cluster,hpx29"}).json()
    points = body["points"]
    assert body["map"]["method"] == "pca"
    assert 0.5 < body["map"]["trustworthiness"] <= 1
    assert sorted(points["object_id"]) == sorted(release.columns.ids)
    rows = [release.columns.row_of(name) for name in points["object_id"]]
    np.testing.assert_allclose(points["x"], release.columns.array("map_x")[rows], atol=6e-5)
    assert points["z_spec"] == release.columns.take(rows, ["z_spec"])["z_spec"]
    assert points["hpx29"] == [str(cell) for cell in release.columns.take(rows, ["hpx29"])["hpx29"]]


def test_the_first_points_of_a_map_are_a_prefix_of_all_and_files_hold_the_same(client, tmp_path):
    whole = client.get("/api/v1/map").json()["points"]["object_id"]
    some = client.get("/api/v1/map", params={"limit": 20}).json()
    assert some["points"]["object_id"] == whole[:20]
    assert (some["n"], some["n_total"]) == (20, len(whole))
    assert whole != sorted(whole)
    for fmt in _SUFFIXES:
        read = _read(client.get("/api/v1/map", params={"format": fmt}), fmt, tmp_path)
        assert list(read.values("object_id")) == whole


def test_a_map_of_more_points_than_json_takes_is_refused_with_the_remedy(client):
    answer = client.get("/api/v1/map", params={"limit": 100_001})
    assert_problem(answer, 422, "request.invalid")
    assert "parquet" in answer.text


def test_a_filtered_map_holds_what_keeps_the_filter(client, release):
    points = client.get("/api/v1/map", params={"where": "cluster:2..2"}).json()["points"]
    assert set(points["cluster"]) == {2}
    assert len(points["x"]) == (release.columns.array("cluster") == 2).sum()


def test_an_object_says_its_place_and_its_upload_lies_there(client, served_data):
    tiny = SurveyFolder(served_data / "surveys" / "tiny")
    own = client.get(f"/api/v1/objects/{tiny.ids[3]}").json()["columns"]
    (cutout,) = tiny.read([tiny.ids[3]])
    sent = client.post(
        "/api/v1/neighbours/upload", content=write_fits(cutout), headers={"content-type": "image/fits"}
    ).json()["map"]
    # Stored vectors are rounded, and a place is told to four decimals.
    assert (sent["x"], sent["y"]) == pytest.approx((own["map_x"], own["map_y"]), abs=1e-3)
    assert sent["cluster"] == own["cluster"]
    assert 0 < sent["cluster_probability"] <= 1
