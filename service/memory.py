"""How much memory further releases would take, and how much there is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["PER_OBJECT", "available_bytes", "encoder_bytes", "release_bytes"]

#: Bytes that an opened release keeps for each object beside its mapped files: ids as strings and by row, of the survey
#: and of the release, columns with nulls, the tree of places. Measured: 1,070 (200,000 objects with eight columns against 20,000).
PER_OBJECT: Final = 1500
# Of an ONNX file, its weights once more and what its arenas grow to.
_OF_ENCODER: Final = 4
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def release_bytes(n_objects: Iterable[int]) -> int:
    """Estimate what releases of so many objects take."""
    return PER_OBJECT * sum(n_objects)


def encoder_bytes(model: Path) -> int:
    """Estimate what the networks of a model folder take."""
    return _OF_ENCODER * sum(file.stat().st_size for file in model.glob("*.onnx"))


def available_bytes(*, meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int | None:
    """Return what this process may still take: the machine's, or its container's if that is less; None if none tells.

    Pages of files count as free: the kernel gives them up.
    """
    found = [size for size in (_of_machine(meminfo), _of_container(cgroup)) if size is not None]
    return min(found, default=None)


def _of_machine(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(sizes[0]) * 1024 if sizes else None


def _of_container(cgroup: Path) -> int | None:
    # cgroup v2; https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int((cgroup / "memory.current").read_text())
        told = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        return max(0, int(limit) - used + int(told["file"]))
    except (OSError, ValueError, KeyError):
        return None
