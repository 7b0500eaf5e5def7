"""Twenty swaps and five rollbacks while clients ask: every answer must be whole and of one release.

    python benchmarks/search_swaps.py --data-dir DIR --n 20000      after search_release.py

Writes `DIR/measured/swaps.json`. Three releases of the same objects with other vectors; wrk keeps 16 connections busy by id, and four
clients of our own ask by id, under a filter and by vector, and compare every answer with what the release that it names holds.
An answer that fails, names a release that never was, or has hits of another one counts. Two minutes.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from search_data import K, VectorArray, as_stored, intermediate, read_base, read_queries
from search_http import OURS
from search_load import Target, getting
from search_release import MODEL, SURVEY, release_dir
from service_process import service

from index.catalogue.activation import activate, rollback
from index.catalogue.ingest import ingest_release
from index.catalogue.session import default_url, make_engine, writing
from index.embed import describe_embeddings
from index.embeddings import EmbeddingStore
from index.model import Model
from index.release import Release
from index.releases import build_release
from survey.archive import SurveyFolder

SWAPS, ROLLBACKS = 20, 5
_CLIENTS, _CONNECTIONS = 4, 16
_OBJECTS, _QUERIES = 500, 50
_EVERYTHING = "mag_r_max=40"
_WAIT_S = 60.0


class Expected:
    """What every release answers."""

    def __init__(self, releases: list[Release], queries: VectorArray) -> None:
        self.ids = [str(one) for one in releases[0].columns.ids][:_OBJECTS]
        self.queries = queries
        self.by_id: dict[str, dict[str, list[tuple[str, float]]]] = {}
        self.by_vector: dict[str, list[list[tuple[str, float]]]] = {}
        for release in releases:
            names, graph = release.columns.ids, release.graph
            self.by_id[release.id] = {
                own: self._hits(names, *graph.of(row, K)) for row, own in enumerate(self.ids)
            }
            hits = release.engine.search(queries, K).hits
            pairs = zip(hits.rows, hits.similarity, strict=True)
            self.by_vector[release.id] = [self._hits(names, *pair) for pair in pairs]

    @staticmethod
    def _hits(names: Any, rows: np.ndarray, similarity: np.ndarray) -> list[tuple[str, float]]:
        return [(str(names[row]), float(one)) for row, one in zip(rows, similarity, strict=True)]


class Client:
    """Asks without pause until told to stop."""

    def __init__(self, url: str, expected: Expected, seed: int) -> None:
        self.errors: list[str] = []
        self.mixed: list[str] = []
        self.seen: dict[str, int] = {}
        self._url, self._expected, self._rng = url, expected, np.random.default_rng(seed)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Wait for the answer under way."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        kinds = (self._by_id, self._filtered, self._by_vector)
        with httpx.Client(base_url=self._url, timeout=_WAIT_S) as client:
            while not self._is_over.is_set():
                try:
                    kinds[self._rng.integers(len(kinds))](client)
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    self.errors.append(repr(error))

    def _by_id(self, client: httpx.Client, query: str = "") -> None:
        own = self._expected.ids[self._rng.integers(len(self._expected.ids))]
        told = client.get(f"/api/v1/objects/{own}/neighbours?k={K}{query}").raise_for_status().json()
        self._judge(told, told["hits"], self._expected.by_id, own)

    def _filtered(self, client: httpx.Client) -> None:
        self._by_id(client, f"&{_EVERYTHING}")

    def _by_vector(self, client: httpx.Client) -> None:
        number = int(self._rng.integers(len(self._expected.queries)))
        body = {"vectors": [self._expected.queries[number].tolist()], "k": K}
        told = client.post(OURS, json=body).raise_for_status().json()
        self._judge(told, told["results"][0]["hits"], self._expected.by_vector, number)

    def _judge(self, told: dict[str, Any], hits: list[dict[str, Any]], expected: Any, asked: object) -> None:
        release = told["release"]["id"]
        self.seen[release] = self.seen.get(release, 0) + 1
        right = expected[release][asked]
        same = [hit["object_id"] for hit in hits] == [own for own, _ in right] and np.allclose(
            [hit["similarity"] for hit in hits], [one for _, one in right], rtol=0, atol=1e-5
        )
        if not same:
            self.mixed.append(f"{release} {asked}")


def three_releases(source: Path, folder: Path, base: VectorArray) -> list[Release]:
    """Copy a served folder and build two more releases in it, of vectors that are turned a little each time."""
    shutil.copytree(source, folder)
    survey = SurveyFolder(folder / "surveys" / SURVEY)
    model = Model.open(folder / "models" / MODEL)
    releases = [Release.open(next((folder / "releases").glob(f"{SURVEY}--*")))]
    bound = describe_embeddings(survey, model, shard_size=len(base))
    store = EmbeddingStore.create(folder / "embeddings" / "other", bound)
    for number in (1, 2):
        noise = np.random.default_rng(number).normal(0, 0.03, base.shape)
        other = as_stored((base + noise).astype(np.float16))
        store.write_shard(0, survey.ids, survey.objects.column("hpx29").to_pylist(), other)
        now = datetime.now(UTC) + timedelta(seconds=number)
        info = build_release(
            survey=survey, model=model, embeddings=store, releases_dir=folder / "releases", now=now
        )
        releases.append(Release.open(folder / "releases" / info.id))
    return releases


def changes(folder: Path, client: httpx.Client, releases: list[str]) -> list[float]:
    """Swap and roll back; returns the seconds until each is served."""
    engine = make_engine(default_url(folder))
    seconds = []

    def change(act: Callable[..., Any], *arguments: str) -> None:
        begun = time.perf_counter()
        with writing(engine)() as session, session.begin():
            wanted = act(session, *arguments).id
        while client.get("/api/v1/releases").json()["default"] != wanted:
            if time.perf_counter() - begun > _WAIT_S:
                raise SystemExit(f"{wanted} was not served within {_WAIT_S:.0f} s")
            time.sleep(0.05)
        seconds.append(time.perf_counter() - begun)
        print(f"{len(seconds)} of {SWAPS + ROLLBACKS}: {seconds[-1]:.2f} s", file=sys.stderr, flush=True)
        time.sleep(1)

    for number in range(SWAPS):
        change(activate, releases[(number + 1) % len(releases)])
        if number % (SWAPS // ROLLBACKS) == SWAPS // ROLLBACKS - 1:
            change(rollback, SURVEY, MODEL)
    engine.dispose()
    return seconds


def main() -> None:
    """Swap under load and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--n", type=int, required=True)
    told = parser.parse_args()
    folder = told.data_dir / f"n{told.n}" / "swapped"
    shutil.rmtree(folder, ignore_errors=True)
    releases = three_releases(release_dir(told.data_dir, told.n), folder, read_base(told.data_dir, told.n))
    engine = make_engine(default_url(folder))
    with writing(engine)() as session, session.begin():
        for release in releases[1:]:
            ingest_release(session, release)
    engine.dispose()
    expected = Expected(releases, read_queries(told.data_dir)[:_QUERIES])
    paths = [f"/api/v1/objects/{own}/neighbours?k={K}" for own in expected.ids]
    with service(folder, reload_seconds=0.2) as running, httpx.Client(base_url=running.url) as client:
        load = Wrk(Target(running.url, getting(paths, folder, "byid")))
        clients = [Client(running.url, expected, seed) for seed in range(_CLIENTS)]
        seconds = changes(folder, client, [release.id for release in releases])
        for one in clients:
            one.stop()
        load.stop()
    result = {
        "n": told.n,
        "swaps": SWAPS,
        "rollbacks": ROLLBACKS,
        "errors": sum(len(one.errors) for one in clients) + load.errors,
        "mixed": sum(len(one.mixed) for one in clients),
        "checked": sum(sum(one.seen.values()) for one in clients),
        "unchecked": load.requests,
        "releases_seen": len({release for one in clients for release in one.seen}),
        "seconds": seconds,
        "first_errors": [error for one in clients for error in one.errors + one.mixed][:5],
    }
    intermediate(told.data_dir, "swaps", result)
    print(result)


class Wrk:
    """wrk in the background, two seconds at a time, counting what it got and what failed."""

    def __init__(self, target: Target) -> None:
        self.requests = self.errors = 0
        self._target, self._is_over = target, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Wait for the last two seconds."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        command = [
            "wrk",
            "-t1",
            f"-c{_CONNECTIONS}",
            "-d2s",
            "--timeout",
            "60s",
            "-s",
            str(self._target.script),
        ]
        while not self._is_over.is_set():
            said = subprocess.run(
                [*command, self._target.url], check=True, capture_output=True, text=True
            ).stdout
            done = re.search(r"(\d+) requests in", said)
            self.requests += int(done[1]) if done else 0
            for pattern in (r"Non-2xx or 3xx responses: (\d+)", r"Socket errors: (.*)"):
                failed = re.search(pattern, said)
                self.errors += sum(map(int, re.findall(r"\d+", failed[1]))) if failed else 0


if __name__ == "__main__":
    main()
