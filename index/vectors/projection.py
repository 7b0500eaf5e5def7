"""The map from a model's embeddings to the fewer dimensions that a release searches."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.vectors.store import VectorArray

__all__ = ["PROJECTION", "Projection", "fit_projection"]

#: Its file in a release.
PROJECTION = "projection.npz"


class Projection:
    """The directions in which embeddings extend farthest; what is projected is made a unit vector again.

    Attributes
    ----------
    matrix
        One direction a column, orthonormal, the farthest first, float32, shape (dimension_in, dimension_out).
    variance
        Share of the embeddings' squared lengths that these directions hold.
    """

    def __init__(self, matrix: VectorArray, variance: float) -> None:
        if matrix.ndim != 2 or not np.isfinite(matrix).all():
            raise ValueError(f"a projection of shape {matrix.shape}; it must be a finite matrix")
        self.matrix, self.variance = matrix, variance

    @property
    def dimension_in(self) -> int:
        """Length of a model's embeddings."""
        return len(self.matrix)

    @property
    def dimension_out(self) -> int:
        """Length of a release's vectors."""
        return int(self.matrix.shape[1])

    def __call__(self, vectors: VectorArray) -> VectorArray:
        """Map embeddings of shape (Q, dimension_in) to unit vectors of shape (Q, dimension_out), float32."""
        # In double precision a vector comes out the same alone and in any batch, but for the rarest rounding.
        out = vectors.astype(np.float64) @ self.matrix.astype(np.float64)
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        # What extends in none of the directions gets the first.
        out[norms[:, 0] == 0, 0] = 1
        return np.asarray(out / np.where(norms == 0, 1, norms), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write it into a release folder."""
        np.savez(folder / PROJECTION, matrix=self.matrix, variance=np.float64(self.variance))

    @classmethod
    def open(cls, folder: Path) -> Projection:
        """Read it from a release folder.

        Raises
        ------
        OSError, ValueError, KeyError
            If the file is missing or is none.
        """
        with np.load(folder / PROJECTION, allow_pickle=False) as arrays:
            return cls(arrays["matrix"], float(arrays["variance"]))


def fit_projection(sample: Iterable[VectorArray], dimension: int) -> Projection:
    """Find the projection that keeps the similarities of a sample best; the sample comes in blocks.

    No mean is subtracted. A model's similarity is the inner product of its embeddings, whose mean the model itself has
    removed where it should be: of the ten nearest by a model whose embeddings have a mean of length 0.72, 0.99 are found
    in 128 of 208 dimensions, and 0.86 about the mean.

    Parameters
    ----------
    sample
        Unit vectors, blocks of shape (B, D), together at least one.
    dimension
        Directions kept, at most D.

    References
    ----------
    Eckart & Young 1936, Psychometrika 1, 211: among all projections to so many dimensions, the one on the leading
    eigenvectors of the second moments changes the matrix of inner products least.
    """
    n, moments = 0, np.zeros((0, 0))
    for block in sample:
        wide = block.astype(np.float64)
        moments = wide.T @ wide if n == 0 else moments + wide.T @ wide
        n += len(wide)
    if n < 1 or not 0 < dimension <= len(moments):
        raise ValueError(f"{dimension} directions of {n} vectors of {len(moments)} dimensions")
    values, vectors = np.linalg.eigh(moments)
    kept: NDArray[np.float64] = vectors[:, ::-1][:, :dimension]
    # An eigenvector's sign is free: its largest component is made positive, so that builds agree.
    kept = kept * np.where(kept[np.abs(kept).argmax(axis=0), np.arange(dimension)] < 0, -1.0, 1.0)
    values = np.maximum(values[::-1], 0)
    return Projection(kept.astype(np.float32), float(values[:dimension].sum() / values.sum()))
