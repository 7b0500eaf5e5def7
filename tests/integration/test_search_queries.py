"""What can be asked, over HTTP, against brute force and against each other."""

from __future__ import annotations

import numpy as np
import pytest

from index.release import Release
from service.schemas.neighbours import MultiAnswer, NeighboursAnswer

_BY_ID = "/api/v1/objects/J00007/neighbours"
_MULTI = "/api/v1/neighbours/multi"


@pytest.fixture(scope="module")
def release(served_data):
    return Release.open(next((served_data / "releases").glob("tiny--*")))


@pytest.fixture(scope="module")
def vectors(release):
    return np.asarray(release.store.vectors(slice(None)), dtype=np.float64)


def _ids(answer):
    return [hit["object_id"] for hit in answer["hits"]]


def _told(answer):
    return [(hit["object_id"], hit["similarity"]) for hit in answer["hits"]]


def _multi(client, query="", **body):
    answer = client.post(f"{_MULTI}?{query}", json=body)
    assert answer.status_code == 200, answer.text
    MultiAnswer.model_validate_json(answer.content)
    return answer.json()


@pytest.mark.parametrize(
    "query", ["k=7", "k=7&exact=true&z_min=0.1", "k=7&diversity=0.5", "k=7&min_score=0.2"]
)
def test_answers_are_as_documented(client, query):
    answer = client.get(f"{_BY_ID}?{query}&explain=true")
    NeighboursAnswer.model_validate_json(answer.content)
    assert answer.json()["search"]["plan"]["strategy"] == answer.json()["search"]["strategy"]
    assert answer.headers["server-timing"].startswith("search;dur=")


@pytest.mark.parametrize(
    "query", ["", "z_min=0.05", "exact=true", "min_score=0", "dedup=true", "exclude=J00003"]
)
@pytest.mark.parametrize("k", [7, 25])
def test_pages_one_after_the_other_are_one_list(client, query, k):
    whole = client.get(f"{_BY_ID}?k=1000&{query}").json()
    assert whole["next_cursor"] is None
    pages, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{_BY_ID}?k={k}&{query}{cursor and '&cursor=' + cursor}")
        assert page.status_code == 200, page.text
        pages += page.json()["hits"]
        cursor = page.json()["next_cursor"]
    assert pages == whole["hits"]
    assert len(pages) > k


def test_pages_of_several_examples_are_one_list_too(client):
    for method in ("rocchio", "mean", "max", "best_score"):
        body = {"positives": ["J00001", "J00002"], "method": method}
        whole = _multi(client, "k=1000", **body)
        first = _multi(client, "k=30", **body)
        second = _multi(client, f"k=1000&cursor={first['next_cursor']}", **body)
        assert first["hits"] + second["hits"] == whole["hits"]


def test_a_cursor_continues_its_own_list_alone(client, release):
    cursor = client.get(f"{_BY_ID}?k=5&z_min=0.05").json()["next_cursor"]
    other = client.get(f"{_BY_ID}?k=5&z_min=0.06&cursor={cursor}")
    assert (other.status_code, other.json()["code"]) == (400, "cursor.mismatch")
    another = client.get(f"/api/v1/objects/J00008/neighbours?k=5&z_min=0.05&cursor={cursor}")
    assert another.json()["code"] == "cursor.mismatch"
    assert client.get(f"{_BY_ID}?k=5&cursor=AAAA").json()["code"] == "cursor.invalid"
    elsewhere = client.get(f"{_BY_ID}?k=5&z_min=0.05&cursor={cursor}&release=rgb--x")
    assert elsewhere.json()["code"] == "release.mismatch"


@pytest.mark.parametrize("method", ["rocchio", "mean", "max", "best_score"])
def test_a_similarity_that_an_answer_states_finds_its_hit_again(client, method):
    asked = {"positives": ["J00001", "J00002", "J00003"], "method": method}
    told = _told(_multi(client, "k=20", **asked))
    for n, (_, least) in enumerate(told, 1):
        again = _told(_multi(client, f"k=1000&min_score={least}", **asked))
        assert again[:n] == told[:n]
        assert min(similarity for _, similarity in again) == least


