"""Servers of the search benchmarks on loopback, and wrk against them."""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from figures import REPOSITORY
from search_data import VectorArray

__all__ = [
    "CONNECTIONS",
    "ROUNDS",
    "Load",
    "Target",
    "getting",
    "median",
    "peer",
    "plain_bodies",
    "posting",
    "rounds",
    "wrk",
]

CONNECTIONS, ROUNDS = 32, 3
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Load:
    """What wrk saw: requests a second, and latencies in milliseconds."""

    rps: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Target:
    """Something to load: an address, with wrk's script or none."""

    url: str
    script: Path | None = None


@contextmanager
def peer(app: str, environment: dict[str, str]) -> Iterator[str]:
    """Run one of the peers' applications in one uvicorn process; ``OMP_NUM_THREADS`` is FAISS's default unless given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    here = Path(__file__).resolve().parent
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--app-dir", str(here), app, "--port", str(port), "--log-level", "warning", "--no-access-log"],
        env={**inherited, **environment},
        cwd=REPOSITORY,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, f"{url}/ready")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(36_000):
        if process.poll() is not None:
            raise SystemExit("a peer did not start")
        try:
            if httpx.get(url, timeout=_TIMEOUT_S).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("a peer was not ready within an hour")


def posting(path: str, bodies: Sequence[dict[str, Any]], folder: Path, name: str) -> Path:
    """Write wrk's script that posts bodies, prepared beforehand, to a path in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = folder / f"{name}.jsonl"
    lines.write_bytes(b"\n".join(orjson.dumps(body) for body in bodies) + b"\n")
    script = folder / f"{name}.lua"
    script.write_text(
        "local requests, n = {}, 0\n"
        "function init(args)\n"
        '  local headers = {["Content-Type"] = "application/json", ["Host"] = wrk.headers["Host"]}\n'
        f'  for line in io.lines("{lines}") do\n'
        f'    table.insert(requests, wrk.format("POST", "{path}", headers, line))\n'
        "  end\n"
        "end\n"
        "function request()\n"
        "  n = n % #requests + 1\n"
        "  return requests[n]\n"
        "end\n"
    )
    return script


def getting(paths: Sequence[str], folder: Path, name: str) -> Path:
    """Write wrk's script that asks for paths in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = folder / f"{name}.txt"
    lines.write_text("\n".join(paths) + "\n")
    script = folder / f"{name}.lua"
    script.write_text(
        "local requests, n = {}, 0\n"
        "function init(args)\n"
        f'  for line in io.lines("{lines}") do table.insert(requests, wrk.format("GET", line)) end\n'
        "end\n"
        "function request()\n"
        "  n = n % #requests + 1\n"
        "  return requests[n]\n"
        "end\n"
    )
    return script


def wrk(target: Target, seconds: int) -> Load:
    """Load one address with 32 connections; a request that fails ends the run."""
    scripted = ["-s", str(target.script)] if target.script else []
    said = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", f"{_TIMEOUT_S}s", "--latency", *scripted, target.url],
        check=True,
        capture_output=True,
        text=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"wrk saw failures:\n{said}")
    rps = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rps
    return Load(float(rps[1]), _latency(said, "50%"), _latency(said, "99%"))


def _latency(said: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s|m)\b", said)
    assert found
    return float(found[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}[found[2]]


def rounds(targets: dict[str, Target], seconds: int) -> dict[str, list[dict[str, float]]]:
    """Load every target in turn, three times over, each warmed for a second first; returns the rounds by name."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in targets}
    for name, target in targets.items():
        print(f"warming {name}", file=sys.stderr, flush=True)
        wrk(target, 1)
    for number in range(ROUNDS):
        for name, target in targets.items():
            load = wrk(target, seconds)
            found[name].append(asdict(load))
            print(f"round {number + 1} of {ROUNDS}: {name} {load}", file=sys.stderr, flush=True)
    return found


def median(measured: list[dict[str, float]], what: str) -> tuple[float, tuple[float, float]]:
    """Return the median of the rounds and their range."""
    values = [one[what] for one in measured]
    return statistics.median(values), (min(values), max(values))


def plain_bodies(queries: VectorArray, k: int) -> list[dict[str, Any]]:
    """Return the bodies that both peers read."""
    return [{"vector": [round(float(value), 8) for value in query], "k": k} for query in queries]
