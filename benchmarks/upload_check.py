"""Real FITS files posted to a service: what was answered, with which code, how fast.

    python benchmarks/upload_check.py --data-dir skylike-data         start the service there, post, stop it
    python benchmarks/upload_check.py --url http://127.0.0.1:8000     post to one that runs (no encoder figure)

Posts the SDSS stamps (five single-band files a request), the KiDS/VIKING cubes and the FITS zoo of ../shared/data, one
request at a time. Hardware: two cores, an idle machine. Takes about a minute.
"""

from __future__ import annotations

import argparse
import csv
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from figures import REPOSITORY, figure, machine, table, write_results

DATA = REPOSITORY.parent / "shared" / "data"
COMMAND = "python benchmarks/upload_check.py"
ROUNDS = 40

PAGE = """# Uploads of real files

Written by `{command}` on {machine}, service with: {releases}.

{figures}

* `zoo_answered_accept`: share of the zoo's galaxies with five optical bands (sets of five files count once) that got 200.
* `upload_*`: one SDSS galaxy as five single-band files with inverse variances, {rounds} times: multipart, prescan, sandbox,
  calibration, embedding, search, redshift, JSON. `sandbox_p50_ms` is prescan + child for the same files, `child_p50_ms` a child
  that does nothing, `encoder_p50_ms` the bare encoder on the same field, in the same run.

## What was answered

{verdicts}

## Galaxies with five bands that were refused

{disagreements}

## SDSS and KiDS

{surveys}
"""


@dataclass(frozen=True)
class Case:
    """One request: its files and the bands or scale that the files do not say."""

    group: str
    name: str
    files: tuple[Path, ...]
    query: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came back."""

    case: Case
    status: int
    code: str
    detail: str
    seconds: float
    flags: tuple[str, ...] = ()


def cases(data: Path) -> Iterator[Case]:
    """List all requests."""
    stamps: dict[str, list[Path]] = defaultdict(list)
    for path in sorted((data / "sdss_ugriz_stamps" / "raw_fits").glob("stamp-*.fits")):
        stamps[path.stem.split("-", 2)[2]].append(path)
    for name, files in stamps.items():
        yield Case("sdss", name, tuple(files))
    for path in sorted((data / "kids_viking_9band").glob("cube_*.fits")):
        # The headers have no pixel scale; PROVENANCE.md gives the one of the mosaics.
        yield Case("kids", path.name, (path,), "pixscale=0.339")
    for path in sorted((data / "kids_viking_9band").glob("field_*.fz")):
        yield Case("kids field", path.name, (path,))
    yield from _zoo(data / "fits_zoo")


def _zoo(folder: Path) -> Iterator[Case]:
    with (folder / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    sets: dict[str, list[Path]] = defaultdict(list)
    for row in rows:
        path = folder / "files" / row["file"]
        if row["verdict"] == "accept" and "one file of" in row["what"]:
            sets[row["group"]].append(path)
        else:
            yield Case(row["verdict"], row["file"], (path,))
    for name, files in sets.items():
        yield Case("accept", f"{name} ({len(files)} files)", tuple(files))


def post(client: httpx.Client, case: Case) -> Outcome:
    """Send one request."""
    parts = [("file", (path.name, path.read_bytes(), "application/octet-stream")) for path in case.files]
    begun = time.perf_counter()
    answer = client.post(f"/api/v1/neighbours/upload?{case.query}", files=parts)
    seconds = time.perf_counter() - begun
    body = answer.json()
    flags = tuple(body.get("ingest", {}).get("flags", ()))
    return Outcome(case, answer.status_code, body.get("code", "ok"), body.get("detail", ""), seconds, flags)


@contextmanager
def service(data_dir: Path) -> Iterator[str]:
    """Run a service of our own on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        "service.main:create_app",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    environment = {**os.environ, "SKYLIKE_DATA_DIR": str(data_dir), "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(command, env=environment, cwd=REPOSITORY)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def wait_until_ready(client: httpx.Client) -> None:
    """Poll until the service answers."""
    for _ in range(600):
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("the service did not become ready within 60 s")


def parts_of_the_cost(data_dir: Path, case: Case) -> dict[str, float]:
    """Time the sandbox and the bare encoder in this process, median milliseconds."""
    sys.path.insert(0, str(REPOSITORY))
    from index.model import Model, OnnxEncoder
    from service.sandbox import Sandbox
    from survey.ingest import Overrides

    files = [(path.name, path.read_bytes()) for path in case.files]
    models = [
        Model.open(path) for path in sorted((data_dir / "models").iterdir()) if not path.name.startswith(".")
    ]
    model = next(model for model in models if not model.contract.is_display)
    with Sandbox() as sandbox:
        cutout = sandbox.run(files, Overrides()).cutout
        encoder = OnnxEncoder(model)
        field = model.contract.calibrate(cutout.select(model.contract.bands)).field[None]
        return {
            "child_p50_ms": median_ms(sandbox.probe),
            "sandbox_p50_ms": median_ms(lambda: sandbox.run(files, Overrides())),
            "encoder_p50_ms": median_ms(lambda: encoder.embed_fields(field)),
        }


def median_ms(work: object) -> float:
    """Median of ``ROUNDS`` calls."""
    assert callable(work)
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - begun))
    return round(statistics.median(times), 2)


