"""A projected release that is searched approximately answers like any other, and says what it is."""

from __future__ import annotations

import pytest
from support.archives import tar
from support.serving import client_of, index_survey
from support.tiny_survey import tiny_survey

from index.release import Release
from index.vectors.factory import IndexRequest
from survey.archive import SurveyFolder
from survey.fits.writer import write_fits


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("projected")
    survey = tiny_survey(data_dir / "surveys" / "tiny", n=120)
    index_survey(data_dir, survey, index=IndexRequest(kind="ivf", dimension=16))
    return data_dir


@pytest.fixture(scope="module")
def release(data_dir):
    (path,) = (data_dir / "releases").glob("[!.]*")
    return Release.open(path)


@pytest.fixture(scope="module")
def client(data_dir):
    with client_of(data_dir) as client:
        yield client


@pytest.fixture(scope="module")
def cutout(data_dir):
    folder = SurveyFolder(data_dir / "surveys" / "tiny")
    return folder.read(folder.ids[5:6])[0]


def test_an_uploaded_galaxy_is_recognised_and_has_its_neighbours(client, release, cutout):
    answer = client.post(
        "/api/v1/neighbours/upload?k=5", content=write_fits(cutout), headers={"content-type": "image/fits"}
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["query"]["object_id"] == "J00005"
    row = release.columns.row_of("J00005")
    rows, similarity = release.graph.of(row, 4)
    hits = [hit for hit in body["hits"] if hit["object_id"] != "J00005"][:4]
    assert [hit["object_id"] for hit in hits] == [release.columns.ids[n] for n in rows]
    assert [hit["similarity"] for hit in hits] == pytest.approx(similarity.tolist(), abs=2e-3)
    assert body["photoz"]["z_best"] > 0


def test_the_certificate_says_that_the_search_was_approximate(client, release, cutout):
    answer = client.post(
        "/api/v1/neighbours/upload?k=5", content=write_fits(cutout), headers={"content-type": "image/fits"}
    )
    search = answer.json()["search"]
    # So few vectors are compared one by one however the release was built: the planner may say so.
    assert search["exact"] is (search["strategy"] in {"exact", "subset"})
    assert search["recall_at_10"] == (1 if search["exact"] else release.info.recall_at_10)


def test_batches_of_cutouts_estimate_in_the_same_space(client, cutout):
    answer = client.post(
        "/api/v1/photoz/batch/cutouts",
        content=tar([("one.fits", write_fits(cutout))]),
        headers={"content-type": "application/x-tar"},
    )
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["rows"]
    assert (row["status"], row["object_id"]) == ("ok", "J00005")


def test_neighbours_by_id_come_from_the_graph(client, release):
    body = client.get("/api/v1/objects/J00007/neighbours?k=3").json()
    rows, _ = release.graph.of(release.columns.row_of("J00007"), 3)
    assert [hit["object_id"] for hit in body["hits"]] == [release.columns.ids[n] for n in rows]
    search = body["search"]
    assert (search["strategy"], search["exact"]) == ("graph", False)
    assert search["recall_at_10"] == release.graph_recall_at_10


def test_the_list_of_releases_tells_what_was_measured(client, release):
    (entry,) = client.get("/api/v1/releases").json()["releases"]
    assert (entry["index"]["kind"], entry["dimension"], entry["dimension_in"]) == ("ivf", 16, 48)
    assert entry["recall"] == release.recall
    assert {one["space"] for one in entry["recall"]} == {"search", "embedding"}
