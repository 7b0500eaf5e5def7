"""Figures of `docs/results/`: one JSON file and one page of the same name, written together."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "commit", "figure", "machine", "read_figures", "table", "write_results"]

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "docs" / "results"


@cache
def machine() -> str:
    """Return processor, cores, memory and Python of this machine in one line."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, Python {platform.python_version()}"
    )


@cache
def commit() -> str:
    """Return the commit that is measured; ``+`` marks uncommitted changes outside the results."""
    head = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs", ":!README.md")
    return head + ("+" if changed else "")


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    n: int,
    better: str,
    command: str,
    interval: Sequence[float] | None = None,
    against: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return one entry of the ``figures`` list; the machine and the commit are those of now."""
    return {
        "id": name,
        "value": value,
        "interval": list(interval) if interval else None,
        "unit": unit,
        "n": n,
        "better": better,
        "against": dict(against or {}),
        "command": command,
        "commit": commit(),
        "machine": machine(),
    }


def read_figures(name: str) -> dict[str, dict[str, Any]]:
    """Return the figures of one results file by id; none if it has not been written."""
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        return {}
    return {entry["id"]: entry for entry in json.loads(path.read_text()).get("figures", [])}


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return figures as a Markdown table."""
    rows = [
        "| id | value | interval | unit | n | better | against |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for entry in figures:
        interval = " to ".join(f"{x:.4g}" for x in entry["interval"]) if entry["interval"] else ""
        against = ", ".join(f"{name} {value:.4g}" for name, value in entry["against"].items())
        cells = (
            f"`{entry['id']}`",
            f"{entry['value']:.4g}",
            interval,
            entry["unit"],
            str(entry["n"]),
            entry["better"],
            against,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def write_results(name: str, figures: Sequence[Mapping[str, Any]], page: str) -> None:
    """Write ``docs/results/<name>.json`` and ``.md``."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"figures": list(figures)}, indent=1) + "\n")
    (RESULTS / f"{name}.md").write_text(page.rstrip() + "\n")


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout.strip()
