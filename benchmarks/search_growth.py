"""Growth with the number of vectors: building, memory, latency and recall of exact search, an inverted file and a graph.

    python benchmarks/search_growth.py --data-dir DIR [--n 10000 30000 100000 300000 1000000] [--kinds exact ivf hnsw]

Needs `search_data.py --n` of the same sizes. Every pair of size and kind runs in processes of its own, one that builds and one that
searches, and is left out where `DIR/measured/growth.json` has it: the sizes can be given one by one. Searches are one query after
the other, one thread, k = 10, at the effort that finds 0.99 of the ten nearest for queries that are not counted afterwards. The graph stops
at 300,000. On two cores the inverted file of a million takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from search_data import DIMENSION, K, intermediate, peak, read_base, read_queries, read_truth, recall

from index.vectors.approximate import ApproximateStore
from index.vectors.assembly import Assembly
from index.vectors.exact import ExactStore
from index.vectors.factory import IndexRequest, choose_index
from index.vectors.recall import choose_effort

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
KINDS = ("exact", "ivf", "hnsw")
LARGEST_GRAPH = 300_000
_SECONDS = 10.0


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--n", type=int, nargs="+", default=SIZES)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--step", choices=("build", "search"), help=argparse.SUPPRESS)
    parser.add_argument("--effort", type=int, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.step is not None:
        n, kind = told.n[0], told.kinds[0]
        is_build = told.step == "build"
        print(
            json.dumps(
                build(told.data_dir, n, kind) if is_build else search(told.data_dir, n, kind, told.effort)
            )
        )
        return
    for n in told.n:
        base = told.data_dir / f"n{n}" / "vectors.f32"
        if not base.is_file():
            read_base(told.data_dir, n).tofile(base)
        read_truth(told.data_dir, n)
        for kind in told.kinds:
            found = intermediate(told.data_dir, "growth")
            if f"{kind}_{n}" in found or (kind == "hnsw" and n > LARGEST_GRAPH):
                continue
            built = apart(told.data_dir, n, kind, "build")
            searched = apart(told.data_dir, n, kind, "search", "--effort", str(built["effort"]))
            measured = {f"{kind}_{n}": {"n": n, "kind": kind, "build": built, "search": searched}}
            print(json.dumps(measured), flush=True)
            intermediate(told.data_dir, "growth", {**intermediate(told.data_dir, "growth"), **measured})


def apart(data_dir: Path, n: int, kind: str, step: str, *more: str) -> dict[str, Any]:
    """Run a step in a process of its own, whose memory is nobody else's."""
    command = [
        sys.executable,
        __file__,
        "--data-dir",
        str(data_dir),
        "--n",
        str(n),
        "--kinds",
        kind,
        "--step",
        step,
        *more,
    ]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(said.splitlines()[-1]))


def build(data_dir: Path, n: int, kind: str) -> dict[str, Any]:
    """Build an index over the vectors on disk; exact search needs none."""
    folder = data_dir / f"n{n}"
    store = ExactStore(folder / "vectors.f32", DIMENSION, threads=0)
    choice = choose_index(n, DIMENSION, IndexRequest(kind=kind))
    begun = time.perf_counter()
    path = folder / f"{kind}.faiss"
    if kind != "exact":
        rows = np.sort(np.random.default_rng(0).choice(n, choice.n_sample, replace=False))
        assembly = Assembly(store, choice)
        assembly.train(rows)
        assembly.add(np.arange(n))
        assembly.write(path)
    seconds, most = time.perf_counter() - begun, peak()
    estimate = {"building": choice.memory.building, "serving": choice.memory.serving}
    return {
        "seconds": seconds,
        "peak_bytes": most,
        "index_bytes": path.stat().st_size if kind != "exact" else 0,
        "factory": choice.factory,
        "estimate": estimate,
        "effort": enough(data_dir, n, kind, store) if kind != "exact" else 0,
    }


def enough(data_dir: Path, n: int, kind: str, store: ExactStore) -> int:
    """Return the effort at which an index finds 0.99 of the ten nearest, by the second half of the queries."""
    approximate = ApproximateStore(data_dir / f"n{n}" / f"{kind}.faiss", store, n, kind, 1)
    queries, true = read_queries(data_dir), read_truth(data_dir, n)
    half = len(queries) // 2
    measured = choose_effort(approximate, queries[half:], true[half:])
    assert measured[-1].effort is not None
    return measured[-1].effort


def search(data_dir: Path, n: int, kind: str, effort: int) -> dict[str, Any]:
    """Search one query after the other, as one thread of a service does."""
    folder = data_dir / f"n{n}"
    store = ExactStore(folder / "vectors.f32", DIMENSION)
    queries, true = read_queries(data_dir), read_truth(data_dir, n)
    half = len(queries) // 2
    path = folder / f"{kind}.faiss"
    approximate = None if kind == "exact" else ApproximateStore(path, store, n, kind, effort)
    # The engine would compare all of a small catalogue, whatever index there is.
    searched = store if approximate is None else approximate
    rows, times = [], []
    for number in range(10):
        searched.search(queries[half + number][None], K)
    begun = time.perf_counter()
    for query in queries[:half]:
        start = time.perf_counter()
        hits = searched.search(query[None], K)
        times.append(1e3 * (time.perf_counter() - start))
        rows.append(hits.rows[0].tolist())
        if time.perf_counter() - begun > _SECONDS and len(times) >= 100:
            break
    return {
        "p50_ms": float(np.quantile(times, 0.5)),
        "p99_ms": float(np.quantile(times, 0.99)),
        "recall": recall(rows, true[: len(rows)]),
        "n_queries": len(rows),
        "peak_bytes": peak(),
    }


if __name__ == "__main__":
    main()
