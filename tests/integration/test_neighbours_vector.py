"""Neighbours by vector: the same as brute force, however they are sent, and refused with value, limit and remedy."""

from __future__ import annotations

import numpy as np
import pytest
from support.problems import assert_problem
from support.serving import client_of

PATH = "/api/v1/neighbours/vector"
RAW = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def release(client):
    return client.app.state.resources.default("tiny").release


@pytest.fixture
def queries(release):
    return np.random.default_rng(3).normal(size=(7, release.info.dimension)) * [
        [0.01],
        [1],
        [5],
        [1],
        [1],
        [1],
        [9],
    ]


def brute_force(release, queries, k, kept=None):
    vectors = np.array(release.store.vectors(slice(None)), np.float64)
    similarity = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32) @ vectors.T
    if kept is not None:
        similarity = np.where(kept, similarity, -2)
    return [[release.columns.ids[row] for row in np.argsort(-one, kind="stable")[:k]] for one in similarity]


def ids_of(answer):
    assert answer.status_code == 200, answer.text
    return [[hit["object_id"] for hit in result["hits"]] for result in answer.json()["results"]]


def test_vectors_find_what_brute_force_finds_whatever_their_length(client, release, queries):
    answer = client.post(PATH, json={"vectors": queries.tolist(), "k": 5})
    assert ids_of(answer) == brute_force(release, queries, 5)
    body = answer.json()
    assert body["release"]["id"] == release.id
    assert (body["search"]["n_searched"], body["search"]["exact"], body["search"]["complete"]) == (
        release.info.n,
        True,
        True,
    )
    assert body["query"] == {"kind": "vector", "n_vectors": 7, "k": 5, "note": ""}


def test_raw_vectors_are_answered_as_json_is(client, queries):
    raw = queries.astype("<f4")
    by_json = client.post(PATH, json={"vectors": raw.tolist(), "k": 4, "survey": "tiny"}).json()
    by_raw = client.post(f"{PATH}?k=4&survey=tiny", content=raw.tobytes(), headers=RAW).json()
    assert by_raw["results"] == by_json["results"]
    assert by_json["search"]["replay"]
    assert by_raw["search"]["replay"] is None


def test_a_vector_of_an_object_finds_it_as_its_own_nearest_and_then_its_neighbours(client, release):
    own = release.store.vector(3).tolist()
    hits = client.post(PATH, json={"vectors": [own], "k": 6}).json()["results"][0]["hits"]
    by_id = client.get(f"/api/v1/objects/{release.columns.ids[3]}/neighbours?k=5").json()["hits"]
    assert hits[0]["object_id"] == release.columns.ids[3]
    assert [hit | {"rank": 0} for hit in hits[1:]] == [hit | {"rank": 0} for hit in by_id]


def test_filters_hold_for_every_vector(client, release, queries):
    magnitudes = release.columns.array("mag_r")
    limit = float(np.nanmedian(magnitudes))
    answer = client.post(
        PATH, json={"vectors": queries.tolist(), "k": 3, "filters": {"mag_r": [None, limit]}}
    )
    assert ids_of(answer) == brute_force(release, queries, 3, kept=magnitudes <= limit)
    assert answer.json()["search"]["n_searched"] == int((magnitudes <= limit).sum())


def test_a_least_similarity_bounds_the_hits_and_tells_of_more(client, release):
    own = release.store.vector(0).tolist()
    body = client.post(PATH, json={"vectors": [own], "k": 2, "min_score": -1}).json()
    assert body["results"][0]["truncated"]
    assert body["search"]["truncated"]
    none = client.post(PATH, json={"vectors": [(-np.array(own)).tolist()], "k": 2, "min_score": 0.999}).json()
    assert none["results"] == [{"complete": True, "truncated": False, "hits": []}]
    assert none["query"]["note"] == f"Nothing is as similar as 0.999 among {release.info.n} objects."


def test_what_is_asked_in_the_body_may_stand_in_the_url_but_not_in_both(client, queries):
    body = {"vectors": queries.tolist()}
    assert len(client.post(f"{PATH}?k=2", json=body).json()["results"][0]["hits"]) == 2
    refused = assert_problem(client.post(f"{PATH}?k=2", json={**body, "k": 2}), 422, "request.invalid")
    assert "k: stands in the body and in the query string" in refused["detail"]


