"""Which stored images an upload is one of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from index.vectors.store import VectorStore

__all__ = ["same_images"]

# Nearer than the first is the same pixels. Compression with losses moves an image farther, up to the second; then it must
# stand out from the next galaxy, which has another distance altogether.
_SAME_PIXELS, _SAME_IMAGE = 1 - 1e-6, 1 - 1e-3
_TIMES_NEARER = 10.0
_SEARCHED = 16


def same_images(store: VectorStore, vector: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the rows whose image an embedding is of, nearest first; most often none.

    Parameters
    ----------
    vector
        Unit norm, shape (D,).
    """
    found = store.search(vector[None], min(_SEARCHED, store.n))
    rows, similarity = found.rows[0, : found.lengths[0]], found.similarity[0, : found.lengths[0]]
    same = similarity > _SAME_PIXELS
    if not same.any() and len(rows) > 1 and similarity[0] > _SAME_IMAGE:
        same[0] = _TIMES_NEARER * (1 - similarity[0]) < 1 - similarity[1]
    return np.asarray(rows[same], dtype=np.int64)
