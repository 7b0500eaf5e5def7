"""Nearest vectors over HTTP: ours, pgvector and FAISS in FastAPI, on the same data with the same queries.

    python benchmarks/search_http.py --data-dir DIR --n 20000 [--seconds 10]      after search_release.py and search_pgvector.py

Writes `DIR/measured/http_20000.json`. Three rounds, every server in turn, `wrk -t1 -c32` on the same machine, k = 10, the
bodies are 1,000 held-out galaxies. Before that every server answers some of them and its ids are compared with brute force.
Takes 3 minutes; a million is the same, but FAISS builds its HNSW index for ten minutes the first time.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from search_data import K, intermediate, read_base, read_queries, recall, truth
from search_inprocess import opened
from search_load import Target, peer, plain_bodies, posting, rounds
from search_pgvector import pgbench, postgres
from search_release import release_dir
from service_process import service

OURS = "/api/v1/neighbours/vector"
#: pgvector's default.
EF_SEARCH = 40
_CHECKED, _CHECKED_SLOW = 500, 50
_SLOW = ("pgvector_exact",)


def main() -> None:
    """Measure one size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--n", type=int, required=True)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--only", nargs="+", help="names of the servers; the others are not started")
    told = parser.parse_args()
    folder, queries = told.data_dir / f"n{told.n}", read_queries(told.data_dir)
    base = read_base(told.data_dir, told.n)
    true = truth(base, queries)
    del base
    plain = posting("/search", plain_bodies(queries, K), folder / "wrk", "plain")
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=60))
        targets = {name: Target(url, plain) for name, url in peers(stack, folder, told.n, told.only).items()}
        running = stack.enter_context(service(release_dir(told.data_dir, told.n)))
        ours = {"ours": {}} | (
            {"ours_exact": {"exact": True}} if is_approximate(told.data_dir, told.n) else {}
        )
        for name, more in ours.items():
            bodies = [{"vectors": [one["vector"]], "k": K, **more} for one in plain_bodies(queries, K)]
            targets[name] = Target(running.url, posting(OURS, bodies, folder / "wrk", name))
        if told.only:
            targets = {name: target for name, target in targets.items() if name in told.only}
        recalls = {}
        for name, target in targets.items():
            n_checked = _CHECKED_SLOW if name in _SLOW else _CHECKED
            found = [
                answered(client, target.url, body, ours.get(name))
                for body in plain_bodies(queries[:n_checked], K)
            ]
            recalls[name] = recall(found, true[:n_checked])
            print(f"{name}: recall@10 {recalls[name]:.4f}", file=sys.stderr, flush=True)
        measured = rounds(targets, told.seconds)
        raw = None
        if "pgvector" in targets:
            url = stack.enter_context(postgres(folder / "pg"))
            raw = pgbench(url, told.seconds, len(queries), folder / "wrk", EF_SEARCH)
    result: dict[str, Any] = {"n": told.n, "seconds": told.seconds, "recall": recalls, "rounds": measured}
    result["pgbench_qps"] = raw
    intermediate(told.data_dir, f"http_{told.n}", result)
    print(result)


def peers(stack: ExitStack, folder: Path, n: int, only: list[str] | None) -> dict[str, str]:
    """Start them: FAISS with its own threads and with one, exact and (from 100,000 vectors on) HNSW; pgvector both ways."""
    base = {"SEARCH_BASE": str(folder / "base.npy")}
    plain = {"plain": base, "plain_omp1": {**base, "OMP_NUM_THREADS": "1"}}
    if n >= 100_000:
        plain["plain_hnsw"] = {**base, "OMP_NUM_THREADS": "1", "SEARCH_INDEX": "HNSW32"}
    settings = {
        "pgvector": f"hnsw.ef_search={EF_SEARCH}",
        "pgvector_exact": "enable_indexscan=off",
    }
    wanted = set(only or (*plain, *settings))
    urls = {
        name: stack.enter_context(peer("search_plain:app", more))
        for name, more in plain.items()
        if name in wanted
    }
    if wanted & set(settings):
        pg = {"SEARCH_PG": stack.enter_context(postgres(folder / "pg"))}
        for name in sorted(wanted & set(settings)):
            more = {**pg, "SEARCH_PG_SET": settings[name]}
            urls[name] = stack.enter_context(peer("search_sql:app", more))
    return urls


def answered(client: httpx.Client, url: str, body: dict[str, Any], ours: dict[str, Any] | None) -> list[int]:
    """Ask once; return rows."""
    if ours is not None:
        asked = {"vectors": [body["vector"]], "k": body["k"], **ours}
        told = client.post(url + OURS, json=asked).raise_for_status().json()
        hits = told["results"][0]["hits"]
        return [int(hit["object_id"].removeprefix("SYN")) for hit in hits]
    told = client.post(f"{url}/search", json=body).raise_for_status().json()
    return [hit["row"] for hit in told["hits"]]


def is_approximate(data_dir: Path, n: int) -> bool:
    """Whether the release has an index that may miss neighbours."""
    return opened(data_dir, n).engine.approximate is not None


if __name__ == "__main__":
    main()
