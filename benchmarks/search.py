"""The search engine measured: assembles docs/results/search.{md,json} from what the pieces found.

    python benchmarks/search.py --data-dir DIR [--run] [--real EMBEDDINGS...] [--n 20000 1000000]

Without `--run` it reads `DIR/measured/*.json` and writes the page: the pieces (search_data, search_release, search_pgvector, search_http,
search_byid, search_inprocess, search_filters, search_growth, search_swaps, search_update) can be run one by one, each with its own
docstring. With `--run` it runs them all first, leaving out what is built already. Hardware: two idle cores, 8 GiB; with a million about
three hours, most of them pgvector's graph; with `--n 20000` a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from figures import machine, table, write_results
from search_data import REAL, SIZES
from search_figures import COMMAND, write_figures
from search_growth import SIZES as GROWN
from search_page import page
from search_plots import draw_filters, draw_growth

# By its size alone a million would still be searched exactly: the page compares both on one release.
_IVF_FROM = 1_000_000


def main() -> None:
    """Run what is asked for, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--run", action="store_true", help="run every piece first")
    parser.add_argument("--real", type=Path, nargs="+", default=REAL)
    parser.add_argument("--n", type=int, nargs="+", default=SIZES)
    parser.add_argument("--seconds", type=int, default=10, help="of a round of wrk")
    parser.add_argument("--dry", action="store_true", help="print only")
    told = parser.parse_args()
    if told.run:
        run(told)
    measured = read(told.data_dir)
    figures = write_figures(measured)
    if told.dry:
        print(table(figures))
        return
    if "growth" in measured:
        draw_growth(measured["growth"])
    # The page shows it beside the largest size with pgvector.
    filtered = [
        name
        for name, found in measured.items()
        if name.startswith("filters_") and "pgvector" in found["shares"]["1.0"]
    ]
    if filtered:
        draw_filters(measured[max(filtered, key=lambda name: int(name.removeprefix("filters_")))])
    write_results("search", figures, page(measured, figures, command=COMMAND, machine=machine()))


def read(data_dir: Path) -> dict[str, dict[str, Any]]:
    """Read what the pieces measured, by name."""
    found = {path.stem: json.loads(path.read_text()) for path in (data_dir / "measured").glob("*.json")}
    if not found:
        sys.exit(f"nothing is measured in {data_dir}: give --run, or run the pieces")
    return found


def run(told: argparse.Namespace) -> None:
    """Run every piece in a process of its own; what threads the pieces take is their own affair."""
    grown = [n for n in GROWN if n <= max(told.n)]
    every = sorted({*told.n, *grown})
    sized = [str(n) for n in told.n]
    _piece("search_data", told, "--n", *map(str, every), "--real", *map(str, told.real))
    for n in told.n:
        _piece("search_release", told, "--n", str(n), "--kind", "ivf" if n >= _IVF_FROM else "auto")
    _piece("search_pgvector", told, "--n", *sized)
    for n in sized:
        for piece in ("search_http", "search_byid"):
            _piece(piece, told, "--n", n, "--seconds", str(told.seconds))
        for piece in ("search_inprocess", "search_filters", "search_update"):
            _piece(piece, told, "--n", n, one_thread=True)
    _piece("search_growth", told, "--n", *map(str, grown))
    _piece("search_swaps", told, "--n", sized[0])


def _piece(name: str, told: argparse.Namespace, *arguments: str, one_thread: bool = False) -> None:
    print(f"{name} {' '.join(arguments)}", file=sys.stderr, flush=True)
    command = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), "--data-dir", str(told.data_dir)]
    threads = {"OMP_NUM_THREADS": "1"} if one_thread else {}
    subprocess.run([*command, *arguments], check=True, env={**os.environ, **threads})


if __name__ == "__main__":
    main()
