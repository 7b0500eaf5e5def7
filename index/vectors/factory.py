"""Which index a catalogue gets, by its size and the memory there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import floor, log2, sqrt
from typing import Final, Literal

from index.vectors.exact import Storage
from index.vectors.memory import (
    Memory,
    default_memory,
    exact_memory,
    graph_index_memory,
    list_index_memory,
    readable,
)

__all__ = ["EXACT_UP_TO", "BudgetTooSmall", "IndexChoice", "IndexRequest", "UnusableRequest", "choose_index"]

#: Galaxies up to which every search compares all of them.
EXACT_UP_TO: Final = 1_000_000
#: Embeddings longer than this are projected, to so many dimensions.
PROJECTED_ABOVE: Final = 256
PROJECTED_TO: Final = 128

# Sizes of an inverted file as autofaiss takes them (external/optimize.py): 4 sqrt(N) lists, then fixed numbers.
_LISTS: Final = ((4_000_000, None), (10_000_000, 16_384), (300_000_000, 65_536), (float("inf"), 131_072))
# From so many lists a graph over the centroids finds the nearest ones.
_COARSE_GRAPH_FROM: Final = 65_536
#: Vectors that k-means sees for each list; FAISS asks for 39 at least and takes 256 at most.
_PER_LIST: Final = 64
_AT_LEAST_PER_LIST: Final = 39
_WIDTH: Final[dict[Storage, int]] = {"float32": 4, "float16": 2}


class BudgetTooSmall(ValueError):
    """No index fits the memory that was allowed; the message says what would."""


class UnusableRequest(ValueError):
    """An index that cannot be: the message says why."""


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """What was asked for; None leaves the choice.

    Attributes
    ----------
    dimension
        Of the vectors searched; the embedding's own means no projection.
    memory
        Bytes that building, and serving, may take; None: :func:`index.vectors.memory.default_memory`.
    seed
        Of every random choice.
    device
        Where lists are found and neighbours of every object are searched while building; the choice is the same.
    """

    kind: Literal["auto", "exact", "ivf", "hnsw"] = "auto"
    storage: Storage | None = None
    dimension: int | None = None
    memory: int | None = None
    seed: int = 0
    device: Literal["cpu", "gpu"] = "cpu"


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """The index of N vectors.

    Attributes
    ----------
    factory
        The FAISS factory string; ``Flat`` for exact search, which is our own.
    storage
        Of the vectors that similarities are computed from.
    dimension_in, dimension
        Of the embeddings, and of the vectors searched: a projection lies between where they differ.
    n_lists, n_sample
        Lists of an inverted file, and vectors that train an index; 0 where there is none.
    """

    kind: Literal["exact", "ivf", "hnsw"]
    factory: str
    storage: Storage
    n: int
    dimension_in: int
    dimension: int
    n_lists: int
    n_sample: int
    seed: int
    memory: Memory


def choose_index(n: int, dimension_in: int, request: IndexRequest | None = None) -> IndexChoice:
    """Choose the first index, from the most exact to the smallest, that fits the request and the memory.

    Parameters
    ----------
    n
        Vectors.
    dimension_in
        Of the embeddings.

    Raises
    ------
    UnusableRequest
        If there is nothing to index, or the dimension asked for is not between 1 and the embedding's.
    BudgetTooSmall
        If none fits.
    """
    request = request or IndexRequest()
    if n < 1 or dimension_in < 1:
        raise UnusableRequest(
            f"{n} vectors of {dimension_in} dimensions; an index needs at least one of each"
        )
    projected = PROJECTED_TO if dimension_in > PROJECTED_ABOVE else dimension_in
    dimension = projected if request.dimension is None else request.dimension
    if not 1 <= dimension <= dimension_in:
        raise UnusableRequest(
            f"{dimension} dimensions asked for; a projection of {dimension_in} has 1 to {dimension_in}"
        )
    budget = default_memory() if request.memory is None else request.memory
    candidates = list(_candidates(n, dimension_in, dimension, request))
    for choice in candidates:
        if max(choice.memory.building, choice.memory.serving) <= budget:
            return choice
    least = min(candidates, key=lambda choice: choice.memory.building)
    raise BudgetTooSmall(
        f"{n} vectors of {dimension} dimensions need about {readable(least.memory.building)} to build and "
        f"{readable(least.memory.serving)} to serve as {least.factory}; {readable(budget)} are allowed: "
        f"give --memory {max(1, -(-max(least.memory.building, least.memory.serving) // 10**6))}MB"
        + (", or fewer dimensions (--dimension)" if dimension > PROJECTED_TO else "")
    )


def _candidates(n: int, dimension_in: int, dimension: int, request: IndexRequest) -> Iterator[IndexChoice]:
    plain = IndexChoice(
        "exact", "Flat", "float32", n, dimension_in, dimension, 0, 0, request.seed, Memory(0, 0)
    )
    storages: tuple[Storage, ...] = (request.storage,) if request.storage else ("float32", "float16")
    if request.kind == "exact" or (request.kind == "auto" and n <= EXACT_UP_TO):
        for storage in storages:
            yield replace(plain, storage=storage, memory=exact_memory(n, dimension, width=_WIDTH[storage]))
    # Filtered and exact searches read the vectors themselves, and take four times as long in half precision.
    stored = replace(plain, storage=request.storage or "float16")
    if request.kind in {"auto", "ivf"}:
        if request.storage is None:
            yield next(_inverted(plain))
        yield from _inverted(stored)
    if request.kind == "hnsw":
        for codes, bits in (("SQfp16", 16), ("SQ8", 8)):
            memory = graph_index_memory(
                n, dimension, width=_WIDTH[stored.storage], code=_bytes(bits, dimension)
            )
            sample = 0 if codes == "SQfp16" else min(n, 100_000)
            yield replace(
                stored, kind="hnsw", factory=f"IDMap,HNSW32,{codes}", n_sample=sample, memory=memory
            )


def _inverted(stored: IndexChoice) -> Iterator[IndexChoice]:
    n, dimension = stored.n, stored.dimension
    n_lists = _n_lists(n)
    n_sample = min(n, _PER_LIST * n_lists)
    lists = f"IVF{n_lists}_HNSW32" if n_lists >= _COARSE_GRAPH_FROM else f"IVF{n_lists}"
    # Product codes of 4 bits for every two dimensions; of 8 bits they would hold what SQ4 does, at 30 times the
    # training (130 s against 4 s for 5,000 vectors of 64 dimensions).
    codes = [("SQfp16", 16), ("SQ8", 8), ("SQ4", 4)]
    if dimension % 2 == 0:
        codes.append((f"PQ{dimension // 2}x4", 2))
    for name, bits in codes:
        memory = list_index_memory(
            n,
            dimension,
            width=_WIDTH[stored.storage],
            code=_bytes(bits, dimension),
            n_lists=n_lists,
            n_sample=n_sample,
        )
        yield replace(
            stored,
            kind="ivf",
            factory=f"{lists},{name}",
            n_lists=n_lists,
            n_sample=n_sample,
            memory=memory,
        )


def _n_lists(n: int) -> int:
    fixed = next(lists for below, lists in _LISTS if n < below)
    if fixed is not None:
        return fixed
    wanted = 2 ** round(log2(4 * sqrt(n)))
    return int(min(wanted, 2 ** max(0, floor(log2(max(1, n / _AT_LEAST_PER_LIST))))))


def _bytes(bits: int, dimension: int) -> int:
    return -(-bits * dimension // 8)
