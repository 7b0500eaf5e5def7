"""While releases are swapped and rolled back, every answer is whole, and of one release."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time

import httpx
import numpy as np
import pytest
from support.more_releases import another_release
from support.running import free_port, started
from support.serving import copied

from index.catalogue.activation import activate, rollback
from index.catalogue.session import default_url, make_engine, writing
from index.release import Release

K, CLIENTS, MODEL = 5, 4, "pca48-tiny"


@pytest.fixture
def data_dir(served_data, tmp_path):
    return copied(served_data, tmp_path / "data")


def nearest(data_dir, release_id):
    """Each object's neighbours by brute force: ids and similarities."""
    release = Release.open(data_dir / "releases" / release_id)
    ids, vectors = release.columns.ids, np.array(release.store.vectors(slice(None)), np.float64)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :K]
    return {
        own: ([ids[hit] for hit in order[row]], similarity[row, order[row]]) for row, own in enumerate(ids)
    }


class Load:
    """Clients that ask without pause, by id, with a filter that leaves everything and by vector, until told to stop."""

    def __init__(self, port, expected, vectors):
        self._url, self._expected, self._vectors = f"http://127.0.0.1:{port}", expected, vectors
        self._is_over, self.wrong, self.seen, self.n = threading.Event(), [], set(), 0
        self._threads = [threading.Thread(target=self._ask, args=(seed,)) for seed in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, seed):
        chosen = random.Random(seed)
        ids = sorted(next(iter(self._expected.values())))
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._is_over.is_set():
                own, kind = chosen.choice(ids), chosen.choice(("graph", "filter", "vector"))
                try:
                    self._ask_once(client, own, kind)
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    self.wrong.append(repr(error))

    def _ask_once(self, client, own, kind):
        if kind != "vector":
            query = "&mag_r_max=40" if kind == "filter" else ""
            answer = client.get(f"/api/v1/objects/{own}/neighbours?k={K}{query}")
            self._judge(own, answer, lambda body: body["hits"])
            return
        # A vector of one release: only that one finds the object itself first.
        release = next(iter(self._expected))
        body = {"vectors": [self._vectors[own]], "k": K + 1, "release": release}
        answer = client.post("/api/v1/neighbours/vector", json=body)
        if answer.status_code == 404 and answer.json()["code"] == "release.not_found":
            # It was swapped out: said, not answered by another.
            self.n += 1
            return
        self._judge(own, answer, lambda body: body["results"][0]["hits"][1:])

    def _judge(self, own, answer, hits_of):
        self.n += 1
        body = answer.json()
        if answer.status_code != 200:
            self.wrong.append(body)
            return
        release = body["release"]["id"]
        self.seen.add(release)
        ids, similarity = self._expected[release][own]
        hits = hits_of(body)
        if [hit["object_id"] for hit in hits] != ids or not np.allclose(
            [hit["similarity"] for hit in hits], similarity, rtol=0, atol=1e-6
        ):
            self.wrong.append((release, own, hits))


def test_no_answer_fails_or_mixes_releases_through_swaps_and_rollbacks(data_dir, tmp_path):
    (first,) = [path.name for path in (data_dir / "releases").glob("tiny--*")]
    others = [another_release(data_dir, days=seed, seed=seed, is_active=False) for seed in (1, 2)]
    expected = {release: nearest(data_dir, release) for release in [first, *others]}
    store = Release.open(data_dir / "releases" / first)
    vectors = {own: store.store.vector(row).tolist() for row, own in enumerate(store.columns.ids)}
    engine = make_engine(default_url(data_dir))

    def change(act):
        with writing(engine)() as session, session.begin():
            return act(session).id

    port = free_port()
    command = [sys.executable, "-m", "skylike", "serve", "--data-dir", str(data_dir), "--port", str(port)]
    environment = {**os.environ, "SKYLIKE_RELOAD_SECONDS": "0.1", "SKYLIKE_WORKERS": "0"}
    with (
        started(command, environment, log=tmp_path / "log", port=port) as (client, process),
        Load(port, expected, vectors) as load,
    ):

        def until(release):
            for _ in range(600):
                if client.get("/api/v1/releases").json()["default"] == release:
                    return
                time.sleep(0.05)
            raise AssertionError((tmp_path / "log").read_text()[-3000:])

        assert client.get("/api/v1/releases").json()["default"] == first
        for _ in range(2):
            for release in others:
                until(change(lambda session, to=release: activate(session, to)))
            until(change(lambda session: rollback(session, "tiny", MODEL)))
        process.send_signal(signal.SIGHUP)
        until(change(lambda session: activate(session, first)))
    engine.dispose()
    assert not load.wrong, load.wrong[:3]
    assert load.seen == set(expected)
    assert load.n > 100
