"""The same pixels have the same anomaly score, sent as an image or stored in the catalogue."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from support.serving import client_of, index_survey
from support.tiny_survey import tiny_survey

from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.model import Model
from index.release import Release
from index.vectors.factory import IndexRequest
from survey.archive import SurveyFolder
from survey.fits.writer import write_fits

UPLOAD = "/api/v1/neighbours/upload?k=1"


def stored(client, survey, object_id):
    answer = client.get(f"/api/v1/objects/{object_id}/anomaly", params={"survey": survey})
    assert answer.status_code == 200, answer.text
    return answer.json()["anomaly"]


def sent(client, data, media):
    answer = client.post(f"{UPLOAD}", content=data, headers={"content-type": media})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return body["hits"][0]["object_id"], body["anomaly"]


def assert_same(upload, catalogue):
    ours, theirs = (
        {one["detector"]: (one["anomaly_p"], one["score"]) for one in block["scores"]}
        for block in (upload, catalogue)
    )
    assert ours.keys() == theirs.keys() == {"forest", "lof", "density"}
    for name, values in ours.items():
        assert values == pytest.approx(theirs[name], abs=1e-6)
    assert upload["anomaly_p"] == pytest.approx(catalogue["anomaly_p"], abs=1e-6)


@pytest.mark.parametrize("row", range(0, 110, 13))
def test_a_galaxy_sent_as_fits_has_the_score_of_the_catalogue(client, served_data, row):
    survey = SurveyFolder(served_data / "surveys" / "tiny")
    (cutout,) = survey.read([survey.ids[row]])
    object_id, anomaly = sent(client, write_fits(cutout), "image/fits")
    assert object_id == survey.ids[row]
    assert_same(anomaly, stored(client, "tiny", object_id))


@pytest.mark.parametrize("row", [0, 31, 59])
def test_a_picture_sent_as_png_has_the_score_of_the_catalogue(client, served_data, row):
    survey = SurveyFolder(served_data / "surveys" / "rgb")
    (cutout,) = survey.read([survey.ids[row]])
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(cutout.flux.transpose(1, 2, 0)).astype(np.uint8)).save(buffer, "PNG")
    object_id, anomaly = sent(client, buffer.getvalue(), "image/png")
    assert object_id == survey.ids[row]
    assert_same(anomaly, stored(client, "rgb", object_id))


def test_it_holds_in_half_precision_and_fewer_dimensions(tmp_path):
    survey = tiny_survey(tmp_path / "surveys" / "tiny", n=60)
    index_survey(tmp_path, survey, index=IndexRequest(storage="float16", dimension=12))
    with client_of(tmp_path) as client:
        for row in (2, 50):
            (cutout,) = survey.read([survey.ids[row]])
            object_id, anomaly = sent(client, write_fits(cutout), "image/fits")
            assert_same(anomaly, stored(client, "tiny", object_id))


def test_a_galaxy_that_comes_later_has_the_score_that_it_had_as_an_upload(tmp_path):
    survey = tiny_survey(tmp_path / "surveys" / "tiny", n=60)
    stranger = tiny_survey(tmp_path / "surveys" / "later", n=3, seed=9, first=90)
    release_id = index_survey(tmp_path, survey)
    release = Release.open(tmp_path / "releases" / release_id)
    (cutout,) = stranger.read([stranger.ids[1]])
    with client_of(tmp_path) as client:
        _, anomaly = sent(client, write_fits(cutout), "image/fits")
    model = Model.open(tmp_path / "models" / release.info.model_id)
    embed_survey(stranger, model, tmp_path / "later")
    ids, vectors = EmbeddingStore.open(tmp_path / "later").load()
    p = release.anomalies.score(release.project(vectors)).p
    expected = {one["detector"]: one["anomaly_p"] for one in anomaly["scores"]}
    assert {name: values[ids.index(stranger.ids[1])] for name, values in p.items()} == pytest.approx(
        expected, abs=1e-6
    )
