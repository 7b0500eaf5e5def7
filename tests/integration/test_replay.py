"""A token gives the same bytes again, whatever was activated since."""

from __future__ import annotations

import shutil

import pytest
from support.more_releases import another_release
from support.serving import client_of, copied

from survey.archive import SurveyFolder

_GETS = (
    "/api/v1/objects/J00007/neighbours",
    "/api/v1/objects/J00007/neighbours?k=3&z_min=0.1&explain=true&diversity=0.5",
    "/api/v1/objects/J00007/neighbours?surveys=all&survey=tiny",
    "/api/v1/objects/J00007/neighbours?min_score=1",
    "/api/v1/neighbours?target=J00007&match=r:0.5",
    "/api/v1/objects/J00007/photoz?representation=samples&n_samples=3",
    "/api/v1/objects/J00007/anomaly",
)
_POSTS = (
    ("/api/v1/neighbours/multi?k=4", {"positives": ["J00001", "J00002"], "negatives": ["J00003"]}),
    ("/api/v1/neighbours/multi?exact=true", {"positives": ["J00001"], "filters": {"z_spec": [0.1, None]}}),
    ("/api/v1/neighbours/batch?k=2&z_min=0.1", {"ids": ["J00001", "nobody"]}),
    ("/api/v1/photoz/batch", {"ids": ["J00001", "nobody"]}),
)


def _asked(client):
    """Ask everything; returns tokens with the bytes that they came with."""
    answers = [client.get(path) for path in _GETS]
    answers += [client.post(path, json=body) for path, body in _POSTS]
    first = client.get(_GETS[0]).json()
    answers.append(client.get(f"{_GETS[0]}?cursor={first['next_cursor']}"))
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    return [(answer.json()["search"]["replay"], answer.content) for answer in answers]


@pytest.fixture(scope="module")
def replaced(served_data, tmp_path_factory):
    """A folder whose answers were asked for before another release was activated, with those answers."""
    data_dir = copied(served_data, tmp_path_factory.mktemp("replay") / "data")
    with client_of(data_dir) as client:
        told = _asked(client)
        release = client.get(_GETS[0]).json()["release"]["id"]
    another_release(data_dir, seed=3)
    return data_dir, told, release


def test_a_token_gives_the_same_bytes_again_after_another_release_was_activated(replaced):
    data_dir, told, release = replaced
    with client_of(data_dir) as client:
        now = client.get(_GETS[0]).json()
        assert now["release"]["id"] != release
        for token, content in told:
            assert client.get(f"/api/v1/replay/{token}").content == content
            assert client.post("/api/v1/replay", json={"token": token}).content == content
        # What the replays were served with is nobody else's.
        assert client.get(_GETS[0]).json() == now


def test_a_replay_is_as_the_answer_was_whatever_the_client_accepts(client):
    answer = client.post(_POSTS[2][0], json=_POSTS[2][1])
    token = answer.json()["search"]["replay"]
    again = client.get(f"/api/v1/replay/{token}", headers={"Accept": "text/csv"})
    assert again.content == answer.content
    table = client.post(_POSTS[2][0], json=_POSTS[2][1], headers={"Accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")


def test_a_token_of_a_release_that_was_deleted_says_so(replaced, tmp_path):
    source, told, release = replaced
    data_dir = copied(source, tmp_path / "data")
    with client_of(data_dir) as client:
        # Another one is active, so this one is opened by the token alone.
        shutil.rmtree(data_dir / "releases" / release)
        gone = client.get(f"/api/v1/replay/{told[0][0]}")
        assert (gone.status_code, gone.json()["code"]) == (410, "release.gone")
        assert release in gone.json()["detail"]


def test_what_is_no_token_is_refused(client):
    token = client.get(_GETS[0]).json()["search"]["replay"]
    for one in (token[:-4], token[:9] + "A" + token[10:], "x", "p" + "A" * 70_000):
        refused = client.post("/api/v1/replay", json={"token": one})
        assert (refused.status_code, refused.json()["code"]) == (400, "replay.invalid")
    assert client.get("/api/v1/replay/nothing").json()["code"] == "replay.invalid"
    assert client.post("/api/v1/replay", json={}).status_code == 422


def test_refusals_are_those_of_the_question(client):
    from service.operations.replay import Pin, token_of

    answer = client.get(_GETS[0]).json()
    pin = Pin(answer["release"]["id"], answer["search"]["release_sha256"])
    lost = token_of((pin.text(),), b"/api/v1/objects/nobody/neighbours", b"", None)
    assert client.get(f"/api/v1/replay/{lost}").json()["code"] == "object.not_found"
    foreign = token_of((Pin(pin.release, "0" * 64).text(),), b"/api/v1/objects/J00007/neighbours", b"", None)
    assert client.get(f"/api/v1/replay/{foreign}").json()["code"] == "release.gone"
    unknown = token_of((Pin("tiny--none", "0" * 64).text(),), b"/api/v1/objects/J00007/neighbours", b"", None)
    assert client.get(f"/api/v1/replay/{unknown}").json()["code"] == "release.gone"


@pytest.mark.parametrize("path", [b"/api/v1/neighbours/batch", b"/api/v1/photoz/batch"])
def test_a_token_makes_no_job(client, path):
    from service.operations.replay import Pin, token_of

    answer = client.get(_GETS[0]).json()
    pin = Pin(answer["release"]["id"], answer["search"]["release_sha256"])
    token = token_of((pin.text(),), path, b"async=true", b'{"ids":["J00001"]}')
    before = client.get("/api/v1/jobs").json()["jobs"]
    # Another site's page can make a browser of this machine ask so.
    refused = client.get(f"/api/v1/replay/{token}")
    assert (refused.status_code, refused.json()["code"]) == (400, "replay.invalid")
    assert client.get("/api/v1/jobs").json()["jobs"] == before


def test_long_questions_have_no_token(client):
    body = {"positives": ["J00001"], "minus": [f"{n * 7919 % 10**9:09d}" * 13 for n in range(1000)]}
    answer = client.post("/api/v1/neighbours/multi", json=body)
    assert answer.status_code == 200
    token = answer.json()["search"]["replay"]
    assert token is None or client.post("/api/v1/replay", json={"token": token}).content == answer.content


def test_an_upload_that_is_kept_is_replayed_by_its_id_and_another_not_at_all(served_data, tmp_path):
    from support.owners import UPLOAD, fits_of

    data_dir = copied(served_data, tmp_path / "data")
    image = fits_of(SurveyFolder(data_dir / "surveys" / "tiny"), 3)
    headers = {"content-type": "image/fits"}
    with client_of(data_dir) as client:
        assert client.post(UPLOAD, content=image, headers=headers).json()["search"]["replay"] is None
        kept = client.post(f"{UPLOAD}?keep=true&k=4", content=image, headers=headers)
        token = kept.json()["search"]["replay"]
        assert client.get(f"/api/v1/replay/{token}").content == kept.content
        samples = client.post(f"{UPLOAD}?keep=true&representation=samples", content=image, headers=headers)
        assert samples.json()["search"]["replay"] is None
        again = client.get(f"/api/v1/uploads/{kept.json()['query']['upload_id']}/neighbours")
    another_release(data_dir, seed=4)
    with client_of(data_dir) as client:
        assert client.get(f"/api/v1/replay/{token}").content == kept.content
        assert client.get(f"/api/v1/replay/{again.json()['search']['replay']}").content == again.content
