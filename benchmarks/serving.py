"""Neighbours by id over HTTP: requests a second and latencies beside a route that does nothing.

    python benchmarks/serving.py [--seconds 10] [--n 20000]

20,000 synthetic vectors (seeded Gaussians of 48 dimensions, not galaxies: the answer by id costs the same), one worker
process, `wrk` with 32 connections on the same machine, k = 10, ids at random. Hardware: two cores. Takes about 2 minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pyarrow as pa
from figures import REPOSITORY, figure, machine, table, write_results

from index.embed import describe_embeddings
from index.embeddings import EmbeddingStore
from index.releases import build_release
from survey.archive import SurveyInfo
from survey.publish import SurveyPart, publish_survey
from survey.sky import hpx29
from training.fixed import fit_fixed

# The model that a release must name is fitted on the tests' synthetic blobs.
sys.path.insert(0, str(REPOSITORY / "tests"))
from support.serving import register
from support.tiny_survey import tiny_contract, tiny_survey

COMMAND = "python benchmarks/serving.py"
CONNECTIONS, ROUNDS = 32, 3

PAGE = """# Serving

Neighbours by id, k = 10, over HTTP. Written by `{command}` on {machine}.

{table}

* {n} synthetic unit vectors, so the figures say nothing about similarity; columns, graph and JSON are those of any release.
* One worker process (`skylike serve`), `wrk -t1 -c{connections}` on the same machine and the same two cores, ids at random.
* `noop_rps` is `/livez`, a route that touches nothing, through the same middleware, in the same run: what is left when the
  work is taken away. The ratio is the price of the answer.
* `byid_per_core_s` divides by the server's CPU time instead of the clock: it does not depend on what else the machine does.
* The median of {rounds} rounds of {seconds} s each, no-op and by-id in turn; the interval is the range of the rounds.
"""


@dataclass(frozen=True)
class Round:
    """One run of wrk: requests a second, requests per second of the server's CPU time, latencies in milliseconds."""

    rps: float
    per_core_s: float
    p50_ms: float
    p99_ms: float


def build(data_dir: Path, n: int) -> None:
    """Publish a survey of positions with random vectors as its embeddings."""
    rng = np.random.default_rng(0)
    few = tiny_survey(data_dir / "few", n=60)
    model = fit_fixed(
        "pca48", few, out=data_dir / "models" / "synthetic", model_id="synthetic", contract=tiny_contract()
    )
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    rows = pa.table(
        {
            "object_id": [f"SYN{i:06d}" for i in range(n)],
            "ra_deg": ra,
            "dec_deg": dec,
            "hpx29": pa.array(hpx29(ra, dec)),
            "ebv": rng.uniform(0, 0.1, n),
            "z_spec": rng.uniform(0.01, 0.3, n),
            "mag_r": rng.uniform(14, 17.77, n),
            "label": [("spiral", "elliptical")[i % 2] for i in range(n)],
        }
    )
    info = SurveyInfo(
        name="synthetic", title="Synthetic positions", kind="catalogue", realism="Nothing is real."
    )
    survey = publish_survey(data_dir / "surveys" / "synthetic", info, [SurveyPart(rows=rows)])
    bound = describe_embeddings(survey, model, shard_size=n)
    store = EmbeddingStore.create(data_dir / "embeddings" / "synthetic--synthetic", bound)
    vectors = rng.normal(size=(n, bound.dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store.write_shard(0, survey.ids, survey.objects.column("hpx29").to_pylist(), vectors)
    release = build_release(survey=survey, model=model, embeddings=store, releases_dir=data_dir / "releases")
    register(data_dir, survey, release.id)


def script(n: int, path: Path) -> Path:
    """Write wrk's script: a random id each time."""
    path.write_text(
        "request = function()\n"
        f'  local id = string.format("SYN%06d", math.random(0, {n - 1}))\n'
        '  return wrk.format("GET", "/api/v1/objects/" .. id .. "/neighbours?k=10")\n'
        "end\n"
    )
    return path


def wrk(server: psutil.Process, url: str, seconds: int, lua: Path | None = None) -> Round:
    """Load one address."""
    before = _cpu_seconds(server)
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--latency",
        *(["-s", str(lua)] if lua else []),
        url,
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"wrk saw failures:\n{said}")
    spent = _cpu_seconds(server) - before
    rps, requests = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"(\d+) requests in", said)
    assert rps
    assert requests
    return Round(float(rps[1]), int(requests[1]) / spent, _latency(said, "50%"), _latency(said, "99%"))


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _latency(said: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)", said)
    assert found
    return float(found[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[found[2]]


def main() -> None:
    """Measure and write ``docs/results/serving.{md,json}``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        by_id, noop = measure(Path(folder), options.n, options.seconds)
    ratios = [one.rps / idle.rps for one, idle in zip(by_id, noop, strict=True)]
    sys.stdout.write(
        json.dumps({"by_id": [vars(r) for r in by_id], "noop": [vars(r) for r in noop]}, indent=1) + "\n"
    )
    if options.dry:
        return
    n = options.n
    figures = [
        _figure("byid_rps_20k", by_id, "rps", n),
        _figure("byid_per_core_s", by_id, "per_core_s", n),
        _figure("byid_p50_ms", by_id, "p50_ms", n),
        _figure("byid_p99_ms", by_id, "p99_ms", n),
        _figure("noop_rps", noop, "rps", n),
        _figure("noop_per_core_s", noop, "per_core_s", n),
        _figure("noop_p99_ms", noop, "p99_ms", n),
        figure(
            "byid_of_noop",
            round(statistics.median(ratios), 3),
            "ratio",
            n=n,
            better="higher",
            command=COMMAND,
            interval=(round(min(ratios), 3), round(max(ratios), 3)),
        ),
    ]
    page = PAGE.format(
        command=COMMAND,
        machine=machine(),
        table=table(figures),
        n=f"{n:,}",
        connections=CONNECTIONS,
        rounds=ROUNDS,
        seconds=options.seconds,
    )
    write_results("serving", figures, page)


def measure(folder: Path, n: int, seconds: int) -> tuple[list[Round], list[Round]]:
    """Serve synthetic vectors and load both routes in turn."""
    build(folder, n)
    lua = script(n, folder / "random_ids.lua")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "skylike", "serve", "--data-dir", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, "SKYLIKE_LOG_LEVEL": "WARNING"})
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        by_id, noop, process = [], [], psutil.Process(server.pid)
        wrk(process, url, 2, lua)
        for _ in range(ROUNDS):
            noop.append(wrk(process, f"{url}/livez", seconds))
            by_id.append(wrk(process, url, seconds, lua))
    finally:
        server.terminate()
        server.wait(30)
    return by_id, noop


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("the service did not start within 60 s")


def _figure(name: str, rounds: list[Round], what: str, n: int) -> dict[str, Any]:
    """Return the median of the rounds, with their range as the interval."""
    values = [round(getattr(one, what), 2) for one in rounds]
    unit = "ms" if what.endswith("_ms") else "requests/s"
    better = "lower" if unit == "ms" else "higher"
    interval = (min(values), max(values))
    return figure(
        name, statistics.median(values), unit, n=n, better=better, command=COMMAND, interval=interval
    )


if __name__ == "__main__":
    main()
