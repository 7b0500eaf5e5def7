"""A release of before the anomaly models is served with its percentile, says null of the rest, and is built anew when asked."""

from __future__ import annotations

import pytest
from support.older_release import make_format_4
from support.serving import client_of, index_survey, register
from support.tiny_survey import tiny_survey

from index.release import Release
from index.updates.release import update_release
from skylike.check import DataCheck
from survey.fits.writer import write_fits
from survey.manifests import CorruptFolder


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("older")
    survey = tiny_survey(data_dir / "surveys" / "tiny", n=60)
    release_id = index_survey(data_dir, survey)
    make_format_4(data_dir / "releases" / release_id)
    register(data_dir, survey, release_id)
    return data_dir


@pytest.fixture(scope="module")
def release(data_dir):
    (path,) = (data_dir / "releases").glob("tiny--*")
    return Release.open(path, verify="full")


@pytest.fixture(scope="module")
def client(data_dir):
    with client_of(data_dir) as client:
        yield client


def test_it_is_read_without_what_it_has_not(release):
    assert release.format == 4
    assert (release.anomalies, release.causes, release.clusters, release.places) == (None, None, None, None)


def test_its_galaxies_are_ranked_by_percentile(client, release):
    listed = client.get("/api/v1/anomalies?limit=60&cause=any").json()["objects"]
    percentile = release.columns.array("anomaly_percentile")
    expected = [release.columns.ids[row] for row in (-percentile).argsort(kind="stable")]
    assert [one["object_id"] for one in listed] == expected
    assert {one["anomaly_p"] for one in listed} == {None}


def test_one_of_them_has_a_percentile_and_an_image_of_it_the_same(client, data_dir, release):
    from survey.archive import SurveyFolder

    survey = SurveyFolder(data_dir / "surveys" / "tiny")
    object_id = survey.ids[7]
    stored = client.get(f"/api/v1/objects/{object_id}/anomaly").json()["anomaly"]
    assert stored["anomaly_p"] is None
    assert stored["percentile"] == pytest.approx(
        release.columns.array("anomaly_percentile")[release.columns.row_of(object_id)], abs=1e-3
    )
    (cutout,) = survey.read([object_id])
    sent = client.post(
        "/api/v1/neighbours/upload", content=write_fits(cutout), headers={"content-type": "image/fits"}
    )
    assert sent.status_code == 200, sent.text
    anomaly = sent.json()["anomaly"]
    assert (anomaly["anomaly_p"], anomaly["scores"]) == (None, [])
    # Its own image and that of its sibling are left out of an upload's neighbours.
    assert 0 <= anomaly["percentile"] <= 100


@pytest.mark.parametrize(
    "path", ["/anomalies", "/", "/api/v1/objects/J00007", "/api/v1/objects/J00007/neighbours"]
)
def test_pages_and_answers_are_there(client, path):
    assert client.get(path).status_code == 200


def test_the_check_names_the_build_that_makes_it_anew(data_dir):
    notes = [one for one in DataCheck(data_dir).run() if "earlier version" in one.found]
    assert len(notes) == 1
    assert "skylike index build tiny --model pca48-tiny" in notes[0].found


def test_an_update_asks_for_that_build_first(release, tmp_path):
    with pytest.raises(CorruptFolder, match="build it anew: skylike index build tiny"):
        update_release(release, None, tmp_path, withdraw=["J00001"])