def test_an_explained_search_tells_its_plan_and_its_time(client, queries):
    answer = client.post(PATH, json={"vectors": queries.tolist(), "explain": True})
    assert answer.json()["search"]["plan"]["strategy"] == "exact"
    assert answer.headers["server-timing"].startswith("search;dur=")


def bodies(dimension):
    good = [0.5] * dimension
    return [
        ({"vectors": []}, "has 0 vectors; give 1 to 1000"),
        ({"vectors": [good] * 1001, "k": 1}, "has 1001 vectors; give 1 to 1000"),
        ({"vectors": [good, [0.0] * dimension]}, "vectors.1: has no direction"),
        ({"vectors": [[1e300] * dimension]}, "vectors.0: has no direction"),
        (
            {"vectors": [good, good[:-1]]},
            f"vectors.1: has {dimension - 1} numbers; embeddings of pca48-tiny have {dimension}",
        ),
        ({"vectors": [good, "J00000"]}, "vectors.1: is no list of numbers"),
        ({"vectors": [[None, *good[1:]]]}, "holds something that is no number"),
        ({"vectors": [[[1.0], *good[1:]]]}, "holds something that is no number"),
        ({"vectors": [["1", *good[1:]]]}, "holds something that is no number"),
        ({"vectors": [[True] * dimension]}, "holds something that is no number"),
        ({"vectors": "many"}, "is no list"),
        ({"k": 3}, "is no list"),
        ({"vectors": [good], "k": 1001}, "k: Input should be less than or equal to 1000"),
        ({"vectors": [good], "kk": 1}, "kk: Extra inputs are not permitted"),
        ([good], "Give an object with `vectors`"),
    ]


@pytest.mark.parametrize("number", range(15))
def test_what_is_no_vector_is_refused_with_what_is_wrong(client, release, number):
    body, message = bodies(release.info.dimension)[number]
    code = "vector.unusable" if number in range(2, 5) else "request.invalid"
    assert message in assert_problem(client.post(PATH, json=body), 422, code)["detail"]


def test_raw_bytes_that_are_no_vectors_are_refused(client, release):
    n = release.info.dimension
    short = client.post(PATH, content=b"abc", headers=RAW)
    assert "3 bytes are no whole" in assert_problem(short, 400, "request.unreadable")["detail"]
    for content, message in (
        (b"", "0 values are no vectors"),
        (bytes(4 * n + 4), f"{n + 1} values are no vectors of {n} numbers"),
        (bytes(4 * n), "vectors.0: has no direction"),
        (np.full(n, np.nan, "<f4").tobytes(), "vectors.0: has no direction"),
    ):
        refused = client.post(PATH, content=content, headers=RAW)
        assert message in assert_problem(refused, 422, "vector.unusable")["detail"]
    for kind, status, code in (
        ("text/plain", 415, "request.media_type"),
        ("application/json", 400, "request.unreadable"),
    ):
        assert_problem(client.post(PATH, content=b"{", headers={"Content-Type": kind}), status, code)


def test_an_answer_has_a_largest_size(client, release):
    many = np.ones((500, release.info.dimension), "<f4").tobytes()
    refused = assert_problem(client.post(f"{PATH}?k=41", content=many, headers=RAW), 413, "batch.too_large")
    assert (refused["limit"], refused["got"]) == (20_000, 20_500)
    assert len(client.post(f"{PATH}?k=40", content=many, headers=RAW).json()["results"]) == 500


def test_a_full_queue_says_when_to_come_back(served_data):
    with client_of(served_data, search_queue=0) as client:
        body = {"vectors": [client.app.state.resources.default("tiny").release.store.vector(0).tolist()]}
        searches = client.app.state.resources.searches
        searches._n_free = 0
        refused = client.post(PATH, json=body)
        assert_problem(refused, 503, "service.busy")
        assert refused.headers["retry-after"] == "1"
        searches._n_free = 1
        assert client.post(PATH, json=body).status_code == 200
