"""How much memory an index takes, to build and to serve."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

__all__ = [
    "Memory",
    "bytes_of",
    "default_memory",
    "exact_memory",
    "graph_index_memory",
    "list_index_memory",
    "readable",
]

_SIZES: Final = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}

# Measured while 400,000 vectors of 64 dimensions were built into an inverted file, and served: 1.24 GB and 0.64 GB, with
# the pages of mapped files, which the system takes back when it needs them.
# The interpreter with everything it loads, and the blocks that are read, searched and written at once.
_FIXED: Final = 600 * 2**20
# Of each galaxy beside its vector: its row of the survey's table, its id, several times over, and its neighbours.
_PER_GALAXY_BUILDING: Final = 2000
_PER_GALAXY_SERVING: Final = 500
#: Links of an HNSW graph with M = 32: 64 on the lowest level, 32 on others, which 1 vector in 32 reaches; offsets.
_LINKS: Final = 4 * 64 + 16
_ID: Final = 8
# Lists grow by doubling, so that on average a third of their room is spare, and at worst a half.
_GROWTH: Final = 2.0
_SHARE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Memory:
    """Estimated peaks.

    Attributes
    ----------
    building, serving
        Bytes; what is mapped counts where every search reads it, and not where an answer reads a few rows.
    """

    building: int
    serving: int


def default_memory() -> int:
    """Return four fifths of this machine's memory, bytes."""
    return int(_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def exact_memory(n: int, dimension: int, *, width: int) -> Memory:
    """Estimate exact search over numbers of ``width`` bytes: every search reads all vectors."""
    vectors = n * dimension * width
    return Memory(_FIXED + n * _PER_GALAXY_BUILDING + vectors, _FIXED + n * _PER_GALAXY_SERVING + vectors)


def list_index_memory(
    n: int, dimension: int, *, width: int, code: int, n_lists: int, n_sample: int
) -> Memory:
    """Estimate an inverted file of codes of ``code`` bytes, trained on ``n_sample`` vectors in float32.

    Parameters
    ----------
    width
        Bytes of a number of the vectors, which are written in another order than they are read.
    """
    lists = n * (code + _ID)
    centroids, sample = 4 * dimension * n_lists, 4 * dimension * n_sample
    # k-means holds the sample and a copy; the lists are filled when it is gone.
    largest = max(2 * sample, int(_GROWTH * lists))
    building = _FIXED + n * (_PER_GALAXY_BUILDING + width * dimension) + centroids + largest
    return Memory(building, _FIXED + n * _PER_GALAXY_SERVING + centroids + lists)


def graph_index_memory(n: int, dimension: int, *, width: int, code: int) -> Memory:
    """Estimate an HNSW graph over codes of ``code`` bytes; see :func:`list_index_memory`."""
    index = n * (code + _LINKS + _ID)
    # Arrays grow by doubling; links are laid out at once.
    building = _FIXED + n * (_PER_GALAXY_BUILDING + width * dimension) + index + n * (code + _ID)
    return Memory(building, _FIXED + n * _PER_GALAXY_SERVING + index)


def bytes_of(text: str) -> int:
    """Read a number of bytes: ``8GB``, ``512 MB``, ``1.5tb``; powers of ten.

    Raises
    ------
    ValueError
        If it is none, or nothing.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?b|)\s*", text, re.IGNORECASE)
    number = 0 if found is None else round(float(found[1]) * _SIZES[found[2].lower()])
    if number < 1:
        raise ValueError(f"{text!r} is no amount of memory; write 8GB or 512MB")
    return number


def readable(n_bytes: float) -> str:
    """Write a number of bytes as people do: ``1.3 GB``."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes / 1e3:.1f} kB"
