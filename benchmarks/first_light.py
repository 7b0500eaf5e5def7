"""First light in figures: the demo from a clean clone, and what the other benchmarks found.

    python benchmarks/first_light.py            measure the demo, gather docs/results/*.json
    python benchmarks/first_light.py --run      run the other benchmarks first

Hardware: two cores, no GPU, an idle machine. Takes about 5 minutes, with --run about 30.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from figures import REPOSITORY, figure, machine, read_figures, table, write_results

COMMAND = "python benchmarks/first_light.py"
AGAIN = 5
OTHERS = ("simulated_survey", "retrieval_baselines", "catalogue", "serving")

#: Ids taken over from the other pages, in this order.
GATHERED = {
    "byid_rps_20k": "serving",
    "byid_p99_ms": "serving",
    "noop_rps": "serving",
    "noop_p99_ms": "serving",
    "purity10_pca48_splits": "retrieval_baselines",
    "purity10_polar48_splits": "retrieval_baselines",
    "knn_sigma_mad_pixels": "simulated_survey",
    "embedding_sigma_mad": "simulated_survey",
    "embedding_outliers": "simulated_survey",
    "oddity_recall_top5": "simulated_survey",
    "dr7_rows_per_s": "catalogue",
    "dr7_cone_p50_ms": "catalogue",
}

PAGE = """# First light

What the first version does, measured. Written by `{command}` on {machine}.

{table}

* `demo_seconds`: `make demo` on a clean clone, from the command to the first 200 of `/readyz`: virtual environment,
  installation, rendering, fitting, embedding, indexing, start. The packages came from a near mirror; a slow line adds to it.
* `install_seconds`: the part of it until the demo's own first line.
* `second_start_seconds`: the same command again, median of five with the range.
* `rss_mb`: resident memory of the serving process after queries of every kind; the upload sandbox's server, a process of its
  own, takes `sandbox_rss_mb` more.
* The other figures are those of [simulated_survey](simulated_survey.md), [retrieval_baselines](retrieval_baselines.md),
  [serving](serving.md) and [catalogue](catalogue.md), which say how they were measured.

The demo survey's pixels are rendered: its redshift and oddity figures show that the machinery works and say nothing about real
galaxies. `purity10_*` are on real SDSS images.
"""


@dataclass(frozen=True, slots=True)
class Started:
    """A running `make demo`."""

    process: subprocess.Popen[bytes]
    url: str
    seconds: float
    install_seconds: float


def main() -> int:
    """Measure, gather, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", action="store_true", help="run the other benchmarks first")
    arguments = parser.parse_args()
    if arguments.run:
        for name in OTHERS:
            print(f"== {name}", flush=True)
            subprocess.run([sys.executable, f"benchmarks/{name}.py"], cwd=REPOSITORY, check=True)
    figures = measure_demo()
    for name, page in GATHERED.items():
        found = read_figures(page).get(name)
        if found:
            figures.append(found)
        else:
            print(f"{name}: not in docs/results/{page}.json", file=sys.stderr)
    page = PAGE.format(command=COMMAND, machine=machine(), table=table(figures))
    write_results("first_light", figures, page)
    # The README quotes these figures.
    subprocess.run([sys.executable, "tests/support/documented.py"], cwd=REPOSITORY, check=True)
    print(table(figures))
    return 0


def measure_demo() -> list[dict[str, Any]]:
    """Run `make demo` twice on a clean clone; return its figures."""
    with tempfile.TemporaryDirectory(prefix="skylike-demo-") as folder:
        clone = Path(folder) / "skylike"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        first = start(clone)
        try:
            n = galaxies(first.url)
            ask(first.url)
            serving, sandbox = memory_mb(first.process)
        finally:
            stop(first.process)
        again = sorted(start_again(clone) for _ in range(AGAIN))

    def told(name: str, value: float, unit: str, better: str = "lower") -> dict[str, Any]:
        return figure(name, round(value, 2), unit, n=n, better=better, command=COMMAND)

    return [
        told("demo_seconds", first.seconds, "s"),
        told("install_seconds", first.install_seconds, "s"),
        told("second_start_seconds", again[AGAIN // 2], "s")
        | {"interval": [round(s, 2) for s in (again[0], again[-1])]},
        told("demo_galaxies", n, "galaxies", "higher"),
        told("rss_mb", serving, "MB"),
        told("sandbox_rss_mb", sandbox, "MB"),
    ]


def start(clone: Path) -> Started:
    """Start `make demo` in a clone and wait until it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SKYLIKE_") and k != "VIRTUAL_ENV"}
    log = (clone / "demo.log").open("wb")
    began = time.monotonic()
    process = subprocess.Popen(
        ["make", "demo"],
        cwd=clone,
        env={**environment, "SKYLIKE_PORT": str(port)},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    url, installed = f"http://127.0.0.1:{port}", None
    while time.monotonic() - began < 900:
        if process.poll() is not None:
            raise RuntimeError(f"make demo ended early:\n{(clone / 'demo.log').read_text()[-3000:]}")
        if installed is None and (clone / ".venv" / "installed-demo").exists():
            installed = time.monotonic() - began
        try:
            if httpx.get(f"{url}/readyz", timeout=1).status_code == 200:
                return Started(process, url, time.monotonic() - began, installed or 0.0)
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    stop(process)
    raise RuntimeError("make demo was not ready within 15 minutes")


def start_again(clone: Path) -> float:
    """Return the seconds that one more `make demo` takes until it is ready."""
    started = start(clone)
    stop(started.process)
    return started.seconds


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def memory_mb(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Return resident MB of the serving process and of the largest of its children."""
    serving = max(psutil.Process(process.pid).children(recursive=True), key=_resident)
    children = [_resident(child) for child in serving.children(recursive=True)]
    return _resident(serving) / 1e6, max(children, default=0) / 1e6


def _resident(process: psutil.Process) -> int:
    """Return resident bytes; 0 of a process that has just ended, as the children of uploads do."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def galaxies(url: str) -> int:
    """Return how many galaxies the demo survey serves."""
    surveys = httpx.get(f"{url}/api/v1/surveys").json()["surveys"]
    return int(next(s for s in surveys if s["name"] == "demo")["n_objects"])


def ask(url: str) -> None:
    """Ask one question of every kind, so that everything lazy is in memory."""
    with httpx.Client(base_url=url, timeout=30) as client:
        rows = client.get("/api/v1/anomalies", params={"limit": 20}).json()
        object_id = _first_id(rows)
        for path in ("", "/neighbours", "/photoz", "/anomaly", "/cutout"):
            client.get(f"/api/v1/objects/{object_id}{path}").raise_for_status()
        fits = client.get(f"/api/v1/objects/{object_id}/cutout", params={"format": "fits"}).content
        png = client.get(f"/api/v1/objects/{object_id}/cutout", params={"format": "png"}).content
        for content, kind in ((fits, "image/fits"), (png, "image/png")):
            client.post(
                "/api/v1/neighbours/upload", content=content, headers={"Content-Type": kind}
            ).raise_for_status()


def _first_id(value: Any) -> str:
    """Find the first ``object_id`` in an answer."""
    if isinstance(value, dict):
        if isinstance(value.get("object_id"), str):
            return str(value["object_id"])
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            found = _first_id(item)
            if found:
                return found
    return ""


if __name__ == "__main__":
    sys.exit(main())
