"""The vectors of a release on their way to disk, and the index over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.embeddings import EmbeddingStore
from index.release_index import INDEX, IndexInfo, open_store
from index.vectors.approximate import ApproximateStore
from index.vectors.assembly import Assembly
from index.vectors.exact import ExactStore
from index.vectors.factory import IndexChoice
from index.vectors.projection import Projection, fit_projection
from index.vectors.recall import RECALL_KS, Recall, choose_effort, nearest_in_blocks, recall_of
from index.vectors.store import VectorArray
from index.vectors.training import Trainer

__all__ = ["BuiltIndex", "VectorBuild"]

# Queries held out, and at most one galaxy in so many: what is left must be as dense as the whole.
_HELD_OUT = 1000
_HELD_OUT_SHARE = 20
_PROJECTION_SAMPLE = 100_000

Rows = NDArray[np.int64]
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class BuiltIndex:
    """What searches the vectors of a release.

    Attributes
    ----------
    approximate
        None for exact search.
    recall
        Empty where there was nothing to measure.
    """

    info: IndexInfo
    approximate: ApproximateStore | None
    recall: list[Recall]

    @property
    def recall_at_10(self) -> float:
        """Share of the true ten nearest that a search without filters finds."""
        found = [one.recall for one in self.recall if (one.space, one.k) == ("search", 10)]
        return found[-1] if found else 1.0

    def to_json(self, projection: Projection | None) -> dict[str, Any]:
        """Return what the manifest says of the index, its recall and the projection before it."""
        said = None
        if projection is not None:
            said = {
                "dimension_in": projection.dimension_in,
                "dimension_out": projection.dimension_out,
                "variance": projection.variance,
            }
        return {
            "index": self.info.to_json(),
            "recall": [one.to_json() for one in self.recall],
            "projection": said,
        }


class VectorBuild:
    """Brings embeddings into the order and the space of a release, block by block, and indexes them.

    Some galaxies, chosen by the seed, are left out of whatever is learned and, at first, of the index: they are the
    queries by which its recall is measured. They are added when that is done.

    Parameters
    ----------
    folder
        Of the staged release.
    order
        Which embedding each row of the release is, shape (N,).
    train
        Finds the centroids of an inverted file.
    projection
        Taken in place of one that is learned, if it leads to the space of ``choice``.

    Attributes
    ----------
    projection
        Set by :meth:`write`; None where the model's own space is searched.
    """

    def __init__(
        self,
        folder: Path,
        embeddings: EmbeddingStore,
        order: Rows,
        choice: IndexChoice,
        *,
        train: Trainer,
        projection: Projection | None = None,
    ) -> None:
        shape = None if projection is None else (projection.dimension_in, projection.dimension_out)
        self.projection = projection if shape == (choice.dimension_in, choice.dimension) else None
        self._folder, self._embeddings, self._choice, self._train = folder, embeddings, choice, train
        self._row_of = np.empty(len(order), np.int64)
        self._row_of[order] = np.arange(len(order))
        self._rng = np.random.default_rng(choice.seed)
        self._held_out = (
            self._drawn(_HELD_OUT, of=np.arange(choice.n), share=_HELD_OUT_SHARE)
            if self._is_measured
            else _NONE
        )
        self._is_held_out = np.zeros(choice.n, np.bool_)
        self._is_held_out[self._held_out] = True

    @property
    def _is_projected(self) -> bool:
        return self._choice.dimension < self._choice.dimension_in

    @property
    def _is_measured(self) -> bool:
        """Whether a search can differ from an exact one among the embeddings."""
        choice = self._choice
        return choice.kind != "exact" or choice.storage != "float32" or self._is_projected

    def _drawn(self, n: int, *, of: Rows, share: int = 1) -> Rows:
        """Draw n rows, or one in ``share`` of them if that is less, rising."""
        n = min(n, max(1, len(of) // share))
        return np.sort(self._rng.choice(of, n, replace=False, shuffle=False))

    def write(self) -> ExactStore:
        """Write the vectors, each to its row; learns the projection first where there is one."""
        choice = self._choice
        if self._is_projected:
            if self.projection is None:
                self.projection = fit_projection(self._projection_sample(), choice.dimension)
            self.projection.save(self._folder)
        info = self._info(effort=None)
        mapped = np.memmap(
            self._folder / info.vectors_file,
            dtype=np.dtype(choice.storage).newbyteorder("<"),
            mode="w+",
            shape=(choice.n, choice.dimension),
        )
        for rows, vectors in self._blocks():
            mapped[rows] = vectors if self.projection is None else self.projection(vectors)
        mapped.flush()
        del mapped
        return open_store(self._folder, info, choice.dimension)

    def index(self, store: ExactStore, progress: Callable[[int], None]) -> BuiltIndex:
        """Build the index and measure it.

        Parameters
        ----------
        progress
            Told how many vectors are in the index.
        """
        if self._choice.kind == "exact":
            recall = self._in_embedding_space(store, None) if self._is_measured else []
            return BuiltIndex(self._info(effort=None), None, recall)
        path, kind = self._folder / INDEX, self._choice.kind
        others = np.flatnonzero(~self._is_held_out)
        assembly = Assembly(store, self._choice, train=self._train)
        assembly.train(self._drawn(self._choice.n_sample, of=others) if self._choice.n_sample else _NONE)
        assembly.add(others, progress=progress)
        assembly.write(path)
        partial = ApproximateStore(path, store, store.n, kind, 1, left_out=len(self._held_out), threads=0)
        recall = self._in_search_space(store, partial)
        effort = recall[-1].effort or 1
        recall += self._in_embedding_space(store, partial, effort)
        assembly.add(self._held_out)
        assembly.write(path)
        whole = ApproximateStore(path, store, store.n, kind, effort)
        return BuiltIndex(self._info(effort=effort), whole, recall)

    def _in_search_space(self, store: ExactStore, partial: ApproximateStore) -> list[Recall]:
        queries = store.vectors(self._held_out)
        expected = store.search(queries, max(RECALL_KS), allowed=~self._is_held_out)
        return choose_effort(partial, queries, expected.rows)

    def _in_embedding_space(
        self, store: ExactStore, approximate: ApproximateStore | None, effort: int | None = None
    ) -> list[Recall]:
        """Compare with exact search among the model's embeddings, which are read once more."""
        queries = np.empty((len(self._held_out), self._choice.dimension_in), np.float32)
        for rows, vectors in self._blocks():
            mine = self._is_held_out[rows]
            queries[np.searchsorted(self._held_out, rows[mine])] = vectors[mine]
        expected = nearest_in_blocks(queries, self._searchable_blocks(), max(RECALL_KS))
        projected = store.vectors(self._held_out)
        measured = []
        for k in RECALL_KS:
            found = (
                store.search(projected, k, allowed=~self._is_held_out)
                if approximate is None
                else approximate.search(projected, k, effort=effort)
            )
            measured.append(recall_of(found, expected, k, space="embedding", effort=effort))
        return measured

    def _blocks(self) -> Iterator[tuple[Rows, VectorArray]]:
        """Give the embeddings with their rows in the release."""
        start = 0
        for _, vectors in self._embeddings.blocks():
            yield self._row_of[start : start + len(vectors)], vectors
            start += len(vectors)

    def _searchable_blocks(self) -> Iterator[tuple[Rows, VectorArray]]:
        for rows, vectors in self._blocks():
            kept = ~self._is_held_out[rows]
            yield rows[kept], vectors[kept]

    def _projection_sample(self) -> Iterator[VectorArray]:
        chosen = np.zeros(self._choice.n, np.bool_)
        chosen[self._drawn(_PROJECTION_SAMPLE, of=np.flatnonzero(~self._is_held_out))] = True
        for rows, vectors in self._blocks():
            yield vectors[chosen[rows]]

    def _info(self, *, effort: int | None) -> IndexInfo:
        choice = self._choice
        return IndexInfo(
            kind=choice.kind,
            factory=choice.factory,
            storage=choice.storage,
            effort=effort,
            seed=choice.seed,
            n_indexed=choice.n,
            memory_bytes=choice.memory.serving,
        )
