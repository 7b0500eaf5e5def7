"""Which stored images an upload is one of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from index.vectors.store import VectorStore

__all__ = ["as_catalogued", "same_images", "same_images_of_each"]

# Nearer than the first is the same pixels. Compression with losses moves an image farther, up to the second; then it must
# stand out from the next galaxy, which has another distance altogether.
_SAME_PIXELS, _SAME_IMAGE = 1 - 1e-6, 1 - 1e-3
_TIMES_NEARER = 10.0
_SEARCHED = 16


def same_images(
    store: VectorStore, vector: NDArray[np.float32], alive: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Return the rows whose image an embedding is of, nearest first; most often none.

    Parameters
    ----------
    vector
        Unit norm, shape (D,).
    alive
        Rows that are galaxies, shape (n,); None for all.
    """
    return same_images_of_each(store, vector[None], alive)[0]


def same_images_of_each(
    store: VectorStore, vectors: NDArray[np.float32], alive: NDArray[np.bool_] | None = None
) -> list[NDArray[np.int64]]:
    """Return :func:`same_images` of each of many embeddings, shape (Q, D), by one search."""
    # Exactly: the image of a galaxy that an approximate index missed would be called another's.
    found = store.search(vectors, min(_SEARCHED, store.n), allowed=alive)
    return [
        _alike(rows[:length], similarity[:length])
        for rows, similarity, length in zip(found.rows, found.similarity, found.lengths, strict=True)
    ]


def as_catalogued(
    store: VectorStore, vector: NDArray[np.float32], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the stored vector of the very same pixels, if there is one: a network's last digits depend on the batch.

    Parameters
    ----------
    rows
        That :func:`same_images` gave.
    """
    if not len(rows):
        return vector
    stored = store.vector(int(rows[0]))
    return stored if float(stored.astype(np.float64) @ vector) > _SAME_PIXELS else vector


def _alike(rows: NDArray[np.int64], similarity: NDArray[np.float32]) -> NDArray[np.int64]:
    same = similarity > _SAME_PIXELS
    if not same.any() and len(rows) > 1 and similarity[0] > _SAME_IMAGE:
        same[0] = _TIMES_NEARER * (1 - similarity[0]) < 1 - similarity[1]
    return np.asarray(rows[same], dtype=np.int64)
