"""The service with a redshift network: catalogue, uploads and pages are answered by it."""

from __future__ import annotations

import numpy as np
import pytest
from support.serving import client_of, register
from support.tiny_photoz import network_model
from support.tiny_survey import tiny_survey

from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.photoz_job import estimate_survey
from index.photoz_shards import PhotozShards
from index.releases import build_release
from survey.fits.writer import write_fits

N = 90


def spoil(flux):
    flux[4, 2, 30, 24] = np.nan


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("data")
    survey = tiny_survey(data_dir / "surveys" / "tiny", n=N, edit=spoil)
    model = network_model(data_dir, survey)
    embed_survey(survey, model, data_dir / "embeddings" / "tiny--polar48-net")
    estimate_survey(survey, model, data_dir / "photoz" / "tiny.polar48-net")
    info = build_release(
        survey=survey,
        model=model,
        embeddings=EmbeddingStore.open(data_dir / "embeddings" / "tiny--polar48-net"),
        releases_dir=data_dir / "releases",
        photoz=PhotozShards.open(data_dir / "photoz" / "tiny.polar48-net"),
    )
    register(data_dir, survey, info.id)
    with client_of(data_dir) as client:
        yield survey, client


def by_id(client, object_id):
    answer = client.get(f"/api/v1/objects/{object_id}/photoz")
    assert answer.status_code == 200, answer.text
    return answer.json()["photoz"]


def upload(client, cutout):
    answer = client.post(
        "/api/v1/neighbours/upload?k=3", content=write_fits(cutout), headers={"content-type": "image/fits"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_upload_gets_what_the_catalogue_has_of_the_same_pixels(served):
    survey, client = served
    (cutout,) = survey.read([survey.ids[20]])
    stored, fresh = by_id(client, survey.ids[20]), upload(client, cutout)["photoz"]
    assert (fresh["model_id"], fresh["train_set"]) == ("polar48-net", "tiny spectra")
    for name in ("z_best", "z_l95", "z_u95", "z_conf", "z_mode"):
        assert fresh[name] == pytest.approx(stored[name], abs=2e-4), name
    assert [one["object_id"] for one in fresh["evidence"]] == [one["object_id"] for one in stored["evidence"]]


def test_a_damaged_upload_carries_the_flag(served):
    survey, client = served
    (cutout,) = survey.read([survey.ids[4]])
    assert "masked" in upload(client, cutout)["photoz"]["flags"]
    assert "masked" in by_id(client, survey.ids[4])["flags"]


def test_pages_show_the_interval_the_flags_and_the_evidence(served):
    survey, client = served
    estimate = by_id(client, survey.ids[4])
    page = client.get(f"/search?survey=tiny&id={survey.ids[4]}").text
    assert f"68 % between {estimate['z_l68']:.4f} and {estimate['z_u68']:.4f}" in page
    assert "Pixels near the galaxy are masked" in page
    assert "Read off the pixels; beside it 20 spectroscopic look-alikes" in page


def test_neighbours_are_filtered_by_the_estimate_and_its_chance(served):
    survey, client = served
    path = f"/api/v1/objects/{survey.ids[20]}/neighbours?k=100"
    every = client.get(path).json()["hits"]
    chance = {hit["object_id"]: by_id(client, hit["object_id"])["z_conf"] for hit in every}
    middle = sorted(chance.values())[len(chance) // 2]
    kept = client.get(f"{path}&z_phot_min=0.1&z_phot_max=0.2&z_conf_min={middle - 1e-5}").json()
    wanted = [
        hit["object_id"]
        for hit in every
        if 0.1 <= hit["z_phot"] <= 0.2 and chance[hit["object_id"]] >= middle - 1e-5
    ]
    assert [hit["object_id"] for hit in kept["hits"]] == wanted
    assert 0 < len(wanted) < len(every)
    assert kept["search"]["filters"]["z_phot"] == [0.1, 0.2]


@pytest.mark.parametrize("bad", ["z_conf_min=1.1", "z_phot_min=nan", "z_phot_min=0.2&z_phot_max=0.1"])
def test_bounds_that_cannot_be_are_refused(served, bad):
    survey, client = served
    answer = client.get(f"/api/v1/objects/{survey.ids[20]}/neighbours?{bad}")
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_model_tells_of_its_network(served):
    _, client = served
    (model,) = client.get("/api/v1/models").json()["models"]
    assert model["photoz"]["train_set"] == "tiny spectra"
    assert (model["photoz"]["z_max"], model["photoz"]["n_bins"]) == (0.4, 180)
