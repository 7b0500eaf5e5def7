"""Searches under a filter that cuts along the embedding: ours in the process and over HTTP, and pgvector.

    OMP_NUM_THREADS=1 python benchmarks/search_filters.py --data-dir DIR --n 20000      after search_release.py and search_pgvector.py

Writes `DIR/measured/filters_20000.json`. The column `mag_r` is the rank along the first principal axis, so that a filter of 1 %
allows one edge of the cloud, as a cut in magnitude or redshift does; 200 held-out galaxies ask from everywhere, one after the other,
k = 10. Recall is against brute force over the allowed vectors. Two minutes; a million, five.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
from search_data import DIMENSION, K, VectorArray, intermediate, read_base, read_queries, recall, truth
from search_inprocess import opened
from search_pgvector import postgres, vector_text
from search_release import correlated, release_dir
from service_process import service

from index.release import Release

_SHARES = (1.0, 0.1, 0.01, 0.001)
_N_QUERIES = 200
_OURS = "/api/v1/neighbours/vector"
_GRAPH_ONLY = ("SET enable_seqscan = off", "SET enable_bitmapscan = off", "SET enable_sort = off")
# pgvector as its planner chooses, and by its graph alone: with what it finds at once, and going on until there are enough.
_PGVECTOR: dict[str, tuple[str, ...]] = {
    "pgvector": (),
    "pgvector_hnsw": _GRAPH_ONLY,
    "pgvector_iterative": (*_GRAPH_ONLY, "SET hnsw.iterative_scan = strict_order"),
}

Rows = list[list[int]]


def main() -> None:
    """Measure one size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--n", type=int, required=True)
    told = parser.parse_args()
    base, queries = read_base(told.data_dir, told.n), read_queries(told.data_dir)[:_N_QUERIES]
    column = 14 + correlated(base)
    limits = {share: 14 + share for share in _SHARES}
    true = {share: allowed_truth(base, column <= limit, queries) for share, limit in limits.items()}
    del base
    found: dict[str, Any] = {"n": told.n, "n_queries": len(queries), "shares": {str(s): {} for s in _SHARES}}

    def keep(share: float, name: str, answer: tuple[Rows, list[float]]) -> None:
        rows, seconds = answer
        returned = float(np.mean([len(one) for one in rows]))
        p50, p99 = (1e3 * float(np.quantile(seconds, q)) for q in (0.5, 0.99))
        told_of = {"recall": recall(rows, true[share]), "returned": returned, "p50_ms": p50, "p99_ms": p99}
        found["shares"][str(share)][name] = told_of
        print(f"{share:.1%} {name}: {told_of}", file=sys.stderr, flush=True)

    release = opened(told.data_dir, told.n)
    for share, limit in limits.items():
        keep(share, "ours", in_process(release, limit if share < 1 else None, queries, exact=False))
    keep(1.0, "ours_exact", in_process(release, None, queries, exact=True))
    with service(release_dir(told.data_dir, told.n)) as running, httpx.Client(base_url=running.url) as client:
        for share, limit in limits.items():
            keep(share, "ours_http", over_http(client, limit if share < 1 else None, queries))
        keep(1.0, "ours_http_exact", over_http(client, None, queries, exact=True))
    database = told.data_dir / f"n{told.n}" / "pg"
    if not database.is_dir():
        print("pgvector was not filled: it is left out", file=sys.stderr)
        intermediate(told.data_dir, f"filters_{told.n}", found)
        return
    with postgres(database) as url:
        for name, settings in _PGVECTOR.items():
            for share, limit in limits.items():
                with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
                    for setting in settings:
                        connection.execute(setting)
                    plan, answer = by_sql(connection, limit if share < 1 else None, queries)
                keep(share, name, answer)
                found["shares"][str(share)][name]["plan"] = plan
    intermediate(told.data_dir, f"filters_{told.n}", found)


def allowed_truth(base: VectorArray, allowed: np.ndarray, queries: VectorArray) -> np.ndarray:
    """Return the true rows among the allowed."""
    rows = np.flatnonzero(allowed)
    return np.asarray(rows[truth(base[rows], queries)])


def timed(ask: Callable[[int], list[int]], n: int) -> tuple[Rows, list[float]]:
    """Ask n times, after five that warm."""
    for number in range(5):
        ask(number % n)
    rows, seconds = [], []
    for number in range(n):
        begun = time.perf_counter()
        rows.append(ask(number))
        seconds.append(time.perf_counter() - begun)
    return rows, seconds


def in_process(
    release: Release, limit: float | None, queries: VectorArray, *, exact: bool
) -> tuple[Rows, list[float]]:
    """Ask the engine; making the mask from the column is part of it."""
    column = release.columns.array("mag_r")

    def ask(number: int) -> np.ndarray:
        allowed = None if limit is None else column <= limit
        searched = release.engine.search(queries[number : number + 1], K, allowed=allowed, exact=exact)
        return np.asarray(searched.hits.rows[0, : searched.hits.lengths[0]])

    ids = release.columns.ids
    rows, seconds = timed(ask, len(queries))
    return [[int(str(ids[row]).removeprefix("SYN")) for row in one] for one in rows], seconds


def over_http(
    client: httpx.Client, limit: float | None, queries: VectorArray, *, exact: bool = False
) -> tuple[Rows, list[float]]:
    """Ask the route by vector; reading the answer is part of it."""
    asked = {"filters": {"mag_r": [None, limit]}} if limit is not None else {"exact": True} if exact else {}
    bodies = [{"vectors": [query.tolist()], "k": K, **asked} for query in queries]

    def ask(number: int) -> list[int]:
        told = client.post(_OURS, json=bodies[number]).raise_for_status().json()
        return [int(hit["object_id"].removeprefix("SYN")) for hit in told["results"][0]["hits"]]

    return timed(ask, len(queries))


def by_sql(
    connection: psycopg.Connection, limit: float | None, queries: VectorArray
) -> tuple[str, tuple[Rows, list[float]]]:
    """Ask by SQL, without HTTP; returns how the planner does it, and the answer."""
    where = "" if limit is None else f"WHERE mag_r <= {limit!r} "
    # A literal bound: with a parameter the planner would not know how few pass.
    sql = f"SELECT id FROM items {where}ORDER BY embedding <#> %s::halfvec({DIMENSION}) LIMIT {K}"  # noqa: S608  # numbers of our own
    texts = [vector_text(query) for query in queries]
    explained = connection.execute("EXPLAIN " + sql, (texts[0],)).fetchall()
    plan = next((line[0] for line in explained if "Scan" in line[0]), "").split("(")[0].strip(" ->")

    def ask(number: int) -> list[int]:
        return [int(row) for (row,) in connection.execute(sql, (texts[number],)).fetchall()]

    return plan, timed(ask, len(queries))


if __name__ == "__main__":
    main()
