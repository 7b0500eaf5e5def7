"""Neighbours by id while strangers saturate the sandbox, then while they hold half-open connections; and what an upload costs.

    python benchmarks/hostile_load.py [--data-dir skylike-data] [--seconds 20]

One worker process (`skylike serve`) on a copy of the data folder, `wrk -t1 -c8` with random ids on the same two cores. The phases are
idle, hostile, slow, idle again, in one run. Without a data folder one of synthetic galaxies is made. Takes about 4 minutes.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
from figures import REPOSITORY, figure, machine, table, write_results
from hostile_clients import CLIENTS, SOCKETS, hostile_uploads, slow_sockets
from hostile_files import hostile_files
from service_process import Service, data_folder, service
from upload_cost import upload_cost

COMMAND = "python benchmarks/hostile_load.py"
CONNECTIONS = 8

PAGE = """# Neighbours by id under hostile uploads

Written by `{command}` on {machine}; {n} objects, {cost_survey}.

{figures}

* `wrk -t1 -c{connections}`, ids at random, k = 10, {seconds} s a phase, the load generators on the same two cores as the service.
* *hostile*: {clients} clients from four addresses upload {kinds} as fast as they are let; {uploads:,} were answered: {statuses}.
  The children in parallel were {children:.1f} on average.
* *slow*: {sockets} sockets send a request's header one byte at a time; {left} of them were still open at the end of the phase.
* `tree_*_mb`: the service, the fork server and its children, shared pages counted once.
* `upload_*`: prescan, sandbox, calibration and encoder on a five-band cutout as one FITS cube, {rounds} times; `upload_files_*` the same as five files;
  `encoder_*` the encoder alone on the same field, in the same run. `upload_http_*` is the cube through HTTP to the idle service.
"""


@dataclass(frozen=True)
class Latency:
    """One run of wrk."""

    rps: float
    p50_ms: float
    p99_ms: float


def wrk(url: str, lua: Path, seconds: int) -> Latency:
    """Load the route by id."""
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
        "--latency",
        "-s",
        str(lua),
        url,
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"wrk saw failures:\n{said}")
    rps = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rps
    return Latency(float(rps[1]), _share(said, "50%"), _share(said, "99%"))


def _share(said: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)", said)
    assert found
    return float(found[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[found[2]]


def script(ids: list[str], path: Path) -> Path:
    """Write wrk's script."""
    quoted = ",".join(f'"{object_id.replace(" ", "%20").replace("+", "%2B")}"' for object_id in ids)
    path.write_text(
        f"local ids = {{{quoted}}}\n"
        "request = function()\n"
        '  return wrk.format("GET", "/api/v1/objects/" .. ids[math.random(#ids)] .. "/neighbours?k=10")\n'
        "end\n"
    )
    return path


class Watch:
    """Sample the service's processes in a thread: the most memory, and how many children parse."""

    def __init__(self, running: Service) -> None:
        self.peak_bytes = 0
        self._children: list[int] = []
        self._running, self._stop = running, threading.Event()
        self._thread = threading.Thread(target=self._loop)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def children(self) -> float:
        """How many children parsed at the same time, on average."""
        return statistics.fmean(self._children or [0])

    def _loop(self) -> None:
        while not self._stop.wait(0.5):
            self.peak_bytes = max(self.peak_bytes, self._running.tree_bytes())
            try:
                # The fork server is the service's one child; those that it forks parse.
                self._children.append(len(self._running.process.children(recursive=True)) - 1)
            except psutil.NoSuchProcess:
                return


def main() -> None:
    """Measure and write ``docs/results/hostile_load.{md,json}``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, default=REPOSITORY / "skylike-data")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=200, help="uploads whose cost is measured")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data_dir = data_folder(options.data_dir, Path(name) / "data")
        figures, page = measure(data_dir, Path(name), options.seconds, options.rounds)
    sys.stdout.write(page)
    if not options.dry:
        write_results("hostile_load", figures, page)


def measure(data_dir: Path, folder: Path, seconds: int, rounds: int) -> tuple[list[dict[str, Any]], str]:
    """Run all phases."""
    say = _Steps(4 * (seconds + 5) + rounds * 0.3)
    answered: Counter[int] = Counter()
    left: list[int] = []
    latencies: dict[str, Latency] = {}
    peaks: dict[str, float] = {}
    with service(data_dir) as running:
        listed = httpx.get(f"{running.url}/api/v1/anomalies", params={"limit": 1000}).json()
        lua = script([item["object_id"] for item in listed["objects"]], folder / "ids.lua")
        say("cost of an honest upload")
        cost = upload_cost(data_dir, running.url, rounds)
        wrk(running.url, lua, 2)
        say("idle")
        with Watch(running) as watch:
            latencies["idle"] = wrk(running.url, lua, seconds)
        peaks["idle"] = watch.peak_bytes
        say("hostile uploads")
        with hostile_uploads(running.url, answered), Watch(running) as hostile:
            latencies["hostile"] = wrk(running.url, lua, seconds)
        peaks["hostile"] = hostile.peak_bytes
        say("slow sockets")
        with slow_sockets(running.url, left), Watch(running) as watch:
            latencies["slow"] = wrk(running.url, lua, seconds)
        peaks["slow"] = watch.peak_bytes
        say("idle again")
        with Watch(running) as watch:
            latencies["after"] = wrk(running.url, lua, seconds)
        peaks["after"] = watch.peak_bytes
    n = listed["n_total"]
    rows = [
        *((f"byid_{share}_{name}_ms", round(getattr(one, f"{share}_ms"), 2), "ms", "lower") for name, one in latencies.items() for share in ("p50", "p99")),
        *((f"byid_rps_{name}", round(one.rps), "requests/s", "higher") for name, one in latencies.items()),
        ("byid_hostile_ratio", round(latencies["hostile"].p99_ms / latencies["idle"].p99_ms, 2), "ratio", "lower"),
        ("byid_slow_ratio", round(latencies["slow"].p99_ms / latencies["idle"].p99_ms, 2), "ratio", "lower"),
        *((f"tree_{name}_mb", round(peak / 2**20), "MiB", "lower") for name, peak in peaks.items()),
        ("hostile_uploads", sum(answered.values()), "uploads", "higher"),
        ("hostile_5xx", sum(count for status, count in answered.items() if status >= 500 and status != 503), "answers", "lower"),
    ]  # fmt: skip
    figures = [
        figure(name, value, unit, n=n, better=better, command=COMMAND) for name, value, unit, better in rows
    ]
    figures += [
        figure(name, value, "ms", n=rounds, better="lower", command=COMMAND)
        for name, value in cost.ms.items()
    ]
    page = PAGE.format(
        command=COMMAND,
        machine=machine(),
        n=f"{n:,}",
        cost_survey=cost.described,
        figures=table(figures),
        connections=CONNECTIONS,
        seconds=seconds,
        clients=CLIENTS,
        kinds=", ".join(hostile_files()),
        uploads=sum(answered.values()),
        statuses=", ".join(f"{count} × {status or 'closed'}" for status, count in sorted(answered.items())),
        children=hostile.children,
        sockets=SOCKETS,
        left=left[0],
        rounds=rounds,
    )
    return figures, page


class _Steps:
    """Say what is going on and how long it will still take, on stderr."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def __call__(self, what: str) -> None:
        sys.stderr.write(f"{what}; about {max(0.0, self._end - time.monotonic()):.0f} s left\n")


if __name__ == "__main__":
    main()
