"""The figures of the search page, from what the pieces measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from figures import figure
from search_data import K
from search_load import median

__all__ = ["COMMAND", "Measured", "best_plain", "size_name", "sizes", "wilson", "write_figures"]

COMMAND = "python benchmarks/search.py"
Measured = Mapping[str, Mapping[str, Any]]
Figure = dict[str, Any]


def size_name(n: int) -> str:
    """Return 20k for 20,000, 1m for a million."""
    return f"{n // 1_000_000}m" if n % 1_000_000 == 0 else f"{n // 1000}k"


def sizes(measured: Measured, piece: str) -> list[int]:
    """Return the sizes for which a piece was run."""
    return sorted(int(name.removeprefix(f"{piece}_")) for name in measured if name.startswith(f"{piece}_"))


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share among n (Wilson 1927, JASA 22, 209)."""
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def best_plain(rounds: Mapping[str, Any]) -> str:
    """Return which of FAISS's thread settings was quicker behind the plain route."""
    return max(("plain", "plain_omp1"), key=lambda name: median(rounds[name], "rps")[0])


def _told(
    name: str,
    value: float,
    unit: str,
    n: int,
    interval: tuple[float, float] | None = None,
    *,
    better: str = "higher",
    against: Mapping[str, float] | None = None,
) -> Figure:
    rounded = [float(f"{one:.5g}") for one in interval] if interval else None
    others = {key: float(f"{one:.5g}") for key, one in (against or {}).items()}
    return figure(name, float(f"{value:.5g}"), unit, n=n, better=better, command=COMMAND, interval=rounded, against=others)  # fmt: skip


def _loads(prefix: str, rounds: Any, n: int, against: Mapping[str, float], suffix: str = "") -> list[Figure]:
    made = []
    for what, unit, better in (
        ("rps", "requests/s", "higher"),
        ("p50_ms", "ms", "lower"),
        ("p99_ms", "ms", "lower"),
    ):
        value, interval = median(rounds, what)
        made.append(
            _told(
                f"{prefix}_{what}{suffix}",
                value,
                unit,
                n,
                interval,
                better=better,
                against=against if what == "rps" else None,
            )
        )
    return made


def _vector(measured: Measured) -> list[Figure]:
    made: list[Figure] = []
    for n in sizes(measured, "http"):
        found = measured[f"http_{n}"]
        rounds, size = found["rounds"], size_name(n)
        plain = best_plain(rounds)
        named = {name: name for name in rounds if name not in ("plain", "plain_omp1")} | {"plain": plain}
        rps = {name: median(rounds[key], "rps")[0] for name, key in named.items()}
        others = {name: value for name, value in rps.items() if name != "ours"}
        for name, key in named.items():
            suffix = f"_{size}" if name == "ours" else f"_{size}_{name.removeprefix('ours_')}"
            against = (
                others
                if found["pgbench_qps"] is None
                else {**others, "pgbench, no HTTP": found["pgbench_qps"]}
            )
            made += _loads("vector", rounds[key], n, against if name == "ours" else {}, suffix)
        # Exact search is compared with exact search, an index that may miss neighbours with such an index.
        exact = "ours_exact" if "ours_exact" in rounds else "ours"
        for own, name, aim in (("ours", "pgvector", 3.0), (exact, "plain", 1.7), ("ours", "plain_hnsw", 1.7)):
            if name not in named:
                continue
            per_round = [
                mine["rps"] / theirs["rps"]
                for mine, theirs in zip(rounds[own], rounds[named[name]], strict=True)
            ]
            made.append(
                _told(
                    f"vector_over_{name}_{size}",
                    rps[own] / rps[name],
                    "ratio",
                    n,
                    (min(per_round), max(per_round)),
                    against={"aim": aim},
                )
            )
    return made


def _by_id(measured: Measured) -> list[Figure]:
    made: list[Figure] = []
    for number, n in enumerate(sizes(measured, "byid")):
        # The first size, 20,000, is what the plain ids speak of.
        suffix = "" if number == 0 else f"_{size_name(n)}"
        found = measured[f"byid_{n}"]
        rounds = found["rounds"]
        others = {"noop": median(rounds["noop"], "rps")[0], "SQL join": median(rounds["byid_sql"], "rps")[0]}
        made += _loads("byid", rounds["byid"], n, {**others, "aim": 5000}, suffix)
        made += _loads("noop", rounds["noop"], n, {}, suffix)
        made += _loads("byid", rounds["byid_sql"], n, {}, f"_sql{suffix}")
        batches = found["batch256_qps"]
        made.append(
            _told(
                f"batch256_qps{suffix}",
                statistics.median(batches),
                "queries/s",
                n,
                (min(batches), max(batches)),
                against={"aim": 5000},
            )
        )
    return made


