"""Surveys that share a model are one list, and tokens of it hold every release."""

from __future__ import annotations

import numpy as np
import pytest
from support.more_releases import another_release
from support.serving import client_of, copied, register
from support.tiny_survey import tiny_survey

from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.model import Model
from index.release import Release
from index.releases import build_release

_BY_ID = "/api/v1/objects/J00007/neighbours"


@pytest.fixture(scope="module")
def data_dir(served_data, tmp_path_factory):
    """Survey ``other`` of 40 blobs, indexed by the model of ``tiny``, beside what is served."""
    data_dir = copied(served_data, tmp_path_factory.mktemp("together") / "data")
    survey = tiny_survey(data_dir / "surveys" / "other", n=40, seed=9)
    model = Model.open(data_dir / "models" / "pca48-tiny")
    embeddings = data_dir / "embeddings" / "other--pca48-tiny"
    embed_survey(survey, model, embeddings)
    info = build_release(
        survey=survey,
        model=model,
        embeddings=EmbeddingStore.open(embeddings),
        releases_dir=data_dir / "releases",
    )
    register(data_dir, survey, info.id)
    return data_dir


@pytest.fixture(scope="module")
def client(data_dir):
    with client_of(data_dir) as client:
        yield client


@pytest.fixture(scope="module")
def catalogue(data_dir):
    """Survey, id and vector of every object of both surveys."""
    rows, vectors = [], []
    for name in ("tiny", "other"):
        release = Release.open(next((data_dir / "releases").glob(f"{name}--*")))
        rows += [(name, object_id) for object_id in release.columns.ids]
        vectors.append(np.asarray(release.store.vectors(slice(None)), np.float64))
    return rows, np.concatenate(vectors)


def _told(answer):
    return [(hit["survey"], hit["object_id"]) for hit in answer["hits"]]


@pytest.mark.parametrize("surveys", ["tiny,other", "all", "other,tiny"])
def test_one_list_of_several_surveys_is_a_brute_force_search_of_both(client, catalogue, surveys):
    rows, vectors = catalogue
    similarity = vectors @ vectors[rows.index(("tiny", "J00007"))]
    similarity[rows.index(("tiny", "J00007"))] = -np.inf
    expected = [rows[n] for n in np.argsort(-similarity, kind="stable")[:50]]
    answer = client.get(f"{_BY_ID}?k=50&surveys={surveys}").json()
    assert _told(answer) == expected
    assert {survey for survey, _ in expected} == {"tiny", "other"}
    search = answer["search"]
    assert (search["n_total"], search["n_searched"], search["exact"]) == (159, 158, True)
    assert {one["survey"]: one["n_searched"] for one in search["releases"]} == {"tiny": 118, "other": 40}
    # An object of the same id in the other survey is another object.
    assert ("other", "J00007") in _told(client.get(f"{_BY_ID}?k=1000&surveys=all").json())


def test_filters_and_bounds_hold_in_every_survey(client):
    whole = client.get(f"{_BY_ID}?k=1000&surveys=all").json()["hits"]
    inside = client.get(f"{_BY_ID}?k=1000&surveys=all&z_min=0.1&min_score=0").json()
    kept = [hit for hit in whole if (hit["z_spec"] or 0) >= 0.1 and hit["similarity"] >= 0]
    assert _told(inside) == [(hit["survey"], hit["object_id"]) for hit in kept]
    some = client.get(f"{_BY_ID}?k=3&surveys=all&z_min=0.1&min_score=0").json()
    assert some["search"]["truncated"] is True
    assert some["search"]["complete"] is False


def test_several_examples_are_searched_in_several_surveys_too(client, catalogue):
    rows, vectors = catalogue
    examples = [rows.index(("tiny", "J00007")), rows.index(("tiny", "J00008"))]
    similarity = (vectors @ vectors[examples].T).max(axis=1)
    similarity[examples] = -np.inf
    expected = [rows[n] for n in np.argsort(-similarity, kind="stable")[:30]]
    body = {"positives": ["J00007", "J00008"], "method": "max"}
    assert _told(client.post("/api/v1/neighbours/multi?k=30&surveys=all", json=body).json()) == expected


def test_only_the_other_survey_may_be_searched(client):
    hits = client.get(f"{_BY_ID}?k=1000&surveys=other").json()["hits"]
    assert {hit["survey"] for hit in hits} == {"other"}
    assert len(hits) == 40


def test_a_token_holds_every_release_that_answered(client, data_dir):
    asked = [
        client.get(f"{_BY_ID}?k=30&surveys=all"),
        client.get(f"{_BY_ID}?k=30&surveys=other"),
        client.get(f"{_BY_ID}?k=30&survey=other&surveys=tiny,other"),
    ]
    tokens = [answer.json()["search"]["replay"] for answer in asked]
    another_release(data_dir, seed=5)
    with client_of(data_dir) as later:
        assert later.get(_BY_ID).json()["hits"] != client.get(_BY_ID).json()["hits"]
        for token, answer in zip(tokens, asked, strict=True):
            assert later.get(f"/api/v1/replay/{token}").content == answer.content