def test_min_score_gives_all_above_it_and_says_when_there_are_more(client, release, vectors):
    row = release.columns.row_of("J00007")
    similarity = np.sort(np.delete(vectors @ vectors[row], row))[::-1]
    least = (similarity[19] + similarity[20]) / 2
    answer = client.get(f"{_BY_ID}?k=1000&min_score={least}").json()
    assert len(answer["hits"]) == 20
    assert (answer["search"]["truncated"], answer["search"]["complete"]) == (False, True)
    some = client.get(f"{_BY_ID}?k=5&min_score={least}").json()
    assert _ids(some) == _ids(answer)[:5]
    assert (some["search"]["truncated"], some["search"]["complete"]) == (True, False)


def test_nothing_above_a_similarity_is_an_answer(client):
    answer = client.get(f"{_BY_ID}?min_score=1")
    assert answer.status_code == 200
    assert answer.json()["hits"] == []
    assert answer.json()["query"]["note"] == "Nothing is as similar as 1 among 118 objects."
    assert answer.json()["search"]["complete"] is True
    none = client.get(f"{_BY_ID}?z_min=19").json()
    assert none["query"]["note"] == "There is nothing among 0 objects that are allowed."


def test_matched_hits_are_near_the_query_object_in_each_column(client, release):
    row = release.columns.row_of("J00007")
    mag, z = release.columns.array("mag_r"), release.columns.array("z_spec")
    answer = client.get(f"{_BY_ID}?k=1000&match=r:0.3,z:0.05").json()
    near = (np.abs(mag - mag[row]) <= 0.3) & (np.abs(z - z[row]) <= 0.05 * (1 + z[row]))
    near[row] = False
    assert 0 < near.sum() < 118
    assert set(_ids(answer)) == {release.columns.ids[n] for n in np.flatnonzero(near)}
    assert set(answer["search"]["filters"]) == {"mag_r", "z_spec"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("J00009", "z:0.1"),  # Every tenth object has no redshift.
        ("J00007", "size:0.1dex"),
        ("J00007", "label:1"),
        ("J00007", "r"),
        ("J00007", "r:0.1&mag_r_min=40"),
    ],
)
def test_what_cannot_be_matched_is_refused(client, path, text):
    refused = client.get(f"/api/v1/objects/{path}/neighbours?match={text}")
    assert (refused.status_code, refused.json()["code"]) == (422, "filter.invalid")


@pytest.mark.parametrize("method", ["rocchio", "mean", "max", "best_score"])
def test_one_example_is_asked_by_id(client, method):
    by_id = client.get(f"{_BY_ID}?k=40").json()
    assert _told(_multi(client, "k=40", positives=["J00007"], method=method)) == _told(by_id)


def test_a_vector_is_as_good_as_its_object(client, release):
    vector = release.store.vector(release.columns.row_of("J00007")).tolist()
    found = _multi(client, "k=40", positives=[[2 * x for x in vector]], minus=["J00007"])
    assert _ids(found) == _ids(client.get(f"{_BY_ID}?k=40").json())


@pytest.mark.parametrize("method", ["rocchio", "best_score", "mean", "max"])
def test_several_examples_are_ranked_as_the_formulas_say(client, release, vectors, method):
    liked, disliked = ["J00001", "J00002", "J00003"], ["J00004", "J00005"]
    if method in {"mean", "max"}:
        disliked = []
    answer = _multi(client, "k=20", positives=liked, negatives=disliked, method=method, minus=["J00006"])
    p = vectors[[release.columns.row_of(i) for i in liked]]
    n = vectors[[release.columns.row_of(i) for i in disliked]]
    if method == "rocchio":
        query = 1.75 * p.mean(axis=0) - 0.15 * n.mean(axis=0)
        score = vectors @ (query / np.linalg.norm(query))
    elif method == "mean":
        score = (vectors @ p.T).mean(axis=1)
    else:
        score = (vectors @ p.T).max(axis=1)
        if disliked:
            against = (vectors @ n.T).max(axis=1)
            score = np.where(score > against, score, -against)
    asked = [release.columns.row_of(i) for i in [*liked, *disliked, "J00006"]]
    score[asked] = -np.inf
    expected = np.argsort(-score, kind="stable")[:20]
    assert _ids(answer) == [release.columns.ids[row] for row in expected]
    np.testing.assert_allclose([hit["similarity"] for hit in answer["hits"]], score[expected], atol=2e-6)


