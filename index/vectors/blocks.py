"""Allowed vectors, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from index.vectors.scoring import Stored
from index.vectors.store import VectorArray

__all__ = ["blocks"]

# Numbers of a block that is searched where it lies: 32 MiB of float32.
_NUMBERS = 2**23
# Gathering 100,000 random vectors of 128 dimensions takes 17 ms in blocks of 8 MiB, 26 ms in blocks of 32 MiB:
# beyond that glibc maps fresh pages for every block.
_GATHERED_BYTES = 8 * 2**20
# Rows in a row from which they are searched where they lie. A search has costs of its own, about 0.05 ms, for which
# 300 vectors are gathered; regions of the sky are a few long runs, since releases are in the order of HEALPix cells.
_RUN = 1024


def blocks(
    vectors: Stored, allowed: NDArray[np.bool_] | None
) -> Iterator[tuple[NDArray[np.int64], VectorArray]]:
    """Give the allowed rows with their vectors as float32, each row once, so that memory stays bounded.

    Parameters
    ----------
    vectors
        Float32 or float16, shape (n, D).
    allowed
        Shape (n,); None allows all.
    """
    if allowed is None:
        yield from _slices(vectors, 0, len(vectors))
        return
    rows = np.flatnonzero(allowed)
    if not len(rows):
        return
    ends = np.append(np.flatnonzero(np.diff(rows) != 1) + 1, len(rows))
    starts = np.append(0, ends[:-1])
    long = ends - starts >= _RUN
    for start, end in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
        yield from _slices(vectors, int(rows[start]), int(rows[end - 1]) + 1)
    if long.any():
        rows = rows[np.repeat(~long, ends - starts)]
    size = max(1, _GATHERED_BYTES // (4 * vectors.shape[1]))
    for first in range(0, len(rows), size):
        chosen = rows[first : first + size]
        yield chosen, vectors[chosen].astype(np.float32, copy=False)


def _slices(vectors: Stored, start: int, end: int) -> Iterator[tuple[NDArray[np.int64], VectorArray]]:
    size = max(1, _NUMBERS // vectors.shape[1])
    for first in range(start, end, size):
        last = min(first + size, end)
        yield np.arange(first, last), vectors[first:last].astype(np.float32, copy=False)
