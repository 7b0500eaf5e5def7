"""Pictures of the search page: growth with the number of vectors, and recall under filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from figures import RESULTS

__all__ = ["draw_filters", "draw_growth"]

_KINDS = {
    "exact": ("exact", "C0", "o-"),
    "ivf": ("inverted file", "C1", "s-"),
    "hnsw": ("graph (HNSW)", "C2", "^-"),
}
_WAYS = {
    "ours": ("Skylike", "C0", "o-"),
    "pgvector": ("pgvector, its planner", "C1", "s--"),
    "pgvector_hnsw": ("pgvector, its graph", "C3", "v--"),
    "pgvector_iterative": ("pgvector, its graph, iterative", "C2", "^--"),
}


def draw_growth(grown: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw seconds of building, memory, p50 with p99, and recall against N; returns the file's name."""
    import matplotlib.pyplot as plt

    picture, panels = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    build, memory, latency, recall = panels.flat
    for kind, (label, colour, style) in _KINDS.items():
        ones = sorted((one for one in grown.values() if one["kind"] == kind), key=lambda one: one["n"])
        if not ones:
            continue
        n = [one["n"] for one in ones]
        if kind != "exact":
            build.plot(n, [one["build"]["seconds"] for one in ones], style, color=colour, label=label, ms=5)
        memory.plot(n, [one["search"]["peak_bytes"] / 1e6 for one in ones], style, color=colour, label=f"{label}, searching", ms=5)  # fmt: skip
        if kind != "exact":
            memory.plot(n, [one["build"]["peak_bytes"] / 1e6 for one in ones], style[0] + ":", color=colour, label=f"{label}, building", ms=4, alpha=0.6)  # fmt: skip
        low, high = ([one["search"][what] for one in ones] for what in ("p50_ms", "p99_ms"))
        latency.plot(n, low, style, color=colour, label=f"{label}, p50", ms=5)
        latency.fill_between(n, low, high, color=colour, alpha=0.15, lw=0)
        recall.plot(n, [one["search"]["recall"] for one in ones], style, color=colour, label=label, ms=5)
    titles = (
        "building the index, s",
        "most memory of the process, MB",
        "one query, ms (shade: to p99)",
        "recall@10",
    )
    for panel, title in zip(panels.flat, titles, strict=True):
        panel.set_xscale("log")
        panel.set_xlabel("vectors of 128 dimensions")
        panel.set_ylabel(title)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    for panel in (build, memory, latency):
        panel.set_yscale("log")
    recall.axhline(0.99, color="grey", lw=0.8, ls=":")
    return _saved(picture, "search_growth.png")


def draw_filters(found: Mapping[str, Any]) -> str:
    """Draw recall and p50 against the share that a filter allows; returns the file's name."""
    import matplotlib.pyplot as plt

    picture, (recall, latency) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    shares = sorted(found["shares"], key=float)
    for way, (label, colour, style) in _WAYS.items():
        ones = [
            (float(share), found["shares"][share][way]) for share in shares if way in found["shares"][share]
        ]
        if not ones:
            continue
        across = [100 * share for share, _ in ones]
        recall.plot(across, [one["recall"] for _, one in ones], style, color=colour, label=label, ms=5)
        latency.plot(across, [one["p50_ms"] for _, one in ones], style, color=colour, label=label, ms=5)
    exact = found["shares"]["1.0"]["ours_exact"]["p50_ms"]
    latency.axhline(exact, color="C0", lw=0.8, ls=":")
    latency.annotate(
        "Skylike, all compared", (100 * float(shares[0]), exact), color="C0", fontsize=8, va="bottom"
    )
    for panel, title in ((recall, "recall@10"), (latency, "one query, p50, ms")):
        panel.set_xscale("log")
        panel.set_xlabel("objects that the filter allows, %")
        panel.set_ylabel(title)
        panel.grid(alpha=0.3)
    latency.set_yscale("log")
    recall.legend(fontsize=8, loc="center left")
    return _saved(picture, "search_filters.png")


def _saved(picture: Any, name: str) -> str:
    import matplotlib.pyplot as plt

    RESULTS.mkdir(parents=True, exist_ok=True)
    picture.savefig(RESULTS / name, dpi=110)
    plt.close(picture)
    return name
