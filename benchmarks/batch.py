"""Batches measured: rows a second by id and by cutout, beside single requests and the bare networks, and memory of a long job.

    python benchmarks/batch.py --data-dir skylike-data [--rows 1000000] [--cutouts 200] [--rounds 5] [--dry]

The folder holds the demo survey with its releases (`make demo`); it is copied and left as it is. Hardware: two idle cores; a million rows take
some minutes, progress on stderr. Expected on two cores: thousands of ids a second, hundreds of cutouts as a table, tens as FITS.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from batch_cost import Steps, archives, networks_per_s, steps
from figures import REPOSITORY, figure, machine, table, write_results
from service_process import Service, data_folder, service

sys.path.insert(0, str(REPOSITORY))

from survey.archive import SurveyFolder

COMMAND = "python benchmarks/batch.py"
ROWS_AT_ONCE = 2000
_TAR = {"content-type": "application/x-tar"}
_PARQUET = {"content-type": "application/vnd.apache.parquet"}
_CUTOUTS = "/api/v1/photoz/batch/cutouts"

PAGE = """# Batches

Written by `{command}` on {machine}, load of the machine at the start {load:.1f}.

{figures}

* `batch_rows_per_s`: {at_once} ids a request, JSON both ways, summary. Against it: single requests in a loop, and the same rows by a job
  of {job_rows:,} rows, its Parquet input and its Parquet answer included.
* `batch_memory_mb_1m`: the most that the worker holds while it answers a job of {job_rows:,} rows; against it the same of a job of a tenth, and
  of the service. Memory is proportional set size (PSS), sampled four times a second.
* `batch_cutouts_per_s`: {cutouts} cutouts of {shape} in one request: a Parquet table, and a tar of FITS files. Against it: single uploads
  of the same FITS files in a loop.
* `batch_cutouts_share_of_encoder`: the table's rate over that of the bare networks ({networks}) on inputs that are ready, the same batch size and
  threads, in the same run (median of {rounds} rounds, in turn). The aim is 0.8.
* `batch_cutout_cpu_ms` is processor time for each cutout of a table, all processes together; it depends less on what else the machine does.

## Where the time of a cutout goes

Milliseconds of processor time for each cutout (median of {rounds} rounds); children are the sandboxed processes, which work beside the
service. With a second core their time is hidden behind the networks as far as it is no longer than theirs.

{steps}

{verdict}
"""


@dataclass
class Watched:
    """The most memory that a process was seen to hold, in MB, and the processor time that a tree took."""

    peak_mb: dict[str, float] = field(default_factory=dict)


@contextmanager
def watching(running: Service) -> Iterator[Watched]:
    """Sample the memory of the service and of its workers four times a second."""
    seen, over = Watched(), threading.Event()

    def watch() -> None:
        while not over.wait(0.25):
            for process in (running.process, *running.process.children(recursive=True)):
                try:
                    is_worker = "worker" in process.cmdline()
                    if process == running.process or is_worker:
                        name = "worker" if is_worker else "service"
                        mb = process.memory_full_info().pss / 1e6
                        seen.peak_mb[name] = max(seen.peak_mb.get(name, 0.0), mb)
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def rates(work: Callable[[], int], rounds: int) -> list[float]:
    """Return things a second of each round; the first one warms and is left out."""
    found = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        found.append(work() / (time.perf_counter() - begun))
    return found[1:]


def ask(client: httpx.Client, path: str, **options: Any) -> httpx.Response:
    """Ask by POST where something is sent, else by GET; refusals end the run."""
    answer = client.request("POST" if "content" in options or "json" in options else "GET", path, **options)
    answer.raise_for_status()
    return answer


def job(client: httpx.Client, ids: list[str], n: int) -> float:
    """Return rows a second of a job of ids, from the request to the answer's last byte."""
    rows = pa.table({"object_id": np.random.default_rng(1).choice(np.array(ids), n)})
    stream = io.BytesIO()
    pq.write_table(rows, stream)
    begun = time.perf_counter()
    answer = ask(
        client, "/api/v1/photoz/batch?async=true&format=parquet", content=stream.getvalue(), headers=_PARQUET
    )
    told = answer.json()
    done = -1
    while told["phase"] not in ("COMPLETED", "ERROR", "ABORTED"):
        time.sleep(0.2)
        told = ask(client, told["href"]).json()
        if told["progress"]["rows_done"] >= done + n // 20:
            done = told["progress"]["rows_done"]
            print(f"{done:,} of {n:,} rows", file=sys.stderr, flush=True)
    if told["phase"] != "COMPLETED":
        raise SystemExit(f"the job ended in {told['phase']}: {told['error']}")
    with client.stream("GET", f"{told['href']}/results/result") as result:
        size = sum(len(piece) for piece in result.iter_bytes())
    assert size > n
    seconds = time.perf_counter() - begun
    client.delete(told["href"]).raise_for_status()
    return n / seconds