def main() -> None:
    """Post everything and write ``docs/results/upload_check.{md,json}``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url")
    parser.add_argument("--data-dir", type=Path, default=REPOSITORY / "skylike-data")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    running = nullcontext(options.url) if options.url else service(options.data_dir)
    with running as url, httpx.Client(base_url=url, timeout=60) as client:
        wait_until_ready(client)
        releases = ", ".join(sorted(item["id"] for item in client.get("/api/v1/releases").json()["releases"]))
        outcomes = [post(client, case) for case in cases(DATA)]
        first = outcomes[0].case
        repeated = [1e3 * post(client, first).seconds for _ in range(ROUNDS)]
    costs = {} if options.url else parts_of_the_cost(options.data_dir, first)
    figures, page = report(outcomes, repeated, costs, releases)
    sys.stdout.write(page)
    if not options.dry:
        write_results("upload_check", figures, page)


def report(
    outcomes: list[Outcome], repeated: list[float], costs: dict[str, float], releases: str
) -> tuple[list[dict[str, object]], str]:
    """Return the figures and the page."""
    zoo = [o for o in outcomes if o.case.group in {"accept", "partial", "reject", "valid_not_a_galaxy"}]
    accept = [o for o in zoo if o.case.group == "accept"]
    answered = sum(o.status == 200 for o in accept) / len(accept)
    p50, p99 = np.percentile(repeated, [50, 99])
    rows = [
        ("zoo_answered_accept", answered, "", len(accept), "higher"),
        ("zoo_5xx", sum(o.status >= 500 for o in zoo), "answers", len(zoo), "lower"),
        ("zoo_max_seconds", round(max(o.seconds for o in zoo), 3), "s", len(zoo), "lower"),
        ("upload_p50_ms", round(float(p50), 1), "ms", ROUNDS, "lower"),
        ("upload_p99_ms", round(float(p99), 1), "ms", ROUNDS, "lower"),
        *((name, value, "ms", ROUNDS, "lower") for name, value in costs.items()),
    ]
    figures = [
        figure(name, value, unit, n=n, better=better, command=COMMAND)
        for name, value, unit, n, better in rows
    ]
    counted = Counter((o.case.group, o.status, o.code) for o in outcomes)
    lines = [
        f"| {group} | {status} | `{code}` | {n} |" for (group, status, code), n in sorted(counted.items())
    ]
    verdicts = "\n".join(["| group | status | code | requests |", "| --- | --- | --- | --- |", *lines])
    refused = [f"* {o.case.name}: {o.status} `{o.code}` {o.detail}" for o in accept if o.status != 200]
    surveys = [
        f"* {o.case.name}: {o.status} `{o.code}` {o.detail} {', '.join(o.flags)} ({o.seconds * 1e3:.0f} ms)"
        for o in outcomes
        if o not in zoo
    ]
    page = PAGE.format(
        command=COMMAND,
        machine=machine(),
        releases=releases,
        figures=table(figures),
        rounds=ROUNDS,
        verdicts=verdicts,
        disagreements="\n".join(refused) or "None.",
        surveys="\n".join(surveys),
    )
    return figures, page


if __name__ == "__main__":
    main()
