"""A service of our own on loopback, for benchmarks that send it things."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from figures import REPOSITORY

__all__ = ["Service", "data_folder", "service", "tiny_data"]


@dataclass(frozen=True)
class Service:
    """A running service: its address, and its process, whose children are the fork server and those it forks."""

    url: str
    process: psutil.Process

    def tree_bytes(self) -> int:
        """Memory of the service, the fork server and its children: each one's own pages, shared ones in part."""
        total = 0
        for process in (self.process, *self.process.children(recursive=True)):
            try:
                total += process.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return total


@contextmanager
def service(data_dir: Path, **settings: object) -> Iterator[Service]:
    """Run ``skylike serve`` on a data folder and a free port; settings by their lower-case names."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "skylike", "serve", "--data-dir", str(data_dir), "--port", str(port)]
    environment = {
        **os.environ,
        "SKYLIKE_LOG_LEVEL": "ERROR",
        **{f"SKYLIKE_{name.upper()}": str(value) for name, value in settings.items()},
    }
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url)
        yield Service(url, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


def data_folder(source: Path | None, folder: Path) -> Path:
    """Copy a data folder and bring its database up to date, or build the synthetic one where there is none."""
    if source is None or not source.is_dir():
        return tiny_data(folder)
    shutil.copytree(source, folder)
    migrate = [sys.executable, "-m", "skylike", "index", "migrate", "--data-dir", str(folder)]
    subprocess.run(migrate, check=True, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    return folder


def tiny_data(folder: Path) -> Path:
    """Build the tests' data folder of synthetic galaxies: a survey of five bands, and one of pictures."""
    sys.path.insert(0, str(REPOSITORY / "tests"))
    from support.serving import build_data_dir

    return build_data_dir(folder)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            raise SystemExit("the service did not start")
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("the service did not become ready within 120 s")
