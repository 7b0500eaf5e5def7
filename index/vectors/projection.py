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
    """Principal components of unit vectors, mean removed, made unit vectors again.

    Attributes
    ----------
    mean
        Float32, shape (dimension_in,).
    matrix
        One component a column, by falling variance, float32, shape (dimension_in, dimension_out).
    variance
        Share of the variance that the components hold.
    """

    def __init__(self, mean: VectorArray, matrix: VectorArray, variance: float) -> None:
        if mean.ndim != 1 or matrix.ndim != 2 or len(matrix) != len(mean):
            raise ValueError(f"a projection of shape {matrix.shape} with a mean of shape {mean.shape}")
        if not (np.isfinite(mean).all() and np.isfinite(matrix).all()):
            raise ValueError("a projection that is not finite")
        self.mean, self.matrix, self.variance = mean, matrix, variance

    @property
    def dimension_in(self) -> int:
        """Length of a model's embeddings."""
        return len(self.mean)

    @property
    def dimension_out(self) -> int:
        """Length of a release's vectors."""
        return int(self.matrix.shape[1])

    def __call__(self, vectors: VectorArray) -> VectorArray:
        """Map embeddings of shape (Q, dimension_in) to unit vectors of shape (Q, dimension_out), float32."""
        # In double precision a vector comes out the same alone and in any batch, but for the rarest rounding.
        out = (vectors.astype(np.float64) - self.mean) @ self.matrix.astype(np.float64)
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        # What lies at the mean has no direction: it gets the first.
        out[norms[:, 0] == 0, 0] = 1
        return np.asarray(out / np.where(norms == 0, 1, norms), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write it into a release folder."""
        np.savez(folder / PROJECTION, mean=self.mean, matrix=self.matrix, variance=np.float64(self.variance))

    @classmethod
    def open(cls, folder: Path) -> Projection:
        """Read it from a release folder.

        Raises
        ------
        OSError, ValueError, KeyError
            If the file is missing or is none.
        """
        with np.load(folder / PROJECTION, allow_pickle=False) as arrays:
            return cls(arrays["mean"], arrays["matrix"], float(arrays["variance"]))


def fit_projection(sample: Iterable[VectorArray], dimension: int) -> Projection:
    """Find the principal components of a sample that comes in blocks.

    Parameters
    ----------
    sample
        Unit vectors, blocks of shape (B, D), together at least two.
    dimension
        Components kept, at most D.

    References
    ----------
    Pearson 1901, Phil. Mag. 2, 559: the planes of closest fit are spanned by the leading eigenvectors of the covariance.
    """
    n, total, products = 0, np.zeros(0), np.zeros((0, 0))
    for block in sample:
        wide = block.astype(np.float64)
        if n == 0:
            total, products = np.zeros(wide.shape[1]), np.zeros((wide.shape[1],) * 2)
        n += len(wide)
        total += wide.sum(axis=0)
        products += wide.T @ wide
    if n < 2 or not 0 < dimension <= len(total):
        raise ValueError(f"{dimension} components of {n} vectors of {len(total)} dimensions")
    mean = total / n
    values, vectors = np.linalg.eigh(products / n - np.outer(mean, mean))
    kept: NDArray[np.float64] = vectors[:, ::-1][:, :dimension]
    # An eigenvector's sign is free: its largest component is made positive, so that builds agree.
    kept *= np.where(kept[np.abs(kept).argmax(axis=0), np.arange(dimension)] < 0, -1.0, 1.0)
    values = np.maximum(values[::-1], 0)
    variance = float(values[:dimension].sum() / values.sum()) if values.sum() > 0 else 1.0
    return Projection(mean.astype(np.float32), kept.astype(np.float32), variance)
