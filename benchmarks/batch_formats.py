"""Memory and speed of writing a batch's answer, for each format: a million rows against a hundred thousand.

python benchmarks/batch_formats.py

Each format is written in a process of its own, which tells its peak of resident memory; what the libraries take once they
are loaded, measured by writing 2,000 rows first, is told beside it. Rows are blocks of 2,000 random estimates, as
jobs have them, with 13 quantiles, or for qp with p(z) on 180 bins.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

FORMATS = ("json", "csv", "votable", "fits", "parquet", "hdf5")
BLOCK = 2000
COMMAND = "python benchmarks/batch_formats.py"


def main() -> None:
    """Measure every format, or one of them in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs=2, default=[100_000, 1_000_000])
    parser.add_argument("--one", nargs=2, help="format and rows, measured in this process")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]))))
        return
    few, many = options.rows
    found = {fmt: {n: _in_child(fmt, n) for n in (few, many)} for fmt in FORMATS}
    report(found, few, many)


def _in_child(fmt: str, n_rows: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--one", fmt, str(n_rows)], check=True, capture_output=True, text=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    print(fmt, n_rows, told, file=sys.stderr, flush=True)
    return told


def measure(fmt: str, n_rows: int) -> dict[str, Any]:
    """Write so many rows; returns MB of memory before and at the peak, seconds of the processor, and MB of the file."""
    from service.formats.writing import write

    first = block(fmt)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answer"
        write([first], first.schema, path, fmt, meta=META)
        before, begun = _memory("VmHWM"), time.process_time()
        write(_tables(first, n_rows), first.schema, path, fmt, n_rows=n_rows, meta=META)
        seconds = time.process_time() - begun
        return {
            "before_mb": before,
            "peak_mb": _memory("VmHWM"),
            "seconds": round(seconds, 2),
            "file_mb": round(path.stat().st_size / 1e6, 1),
        }


N_BINS = 180
META = {"z_grid": [(n + 0.5) * 0.4 / N_BINS for n in range(N_BINS)], "release": {"id": "random"}}


def block(fmt: str) -> Any:
    """Return 2,000 rows of random estimates, one in ten without."""
    import numpy as np
    import pyarrow as pa

    from index.estimates import ARRAYS, INTEGERS, Estimates, Evidence
    from index.pdf import RedshiftGrid
    from index.photoz_columns import QUANTILE_LEVELS
    from service.operations.estimate_columns import Shown, estimate_table
    from service.operations.photoz_batch import STATUS_FIELDS

    rng = np.random.default_rng(5)
    numbers = {name: rng.uniform(0, 0.4, BLOCK) for name in ARRAYS}
    numbers |= {name: rng.integers(0, 9, BLOCK).astype(np.int32) for name in INTEGERS}
    estimates = Estimates(
        grid=RedshiftGrid(0.4, N_BINS),
        probability=rng.dirichlet(np.ones(N_BINS), BLOCK),
        columns=numbers,
        quantiles=np.sort(rng.uniform(0, 0.4, (BLOCK, len(QUANTILE_LEVELS))), axis=1),
        evidence=Evidence.none(BLOCK),
        model_id="a-model-of-some-name",
        train_set="a-survey--20261122",
    )
    shown = Shown("grid" if fmt == "hdf5" else "quantiles")
    found = estimate_table(estimates, shown)
    found = found.take(pa.array(np.arange(BLOCK), mask=np.arange(BLOCK) % 10 == 0))
    status = [
        pa.array(np.arange(BLOCK)),
        pa.array(["ok"] * BLOCK),
        pa.nulls(BLOCK, pa.string()),
        pa.array([f"galaxy {n}" for n in range(BLOCK)]),
        *(pa.array(rng.uniform(0, 90, BLOCK)) for _ in range(4)),
    ]
    schema = pa.schema([*STATUS_FIELDS, *found.schema])
    return pa.table([*status, *found.columns], schema=schema)


def _tables(first: Any, n_rows: int) -> Iterator[Any]:
    for start in range(0, n_rows, BLOCK):
        yield first.slice(0, min(BLOCK, n_rows - start))


def _memory(name: str) -> float:
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(name))
    return round(int(line.split()[1]) * 1024 / 1e6, 1)


def report(found: dict[str, dict[int, dict[str, Any]]], few: int, many: int) -> None:
    """Write the page and its figures."""
    from benchmarks.figures import figure, write_results

    figures = []
    lines = [
        f"| format | peak, {few:,} rows | peak, {many:,} rows | before | rows per processor second | file of {many:,} rows |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for fmt, told in found.items():
        speed = round(many / told[many]["seconds"])
        lines.append(
            f"| `{fmt}` | {told[few]['peak_mb']:.0f} MB | {told[many]['peak_mb']:.0f} MB | {told[many]['before_mb']:.0f} MB "
            f"| {speed:,} | {told[many]['file_mb']:,.0f} MB |"
        )
        figures.append(
            figure(
                f"batch_{fmt}_peak_mb",
                told[many]["peak_mb"],
                "MB",
                n=many,
                better="lower",
                command=COMMAND,
                against={f"rows_{few}": told[few]["peak_mb"], "before": told[many]["before_mb"]},
            )
        )
        figures.append(
            figure(f"batch_{fmt}_rows_per_cpu_s", speed, "rows/s", n=many, better="higher", command=COMMAND)
        )
    worst = max(told[many]["peak_mb"] - told[few]["peak_mb"] for told in found.values())
    figures.append(
        figure("batch_write_growth_mb", round(worst, 1), "MB", n=many, better="lower", command=COMMAND)
    )
    told = (
        f"Peak of resident memory of a process that writes an answer, and speed; {many:,} rows beside {few:,}. The file of "
        f'ten times the rows takes at most {max(worst, 0):.0f} MB more. "Before" is the same process after 2,000 rows: what '
        "the libraries take. Random estimates with 13 quantiles (`hdf5`: p(z) on 180 bins); the "
        "speed counts the processor's time of one process."
    )
    text = "\n".join(["# Answers of a million rows", "", told, "", *lines, "", f"`{COMMAND}`"])
    write_results("batch_formats", figures, text)


if __name__ == "__main__":
    main()