def _in_process(measured: Measured) -> list[Figure]:
    made = []
    for number, n in enumerate(sizes(measured, "inprocess")):
        suffix = "" if number == 0 else f"_{size_name(n)}"
        batches = measured[f"inprocess_{n}"]["batches"]
        ratios = {batch: ratio(one) for batch, one in batches.items()}
        against = {f"batch of {batch}": one for batch, one in ratios.items()} | {"aim": 1.3}
        made.append(
            _told(
                f"inprocess_over_faiss{suffix}",
                max(ratios.values()),
                "ratio",
                n,
                better="lower",
                against=against,
            )
        )
        if "approximate_ms" in batches["1"]:
            own = {
                batch: one["approximate_ms"] / one["faiss_approximate_ms"] for batch, one in batches.items()
            }
            against = {f"batch of {batch}": one for batch, one in own.items()} | {"aim": 1.3}
            name = f"inprocess_over_faiss_approximate{suffix}"
            made.append(_told(name, max(own.values()), "ratio", n, better="lower", against=against))
    return made


def ratio(times: Mapping[str, float]) -> float:
    """Return our exact search's time over that of the quicker of FAISS's two ways."""
    flat = [value for name, value in times.items() if name.startswith("faiss_flat")]
    return times["exact_ms"] / min(flat)


def _filters(measured: Measured) -> list[Figure]:
    made = []
    for n in sizes(measured, "filters"):
        # The largest size comes last and has the plain ids.
        suffix = "" if n == sizes(measured, "filters")[-1] else f"_{size_name(n)}"
        found = measured[f"filters_{n}"]
        whole, trials = found["shares"]["1.0"], found["n_queries"] * K
        for share, name in (("0.01", "filter1pct"), ("0.001", "filter01pct")):
            one = found["shares"][share]
            peers = {key: value for key, value in one.items() if key.startswith("pgvector")}
            made.append(
                _told(
                    f"recall10_{name}{suffix}",
                    one["ours"]["recall"],
                    "share",
                    n,
                    wilson(one["ours"]["recall"], trials),
                    against={**{key: value["recall"] for key, value in peers.items()}, "aim": 1.0},
                )
            )
            against = {key: value["p50_ms"] for key, value in peers.items()}
            for where, exact in (("ours", "ours_exact"), ("ours_http", "ours_http_exact")):
                if where in one:
                    http = "_http" if where == "ours_http" else ""
                    limits = (one[where]["p50_ms"], one[where]["p99_ms"])
                    extra = {"unfiltered exact": whole[exact]["p50_ms"], **({} if http else against)}
                    made.append(
                        _told(
                            f"{name}{http}_p50_ms{suffix}",
                            limits[0],
                            "ms",
                            n,
                            limits,
                            better="lower",
                            against=extra,
                        )
                    )
    return made


def _growth(measured: Measured) -> list[Figure]:
    grown = measured.get("growth", {})
    made = []
    largest = max((one["n"] for one in grown.values()), default=0)
    for kind in ("exact", "ivf"):
        one = grown.get(f"{kind}_{largest}")
        if one is None:
            continue
        size, n, searched = size_name(largest), largest, one["search"]
        if kind == "ivf":
            name = f"recall10_{size}"
            share = wilson(searched["recall"], searched["n_queries"] * K)
            made.append(_told(name, searched["recall"], "share", n, share, against={"exact": 1.0}))
            made.append(_told(f"ivf_build_seconds_{size}", one["build"]["seconds"], "s", n, better="lower"))
        limits = (searched["p50_ms"], searched["p99_ms"])
        made.append(_told(f"{kind}_p50_ms_{size}", limits[0], "ms", n, limits, better="lower"))
        made.append(_told(f"{kind}_serving_mb_{size}", searched["peak_bytes"] / 1e6, "MB", n, better="lower"))
    return made


def _changes(measured: Measured) -> list[Figure]:
    made = []
    if swaps := measured.get("swaps"):
        wrong = swaps["errors"] + swaps["mixed"]
        asked = swaps["checked"] + swaps["unchecked"]
        made.append(_told("swap_errors", wrong, "answers", asked, better="lower", against={"aim": 0}))
        seconds = swaps["seconds"]
        limits = (min(seconds), max(seconds))
        made.append(
            _told("swap_seconds", statistics.median(seconds), "s", swaps["n"], limits, better="lower")
        )
    for n in sizes(measured, "update"):
        suffix = "" if n == sizes(measured, "update")[-1] else f"_{size_name(n)}"
        one = measured[f"update_{n}"]
        made.append(_told(f"update_seconds{suffix}", one["seconds"], "s", n, better="lower"))
        against = {"before": one["recall_before"]}
        made.append(_told(f"update_recall10{suffix}", one["recall_after"], "share", n, against=against))
    return made


def write_figures(measured: Measured) -> list[Figure]:
    """Return every figure for which there is a measurement."""
    parts = (_vector, _by_id, _in_process, _filters, _growth, _changes)
    return [one for part in parts for one in part(measured)]
