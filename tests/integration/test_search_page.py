"""The search page: figures from what the pieces measured, and none for what they did not."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import search_page
import search_plots
from search_figures import write_figures


def loads(*rps):
    return [{"rps": one, "p50_ms": 1e3 / one, "p99_ms": 3e3 / one} for one in rps]


def ways(recall, ms):
    return {"recall": recall, "returned": 10.0, "p50_ms": ms, "p99_ms": 2 * ms}


@pytest.fixture
def measured():
    plain = {"plain": loads(100, 90, 110), "plain_omp1": loads(120, 150, 130)}
    http = {**plain, "pgvector": loads(50, 40, 60), "ours": loads(300, 260, 280)}
    names = ("ours", "ours_exact", "ours_http", "ours_http_exact", "pgvector", "pgvector_hnsw")
    shares = {share: {name: ways(1.0, 0.5) for name in names} for share in ("1.0", "0.01", "0.001")}
    shares["0.01"]["ours"] = ways(0.998, 0.1)
    return {
        "http_20000": {"n": 20_000, "rounds": http, "recall": dict.fromkeys(http, 1.0), "pgbench_qps": 70.0},
        "byid_20000": {
            "rounds": {name: loads(5000, 6000, 5500) for name in ("noop", "byid", "byid_sql")},
            "batch256_qps": [5000.0, 7000.0, 6000.0],
            "same_as_sql": 1.0,
        },
        "inprocess_20000": {
            "batches": {"1": {"exact_ms": 1.2, "faiss_flat_128000_ms": 1.5, "faiss_flat_512_ms": 1.0}}
        },
        "filters_1000000": {"n": 1_000_000, "n_queries": 200, "shares": shares},
        "growth": {
            f"{kind}_{n}": {
                "n": n,
                "kind": kind,
                "build": {"seconds": n / 1e4, "peak_bytes": n, "index_bytes": n, "factory": kind, "estimate": {"building": n, "serving": n}, "effort": 8},
                "search": {**ways(0.99, 1.0), "n_queries": 500, "peak_bytes": n},
            }
            for kind in ("exact", "ivf")
            for n in (10_000, 1_000_000)
        },
        "swaps": {"n": 20_000, "swaps": 20, "rollbacks": 5, "errors": 1, "mixed": 2, "checked": 100, "unchecked": 900, "releases_seen": 3, "seconds": [0.1, 0.3, 0.2]},
        "update_1000000": {"n": 1_000_000, "each": 3333, "seconds": 12.0, "peak_bytes": 10**9, "recall_before": 0.99, "recall_after": 0.98},
    }  # fmt: skip


def test_the_figures_asked_for_are_there(measured):
    figures = {one["id"]: one for one in write_figures(measured)}
    wanted = {
        "vector_rps_20k",
        "vector_rps_20k_pgvector",
        "vector_rps_20k_plain",
        "byid_rps",
        "byid_rps_sql",
        "noop_rps",
    }
    wanted |= {"recall10_filter1pct", "recall10_filter01pct", "recall10_1m", "swap_errors", "update_seconds"}
    wanted |= {"batch256_qps", "inprocess_over_faiss", "filter1pct_p50_ms"}
    assert wanted <= figures.keys()
    assert figures["vector_rps_20k"]["value"] == 280
    # Of the two plain routes the quicker one counts: 280 / 130.
    assert figures["vector_over_plain_20k"]["value"] == pytest.approx(2.1538, abs=1e-4)
    assert figures["vector_over_plain_20k"]["interval"] == pytest.approx([260 / 150, 300 / 120], abs=1e-3)
    assert figures["inprocess_over_faiss"]["value"] == 1.2
    assert figures["swap_errors"]["value"] == 3
    assert figures["recall10_filter1pct"]["value"] == 0.998


def test_what_was_not_measured_is_said_so(measured):
    del measured["swaps"], measured["update_1000000"]
    figures = write_figures(measured)
    assert not [one["id"] for one in figures if one["id"].startswith(("swap", "update"))]
    page = search_page.page(measured, figures, command="x", machine="y")
    assert page.rstrip().endswith("## Change\n\nNot measured.")


def test_pictures_are_drawn_of_what_there_is(measured, tmp_path, monkeypatch):
    monkeypatch.setattr(search_plots, "RESULTS", tmp_path)
    search_plots.draw_growth(measured["growth"])
    search_plots.draw_filters(measured["filters_1000000"])
    sizes = [(tmp_path / name).stat().st_size for name in ("search_growth.png", "search_filters.png")]
    assert min(sizes) > 10_000


def test_aims_that_are_missed_are_named(measured):
    page = search_page.page(measured, write_figures(measured), command="x", machine="y")
    lines = [line for line in page.splitlines() if line.endswith(("reached |", "reached** |"))]
    told = {line.split("`")[1]: "not" not in line for line in lines}
    assert told["vector_over_pgvector_20k"]
    assert told["inprocess_over_faiss"]
    assert not told["swap_errors"]
    assert not told["update_recall10"]
    assert not told["recall10_filter1pct"]
    assert told["filter1pct_p50_ms"]