def tree_cpu(running: Service) -> float:
    """Return processor seconds of the service and all its children, ended ones included."""
    total = 0.0
    for process in (running.process, *running.process.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def main() -> None:
    """Measure on a copy of the data folder, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("skylike-data"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--cutouts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        data_dir = data_folder(options.data_dir, Path(folder) / "data")
        found = measure(data_dir, options)
    report(found, options, load)


def measure(data_dir: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything on one data folder."""
    n, rounds = options.cutouts, options.rounds
    with (
        service(data_dir, cutout_rows=max(n, 1)) as running,
        httpx.Client(base_url=running.url, timeout=600) as client,
    ):
        survey = next(
            one["name"] for one in ask(client, "/api/v1/surveys").json()["surveys"] if one["is_default"]
        )
        own = SurveyFolder(data_dir / "surveys" / survey)
        ids = [str(one) for one in own.ids]
        asked = list(np.random.default_rng(0).choice(np.array(ids), ROWS_AT_ONCE))
        cutouts = own.read(ids[:n])
        bodies = archives(cutouts, ids[:n])
        files = [
            archives([cutout], [object_id])["tar"][512:]
            for object_id, cutout in list(zip(ids, cutouts, strict=False))[:10]
        ]
        found: dict[str, Any] = {"shape": f"{len(cutouts[0].bands)} bands of {cutouts[0].shape[0]} px"}
        found["ids"] = rates(
            lambda: ask(client, "/api/v1/photoz/batch", json={"ids": [str(i) for i in asked]}).json()["n"],
            rounds,
        )
        found["single"] = rates(
            lambda: sum(
                ask(client, f"/api/v1/objects/{one}/photoz").status_code == 200 for one in asked[:100]
            ),
            2,
        )
        found["jobs"] = []
        for rows in (options.rows // 10, options.rows):
            with watching(running) as seen:
                found["jobs"].append((rows, job(client, ids, rows), dict(seen.peak_mb)))
        found["table"], found["tar"], found["networks"] = [], [], []
        for _ in range(rounds):
            found["networks"].append(networks_per_s(data_dir, n, 1))
            before = tree_cpu(running)
            found["table"] += rates(lambda: _answered(client, bodies["table"], _PARQUET), 1)
            found.setdefault("cpu_ms", []).append(1e3 * (tree_cpu(running) - before) / (2 * n))
            found["tar"] += rates(lambda: _answered(client, bodies["tar"], _TAR), 1)
        found["upload"] = rates(lambda: sum(_uploaded(client, data) for data in files), 2)
    found["steps"] = steps(data_dir, bodies, n, rounds)
    return found


def _answered(client: httpx.Client, body: bytes, headers: dict[str, str]) -> int:
    told = ask(client, _CUTOUTS, content=body, headers=headers).json()
    assert told["n_ok"] > 0.9 * told["n"], told["rows"][0]
    return int(told["n"])


def _uploaded(client: httpx.Client, data: bytes) -> int:
    ask(client, "/api/v1/neighbours/upload", content=data, headers={"content-type": "image/fits"})
    return 1


def report(found: dict[str, Any], options: argparse.Namespace, load: float) -> None:
    """Print the figures and write the page."""
    (few, few_rate, few_peak), (many, many_rate, many_peak) = found["jobs"]
    middle = {
        name: float(np.median(found[name]))
        for name in ("ids", "single", "table", "tar", "networks", "upload", "cpu_ms")
    }
    share = [one / raw for one, raw in zip(found["table"], found["networks"], strict=True)]
    of_tar = middle["tar"] / middle["networks"]

    def told(
        name: str,
        values: list[float],
        unit: str,
        n: int,
        *,
        against: dict[str, float],
        better: str = "higher",
    ) -> dict[str, Any]:
        spread = (min(values), max(values)) if len(values) > 1 else None
        return figure(
            name,
            float(np.median(values)),
            unit,
            n=n,
            better=better,
            command=COMMAND,
            interval=spread,
            against=against,
        )

    jobs = {
        f"job of {many:,} rows": many_rate,
        f"job of {few:,} rows": few_rate,
        "single requests": middle["single"],
    }
    figures = [
        told("batch_rows_per_s", found["ids"], "rows/s", ROWS_AT_ONCE, against=jobs),
        told("batch_cutouts_per_s", found["table"], "cutouts/s", options.cutouts, against={"tar of FITS": middle["tar"], "single uploads": middle["upload"], "networks alone": middle["networks"]}),
        told("batch_cutouts_share_of_encoder", share, "", options.cutouts, against={"tar of FITS": of_tar, "aim": 0.8}),
        told("batch_cutout_cpu_ms", found["cpu_ms"], "ms", options.cutouts, against={"networks alone": found["steps"]["table"]["networks"]}, better="lower"),
        told("batch_memory_mb_1m", [many_peak.get("worker", 0.0)], "MB", many, against={f"worker, {few:,} rows": few_peak.get("worker", 0.0), f"service, {many:,} rows": many_peak["service"], f"service, {few:,} rows": few_peak["service"]}, better="lower"),
    ]  # fmt: skip
    page = PAGE.format(
        command=COMMAND, machine=machine(), load=load, figures=table(figures), at_once=ROWS_AT_ONCE, job_rows=many,
        cutouts=options.cutouts, shape=found["shape"], networks="the encoder, and the redshift network of a model that has one",
        rounds=options.rounds, steps=_steps(found["steps"]), verdict=_verdict(found["steps"], float(np.median(share)), of_tar),
    )  # fmt: skip
    print(page)
    if not options.dry:
        write_results("batch", figures, page)


def _steps(measured: dict[str, Steps]) -> str:
    names = list(measured["table"])
    lines = ["| step | table | tar of FITS |", "| --- | --- | --- |"]
    lines += [f"| {name} | {measured['table'][name]:.2f} | {measured['tar'][name]:.2f} |" for name in names]
    totals = {kind: sum(one.values()) for kind, one in measured.items()}
    return "\n".join([*lines, f"| all | {totals['table']:.2f} | {totals['tar']:.2f} |"])


def _verdict(measured: dict[str, Steps], share: float, of_tar: float) -> str:
    """Say plainly whether the aim is reached, and what a cutout waits for."""
    met = "is reached" if share >= 0.8 else "is not reached"
    worst = {
        kind: max((s for s in one if s != "networks"), key=lambda s: one[s]) for kind, one in measured.items()
    }
    bound = {kind: min(100.0, 200 * one["networks"] / sum(one.values())) for kind, one in measured.items()}
    return (
        f"The aim of 80 % of the bare networks {met} by a table ({100 * share:.0f} %) and {'is' if of_tar >= 0.8 else 'is not'} by a tar of "
        f"FITS files ({100 * of_tar:.0f} %). Beside the networks ({measured['table']['networks']:.2f} ms) most goes into "
        f"“{worst['table']}” for a table and “{worst['tar']}” for FITS files. Two idle cores can reach {bound['table']:.0f} % by a table "
        f"and {bound['tar']:.0f} % by FITS files, as the sums stand. The network of the demo is small; a larger one hides more of the "
        "same work."
    )


if __name__ == "__main__":
    main()
