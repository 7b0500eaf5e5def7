"""Searches of a release in the process, beside raw FAISS on the same vectors.

    OMP_NUM_THREADS=1 python benchmarks/search_inprocess.py --data-dir DIR --n 20000      after search_release.py

Writes `DIR/measured/inprocess_20000.json`: milliseconds of one call for 1, 16, 64 and 256 queries, k = 10, one thread, the median
of many calls, ours and FAISS in turn. Raw FAISS is IndexFlatIP with its default and with its lowered BLAS threshold, whichever is
quicker, and the release's own approximate index if it has one, searched at the same effort. A minute.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from search_data import K, VectorArray, intermediate, read_base, read_queries
from search_release import release_dir

from index.release import Release

_BATCHES = (1, 16, 64, 256)
_THRESHOLDS = (128_000, 512)
_SECONDS = 1.5


def main() -> None:
    """Measure one size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--n", type=int, required=True)
    told = parser.parse_args()
    faiss.omp_set_num_threads(1)
    release = opened(told.data_dir, told.n)
    flat = faiss.IndexFlatIP(release.info.dimension)
    flat.add(read_base(told.data_dir, told.n))
    queries = read_queries(told.data_dir)
    found: dict[str, Any] = {"n": told.n, "batches": {}}
    for batch in _BATCHES:
        found["batches"][str(batch)] = measure(release, flat, queries[:batch])
        print(batch, found["batches"][str(batch)], flush=True)
    intermediate(told.data_dir, f"inprocess_{told.n}", found)


def opened(data_dir: Path, n: int) -> Release:
    """Open the release of a served folder."""
    return Release.open(next((release_dir(data_dir, n) / "releases").glob("search--*")))


def measure(release: Release, flat: faiss.Index, queries: VectorArray) -> dict[str, float]:
    """Return milliseconds of a call of each."""
    engine = release.engine

    def raw(threshold: int) -> Callable[[], object]:
        def search() -> object:
            # What importing our package sets for the process is set back for the comparison.
            faiss.cvar.distance_compute_blas_threshold = threshold
            try:
                return flat.search(queries, K)
            finally:
                faiss.cvar.distance_compute_blas_threshold = own

        return search

    own = faiss.cvar.distance_compute_blas_threshold
    works: dict[str, Callable[[], object]] = {
        "exact_ms": lambda: engine.search(queries, K, exact=True),
        **{f"faiss_flat_{threshold}_ms": raw(threshold) for threshold in _THRESHOLDS},
    }
    index, parameters = raw_approximate(release)
    if index is not None:
        works["approximate_ms"] = lambda: engine.search(queries, K)
        works["faiss_approximate_ms"] = lambda: index.search(queries, K, params=parameters)
    times: dict[str, list[float]] = {name: [] for name in works}
    begun = time.perf_counter()
    while time.perf_counter() - begun < _SECONDS * len(works) or len(times["exact_ms"]) < 3:
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: float(np.median(values)) for name, values in times.items()}


def raw_approximate(release: Release) -> tuple[Any, Any]:
    """Return the release's approximate index as FAISS opens it, and parameters of the same effort; None without one."""
    approximate = release.engine.approximate
    if approximate is None:
        return None, None
    index = faiss.read_index(str(next(release.path.glob("*.faiss"))))
    if approximate.kind == "ivf":
        return index, faiss.SearchParametersIVF(nprobe=approximate.effort)
    return index, faiss.SearchParametersHNSW(efSearch=approximate.effort)


if __name__ == "__main__":
    main()
