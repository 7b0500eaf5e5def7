"""Neighbours by id over HTTP: our graph, a SQL join on the same table of neighbours, a route that does nothing; batches of 256.

    python benchmarks/search_byid.py --data-dir DIR --n 20000 [--seconds 10]      after search_release.py and search_pgvector.py

Writes `DIR/measured/byid_20000.json`. Three rounds in turn, `wrk -t1 -c32`, ids at random among the first 20,000, k = 10.
Batches are sent by one client, one after the other. Takes 3 minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
from search_data import K, intermediate, object_ids
from search_load import ROUNDS, Target, getting, peer, rounds
from search_pgvector import postgres
from search_release import release_dir
from service_process import service

_IDS, _BATCH, _CHECKED = 20_000, 256, 100


def main() -> None:
    """Measure one size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--n", type=int, required=True)
    parser.add_argument("--seconds", type=int, default=10)
    told = parser.parse_args()
    folder, seconds = told.data_dir / f"n{told.n}", told.seconds
    rows = np.random.default_rng(2).integers(min(told.n, _IDS), size=_IDS)
    ids = object_ids(told.n)
    ours = [f"/api/v1/objects/{ids[row]}/neighbours?k={K}" for row in rows]
    theirs = [f"/objects/{row}/neighbours?k={K}" for row in rows]
    with ExitStack() as stack:
        url = stack.enter_context(service(release_dir(told.data_dir, told.n))).url
        database = stack.enter_context(postgres(folder / "pg"))
        sql = stack.enter_context(peer("search_sql:app", {"SEARCH_PG": database}))
        client = stack.enter_context(httpx.Client())
        agree = None
        if told.n <= _IDS:
            agree = float(
                np.mean(
                    [same(client, url + a, sql + b) for a, b in zip(ours[:_CHECKED], theirs, strict=False)]
                )
            )
        targets = {
            "noop": Target(f"{url}/livez"),
            "byid": Target(url, getting(ours, folder / "wrk", "byid")),
            "byid_sql": Target(sql, getting(theirs, folder / "wrk", "byid_sql")),
        }
        measured = rounds(targets, seconds)
        batches = [batch_qps(url, [ids[row] for row in rows], seconds) for _ in range(ROUNDS)]
    result: dict[str, Any] = {"n": told.n, "seconds": seconds, "rounds": measured}
    result |= {"batch256_qps": batches, "same_as_sql": agree}
    intermediate(told.data_dir, f"byid_{told.n}", result)
    print(result)


def same(client: httpx.Client, ours: str, theirs: str) -> bool:
    """Whether both name the same neighbours, in any order."""
    answers = [client.get(url).raise_for_status().json()["hits"] for url in (ours, theirs)]
    a, b = ({hit["object_id"] for hit in hits} for hits in answers)
    return a == b


def batch_qps(url: str, ids: list[str], seconds: int) -> float:
    """Return ids answered a second, 256 in a request, JSON both ways, one request at a time."""
    bodies = [
        orjson.dumps({"ids": ids[start : start + _BATCH]}) for start in range(0, len(ids) - _BATCH, _BATCH)
    ]
    headers = {"content-type": "application/json"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        first = client.post(f"/api/v1/neighbours/batch?k={K}", content=bodies[0]).raise_for_status()
        n_lines = len(first.json()["rows"])
        if n_lines != _BATCH * K:
            sys.exit(f"a batch of {_BATCH} ids came back with {n_lines} lines")
        n, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            client.post(f"/api/v1/neighbours/batch?k={K}", content=bodies[n % len(bodies)]).raise_for_status()
            n += 1
        return n * _BATCH / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
