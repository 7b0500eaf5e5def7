"""Looks at the machine and the installation: versions, processor, disk, ports."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path

from skylike.findings import Finding, complaint, note, ok

__all__ = ["examine", "existing_parent", "judge_disk", "judge_distributions", "judge_flags", "judge_port"]

TESTED_PYTHON = (3, 11)
INSTALL = "pip install -c constraints.txt -e '.[demo]'"

# The demo survey of about 4,000 galaxies takes 0.5 GB; building writes each folder beside the old one.
MIN_FREE_BYTES = 2 * 1024**3

_PACKAGES = (
    "skylike",
    "numpy",
    "scipy",
    "astropy",
    "pyarrow",
    "zarr",
    "pillow",
    "sqlalchemy",
    "alembic",
    "fastapi",
)
# Distributions that own one module between them: two of these overwrite each other's files.
_ONE_OF = {
    "faiss": ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu12", "faiss-gpu-cu13"),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"),
}
# What the vector search and int8 networks gain from, per machine.
_SIMD = {"x86_64": ("avx2", "avx512f", "avx512_vnni"), "aarch64": ("asimd", "asimddp")}


def examine(data_dir: Path, *, host: str, port: int) -> Iterator[Finding]:
    """Yield a finding for everything that Skylike needs of this machine."""
    yield _python()
    yield from _packages(_PACKAGES)
    distributions = packages_distributions()
    for module, known in _ONE_OF.items():
        yield judge_distributions(module, distributions, known)
    yield judge_flags(platform.machine(), _cpu_flags())
    yield from _faiss()
    yield from _onnxruntime()
    yield _torch()
    yield note(
        "cores", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    )
    yield judge_disk(shutil.disk_usage(existing_parent(data_dir)).free)
    yield _writable(data_dir)
    yield judge_port(host, port)


def existing_parent(path: Path) -> Path:
    """Return the path itself, or the nearest folder above it that exists."""
    path = path.absolute()
    return next(p for p in (path, *path.parents) if p.exists())


def judge_distributions(
    module: str, distributions: Mapping[str, Sequence[str]], known: Iterable[str]
) -> Finding:
    """Judge which installed distributions own a module: there must be exactly one."""
    owners = sorted(set(distributions.get(module, ())))
    if not owners:
        return complaint(module, "not installed", INSTALL)
    if len(owners) > 1:
        keep = next((name for name in known if name in owners), owners[0])
        return complaint(
            module,
            f"{len(owners)} distributions own the module and overwrite each other: {', '.join(owners)}",
            f"pip uninstall -y {' '.join(owners)} && pip install -c constraints.txt {keep}",
        )
    return ok(module, f"{owners[0]} {version(owners[0])}")


def judge_flags(machine: str, flags: frozenset[str]) -> Finding:
    """Judge the processor's vector instructions: slower without, never wrong."""
    wanted = _SIMD.get(machine, ())
    if not flags:
        return note("simd", f"{machine}: the processor's flags cannot be read here")
    have = [flag for flag in wanted if flag in flags]
    lack = [flag for flag in wanted if flag not in flags]
    text = f"{machine}: {' '.join(have) or 'none of the known ones'}"
    return note("simd", f"{text}; without {' '.join(lack)} (slower)") if lack else ok("simd", text)


def judge_disk(free_bytes: int) -> Finding:
    """Judge the room left where the data lies."""
    found = f"{free_bytes / 1024**3:.1f} GiB free, {MIN_FREE_BYTES / 1024**3:.0f} GiB wanted"
    if free_bytes < MIN_FREE_BYTES:
        return complaint("disk", found, "SKYLIKE_DATA_DIR=/a/larger/disk skylike demo")
    return ok("disk", found)


def judge_port(host: str, port: int) -> Finding:
    """Judge whether the service could listen where it is told to."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As uvicorn does it: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = (error.strerror or "refused").lower()
            return complaint(
                "port", f"{host}:{port} cannot be used: {why}", f"SKYLIKE_PORT={_free_port()} skylike serve"
            )
    return ok("port", f"{host}:{port} is free")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _python() -> Finding:
    found = f"{platform.python_implementation()} {platform.python_version()}"
    if sys.version_info < TESTED_PYTHON:
        return complaint("python", f"{found}; 3.11 or newer is needed", "make PYTHON=python3.11 demo")
    if sys.version_info[:2] != TESTED_PYTHON:
        return note("python", f"{found}; tested on 3.11 only")
    return ok("python", found)


def _packages(names: Iterable[str]) -> Iterator[Finding]:
    for name in names:
        try:
            yield ok(name, version(name))
        except PackageNotFoundError:
            yield complaint(name, "not installed", INSTALL)


def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return frozenset(flags.partition(":")[2].split())


def _faiss() -> Iterator[Finding]:
    if not find_spec("faiss"):
        return
    try:
        # Elsewhere only index.vectors imports faiss; here it is looked at, not used.
        options = str(import_module("faiss").get_compile_options()).strip()
    except (ImportError, AttributeError) as error:
        yield complaint("faiss.simd", f"faiss cannot be loaded: {type(error).__name__}", INSTALL)
    else:
        yield ok("faiss.simd", options or "generic")


def _onnxruntime() -> Iterator[Finding]:
    if not find_spec("onnxruntime"):
        return
    try:
        providers: list[str] = import_module("index.runtime").onnxruntime.get_available_providers()
    except (ImportError, AttributeError) as error:
        yield complaint(
            "onnxruntime.providers", f"onnxruntime cannot be loaded: {type(error).__name__}", INSTALL
        )
        return
    found = ", ".join(providers)
    if "CPUExecutionProvider" not in providers:
        yield complaint("onnxruntime.providers", f"no CPU provider among {found}", INSTALL)
    else:
        yield ok("onnxruntime.providers", found)


def _torch() -> Finding:
    try:
        return note("torch", f"{version('torch')}; nothing online loads it")
    except PackageNotFoundError:
        return ok("torch", "absent; only training needs it")


def _writable(data_dir: Path) -> Finding:
    folder = existing_parent(data_dir)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = (error.strerror or "refused").lower()
        return complaint(
            "data_dir",
            f"{folder} cannot be written: {why}",
            "SKYLIKE_DATA_DIR=/a/writable/folder skylike demo",
        )
    return ok("data_dir", f"{data_dir} can be written")
