"""The text of the search page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from figures import table
from search_figures import Measured, best_plain, sizes
from search_load import CONNECTIONS, ROUNDS, median

__all__ = ["page"]

_NAMES = {
    "ours": "Skylike, as its release answers",
    "ours_exact": "Skylike, `exact: true`",
    "pgvector": "pgvector, HNSW m = 32, ef_construction = 200, ef_search = 40",
    "pgvector_exact": "pgvector, without index",
    "plain": "FAISS IndexFlatIP in FastAPI, its own threads",
    "plain_omp1": "FAISS IndexFlatIP in FastAPI, one thread a search",
    "plain_hnsw": "FAISS HNSW32 in FastAPI, efSearch = 64",
}
_WAYS = {
    "ours": "Skylike, in the process",
    "ours_exact": "the same, every vector compared",
    "ours_http": "Skylike, over HTTP",
    "ours_http_exact": "the same, `exact=true`",
    "pgvector": "pgvector, as its planner chooses",
    "pgvector_hnsw": "pgvector, its graph",
    "pgvector_iterative": "pgvector, its graph, `iterative_scan`",
}

PAGE = """# Search

How fast, how right, and what it costs to change. Written by `{command}` on {machine}.

{aims}

{figures}

## The vectors

{data}

## Vector with vector, over HTTP

`wrk -t1 -c{connections}` on the same machine, k = 10, one held-out galaxy a request, JSON in and out; the median of {rounds} rounds, every server in
turn. One uvicorn process each. The route before pgvector holds eight connections with a prepared statement and has no response model; the plain
one is a `def` handler with a pydantic body. `recall@10` is that of 500 answers (50 where pgvector has no index), by id, against brute force. Ours
answers with the columns of every hit, the release and the certificate; the peers with row numbers.

{http}

## By id

{byid}

## In the process

{inprocess}

## Under a filter along the embedding

The filter allows one edge of the cloud (the rank along its first axis), as a cut in magnitude or redshift does; queries come from everywhere, one
after the other. Times of pgvector are those of SQL, without HTTP; its table has a B-tree on the filter's column.

{filters}

## Growth

Every size and kind in processes of its own; one query after the other, one thread. Memory is the most that the process held, mapped files included.
The effort of an approximate index is the least that finds 0.99 of the ten nearest for other queries than those counted.

{growth}

## Change