def test_what_is_taken_away_is_never_a_hit(client):
    without = _ids(_multi(client, "k=30", positives=["J00001"]))[:10]
    for method in ("rocchio", "mean", "max", "best_score"):
        found = _multi(client, "k=1000", positives=["J00001"], minus=[*without, "nobody"], method=method)
        assert not set(without) & set(_ids(found))
        assert "J00001" not in _ids(found)


def test_many_are_left_out_as_few_are(client, monkeypatch):
    body = {"positives": ["J00001"], "minus": ["J00002", "J00003"]}
    few = [_multi(client, "k=200", method=method, **body) for method in ("rocchio", "max", "best_score")]
    monkeypatch.setattr("service.operations.finding._FEW", 0)
    many = [_multi(client, "k=200", method=method, **body) for method in ("rocchio", "max", "best_score")]
    assert [_told(one) for one in few] == [_told(one) for one in many]
    assert {one["search"]["n_searched"] for one in [*few, *many]} == {116}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "request.invalid"),
        ({"positives": []}, "request.invalid"),
        ({"positives": ["J00001"], "other": 1}, "request.invalid"),
        ({"positives": [["a"]]}, "request.invalid"),
        ({"positives": [[]]}, "request.invalid"),
        ({"positives": [[0.5]]}, "vector.unusable"),
        ({"positives": [[0] * 48]}, "vector.unusable"),
        ({"positives": ["J00001"] * 1001}, "request.invalid"),
        ({"positives": ["J00001"], "negatives": ["J00002"], "method": "max"}, "vector.unusable"),
        ({"positives": ["nobody"]}, "object.not_found"),
        ({"positives": ["J00119"]}, "object.not_indexed"),
        ({"positives": ["J00001"], "filters": {"nothing": [0, 1]}}, "filter.invalid"),
        ([], "request.invalid"),
    ],
)
def test_examples_that_cannot_be_used_are_refused(client, body, code):
    assert client.post(_MULTI, json=body).json()["code"] == code


def test_examples_that_cancel_each_other_are_refused(client, release):
    vector = release.store.vector(3)
    body = {"positives": [vector.tolist(), (-vector).tolist()]}
    refused = client.post(_MULTI, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "vector.unusable")
    assert "cancel each other" in refused.json()["detail"]


def test_diverse_hits_are_less_alike_than_the_nearest(client, release, vectors):
    def likeness(ids):
        chosen = vectors[[release.columns.row_of(i) for i in ids]]
        return (chosen @ chosen.T)[np.triu_indices(len(ids), 1)].mean()

    plain = client.get(f"{_BY_ID}?k=10&diversity=0").json()
    diverse = client.get(f"{_BY_ID}?k=10&diversity=0.7").json()
    assert _told(plain) == _told(client.get(f"{_BY_ID}?k=10").json())
    assert _ids(diverse)[0] == _ids(plain)[0]
    assert likeness(_ids(diverse)) < likeness(_ids(plain))
    assert diverse["next_cursor"] is None


def test_vectors_of_different_models_are_never_compared(client):
    refused = client.get(f"{_BY_ID}?surveys=tiny,rgb")
    assert (refused.status_code, refused.json()["code"]) == (409, "model.mismatch")
    assert (refused.json()["model"], refused.json()["models"]) == ("pca48-tiny", ["pca48-rgb"])
    every = client.get(f"{_BY_ID}?surveys=all").json()
    assert {hit["survey"] for hit in every["hits"]} == {"tiny"}
    assert [one["survey"] for one in every["search"]["releases"]] == ["tiny"]
    assert _told(every) == _told(client.get(_BY_ID).json())
    assert client.get(f"{_BY_ID}?surveys=nowhere").json()["code"] == "survey.not_found"
    assert client.get(f"{_BY_ID}?surveys=all&diversity=1").json()["code"] == "request.invalid"