{change}
"""


def page(measured: Measured, figures: Sequence[Mapping[str, Any]], *, command: str, machine: str) -> str:
    """Return the page; what was not measured says so."""
    missing = "Not measured."
    return PAGE.format(
        command=command,
        machine=machine,
        aims=_aims(figures),
        figures=table(figures),
        connections=CONNECTIONS,
        rounds=ROUNDS,
        data=_data(measured) or missing,
        http="\n\n".join(_http(measured[f"http_{n}"]) for n in sizes(measured, "http")) or missing,
        byid=_by_id(measured) or missing,
        inprocess=_in_process(measured) or missing,
        filters="\n\n".join(_filters(measured[f"filters_{n}"]) for n in sizes(measured, "filters"))
        or missing,
        growth=_growth(measured) or missing,
        change=_change(measured) or missing,
    )


def _aims(figures: Sequence[Mapping[str, Any]]) -> str:
    """Say of every figure with an aim whether it is reached."""
    rows = []
    for one in figures:
        against = one["against"]
        # A filter is to cost less than searching everything, an update no recall.
        aim = next((against[name] for name in ("aim", "unfiltered exact", "before") if name in against), None)
        if aim is not None:
            is_reached = one["value"] >= aim if one["better"] == "higher" else one["value"] <= aim
            sign = "≥" if one["better"] == "higher" else "≤"
            rows.append([f"`{one['id']}`", f"{one['value']:.4g}", f"{sign} {aim:.4g}", "reached" if is_reached else "**not reached**"])  # fmt: skip
    return _rows(("figure", "value", "aim", ""), rows)


def _rows(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _data(measured: Measured) -> str:
    found = measured.get("data")
    if not found:
        return ""
    real = found["real"]
    rows = [["real", f"{found['n_real']:,}", f"{real['levina_bickel']:.1f}", f"{real['two_nn']:.1f}"]]
    for n, one in sorted(found["sizes"].items(), key=lambda pair: int(pair[0])):
        rows.append(["grown", f"{int(n):,}", f"{one['levina_bickel']:.1f}", f"{one['two_nn']:.1f}"])
    return (
        f"Embeddings of {found['n_real'] + found['n_queries']:,} real galaxies ({', '.join(found['sources'])}), projected to 128 dimensions by their "
        f"principal axes. {found['n_queries']:,} are held out as queries. The others are grown: `x = a + t (b - a) + noise` between a galaxy and one "
        "of its 32 neighbours, the noise a Gaussian mixture of the directions to these neighbours, as long as they are far. Whatever is said of "
        "more vectors than there are real ones holds for such a cloud. Intrinsic dimension of 2,000 of them: Levina & Bickel 2004, "
        "1/m = ⟨log(T_k / T_j)⟩ over j < k = 20 and over vectors (averaged as MacKay & Ghahramani 2005), and TwoNN (Facco et al. 2017), the slope of "
        "-log(1 - F) against log(T_2 / T_1). TwoNN falls where vectors are grown, for a child lies nearer to its parents than to others.\n\n"
        + _rows(("vectors", "N", "Levina-Bickel", "TwoNN"), rows)
    )


def _http(found: Mapping[str, Any]) -> str:
    rows = []
    for name, rounds in found["rounds"].items():
        rps, p50, p99 = (median(rounds, what)[0] for what in ("rps", "p50_ms", "p99_ms"))
        quick = " (the quicker)" if name == best_plain(found["rounds"]) else ""
        recall = f"{found['recall'][name]:.4f}"
        rows.append([_NAMES[name] + quick, f"{rps:,.0f}", f"{p50:.1f}", f"{p99:.1f}", recall])
    if found["pgbench_qps"] is not None:
        rows.append(["pgvector by pgbench, 32 clients, no HTTP", f"{found['pgbench_qps']:,.0f}", "", "", ""])
    head = (f"{found['n']:,} vectors", "requests/s", "p50 ms", "p99 ms", "recall@10")
    return _rows(head, rows)


def _by_id(measured: Measured) -> str:
    parts = []
    for n in sizes(measured, "byid"):
        found = measured[f"byid_{n}"]
        names = {
            "noop": "`/livez`, which does nothing",
            "byid": "Skylike, from its graph",
            "byid_sql": "PostgreSQL, a join on the same neighbours",
        }
        rows = [
            [names[name], *(f"{median(rounds, what)[0]:,.1f}" for what in ("rps", "p50_ms", "p99_ms"))]
            for name, rounds in found["rounds"].items()
        ]
        batches = ", ".join(f"{one:,.0f}" for one in sorted(found["batch256_qps"]))
        agree = (
            f" Of 100 ids both named the same ten neighbours for {100 * found['same_as_sql']:.0f}."
            if found["same_as_sql"] is not None
            else ""
        )
        parts.append(
            _rows((f"{n:,} vectors", "requests/s", "p50 ms", "p99 ms"), rows)
            + f"\n\nBatches of 256 ids, one client: {batches} queries/s in three rounds.{agree} The table of PostgreSQL holds the "
            "neighbours of the first 20,000 objects."
        )
    return "\n\n".join(parts)


def _in_process(measured: Measured) -> str:
    parts = []
    for n in sizes(measured, "inprocess"):
        batches = measured[f"inprocess_{n}"]["batches"]
        names = sorted({name for one in batches.values() for name in one})
        rows = [
            [name.removesuffix("_ms").replace("_", " "), *(f"{one[name]:.3f}" for one in batches.values())]
            for name in names
        ]
        parts.append(_rows((f"{n:,} vectors, ms a call", *(f"batch of {batch}" for batch in batches)), rows))
    if not parts:
        return ""
    return "\n\n".join(parts) + (
        "\n\nOne thread, k = 10. FAISS flat is IndexFlatIP with its default BLAS threshold of 128,000 and with 512; the ratio is to the quicker. Ours scores "
        "candidates again in double precision, so that an answer does not depend on the batch it came in; FAISS does not."
    )


def _filters(found: Mapping[str, Any]) -> str:
    rows = []
    for share, ways in found["shares"].items():
        for name, label in _WAYS.items():
            if name in ways:
                one = ways[name]
                plan = f" ({one['plan']})" if one.get("plan") else ""
                rows.append([f"{100 * float(share):g} %", label + plan, f"{one['recall']:.4f}", f"{one['returned']:.1f}", f"{one['p50_ms']:.3g}", f"{one['p99_ms']:.3g}"])  # fmt: skip
    head = (f"{found['n']:,} vectors, allowed", "", "recall@10", "hits", "p50 ms", "p99 ms")
    drawn = (
        "\n\n![Recall and latency under filters](search_filters.png)"
        if "pgvector" in found["shares"]["1.0"]
        else ""
    )
    return _rows(head, rows) + drawn


def _growth(measured: Measured) -> str:
    grown = measured.get("growth")
    if not grown:
        return ""
    rows = []
    for one in sorted(grown.values(), key=lambda one: (one["n"], one["kind"])):
        build, search = one["build"], one["search"]
        memory = [f"{step['peak_bytes'] / 1e6:,.0f}" for step in (build, search)]
        estimate = f"{build['estimate']['building'] / 1e6:,.0f} / {build['estimate']['serving'] / 1e6:,.0f}"
        is_exact = one["kind"] == "exact"
        rows.append([f"{one['n']:,}", build["factory"], "" if is_exact else f"{build['seconds']:.1f}", "" if is_exact else memory[0], memory[1], estimate, build["effort"] or "", f"{search['p50_ms']:.3f}", f"{search['p99_ms']:.3f}", f"{search['recall']:.4f}"])  # fmt: skip
    head = (
        "N",
        "index",
        "build s",
        "building MB",
        "searching MB",
        "estimated MB",
        "effort",
        "p50 ms",
        "p99 ms",
        "recall@10",
    )
    released = [
        f"{int(name.removeprefix('release_')):,}: {one['seconds']['release']:,.0f} s, {one['bytes'] / 1e6:,.0f} MB"
        for name, one in sorted(measured.items())
        if name.removeprefix("release_").isdigit()
    ]
    whole = (
        f"\n\nA whole release, with the neighbours of every object, checked and on disk: {'; '.join(released)}."
        if released
        else ""
    )
    return _rows(head, rows) + whole + "\n\n![Growth](search_growth.png)"


def _change(measured: Measured) -> str:
    parts = []
    if swaps := measured.get("swaps"):
        seconds = sorted(swaps["seconds"])
        parts.append(
            f"{swaps['swaps']} swaps and {swaps['rollbacks']} rollbacks among {swaps['releases_seen']} releases of {swaps['n']:,} vectors under load: "
            f"{swaps['errors']} errors among {swaps['checked'] + swaps['unchecked']:,} answers, {swaps['mixed']} of the {swaps['checked']:,} that were "
            "compared with what the release they name holds were mixed. From the change in the catalogue until it is served: "
            f"median {seconds[len(seconds) // 2]:.2f} s, most {seconds[-1]:.2f} s."
        )
    for n in sizes(measured, "update"):
        one = measured[f"update_{n}"]
        parts.append(
            f"An update of {n:,} objects, {one['each']:,} each added, changed and withdrawn: {one['seconds']:.1f} s, most memory "
            f"{one['peak_bytes'] / 1e6:,.0f} MB; recall@10 {one['recall_before']:.4f} before and {one['recall_after']:.4f} after."
        )
    return "\n\n".join(parts)
