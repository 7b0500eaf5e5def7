"""Oddity as being parted from all others by few random cuts: the isolation forest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from index.anomalies.reference import Placed, Points, Reference

__all__ = ["IsolationForest", "average_path"]

# Astronomaly's settings: 200 trees, each on a bootstrap sample (astronomaly/anomaly_detection/isolation_forest.py).
_TREES = 200
# "256 provides enough details … across a wide range of data" (Liu, Ting & Zhou 2008, ICDM, §4.2).
_SAMPLE = 256


class IsolationForest:
    """How few random cuts part a point from a handful of others (Liu, Ting & Zhou 2008, ICDM, eqs. 1 and 2).

    All trees are full binary trees of one height, as plain arrays: no index of a file that was tampered with leads outside. Where
    a branch ends early its cuts lie at infinity, and its points go left for the rest of the way.

    Parameters
    ----------
    feature
        Axis of each cut, int16, shape (trees, 2^height - 1); the children of node i are 2i + 1 and 2i + 2.
    cut
        What is at most this goes left, float32, same shape.
    path
        Expected length of the path that ends in each leaf, float32, shape (trees, 2^height).
    sample
        Points in each tree.
    """

    name: ClassVar[str] = "forest"

    def __init__(
        self, feature: NDArray[np.int16], cut: NDArray[np.float32], path: NDArray[np.float32], sample: int
    ) -> None:
        self._feature, self._cut, self._path, self._sample = feature, cut, path, sample

    @classmethod
    def fitted(cls, reference: Reference, seed: int) -> IsolationForest:
        """Grow the trees, level by level and all at once."""
        rng = np.random.default_rng(seed)
        size = min(_SAMPLE, reference.n)
        height = max(1, int(np.ceil(np.log2(size))))
        points = reference.points[rng.integers(reference.n, size=_TREES * size)]
        tree = np.repeat(np.arange(_TREES), size)
        place = np.zeros(_TREES * size, np.int64)
        feature = np.zeros((_TREES, 2**height - 1), np.int16)
        cut = np.full(feature.shape, np.inf, np.float32)
        for level in range(height):
            first = 2**level - 1
            node = tree * 2**level + place
            axis, value = _cuts(points, node, rng)
            nodes, inverse = np.unique(node, return_inverse=True)
            feature[nodes >> level, first + (nodes & (2**level - 1))] = axis
            cut[nodes >> level, first + (nodes & (2**level - 1))] = value
            left = points[np.arange(len(points)), axis[inverse]] <= value[inverse]
            place = 2 * place + ~left
        return cls(feature, cut, _paths(cut, tree, place), size)

    @classmethod
    def from_arrays(cls, reference: Reference, arrays: Mapping[str, NDArray[Any]]) -> IsolationForest:
        """Take back what :meth:`to_arrays` gave; see :class:`index.anomalies.detector.Detector`."""
        feature = np.asarray(arrays["feature"], dtype=np.int16)
        cut, path = (np.asarray(arrays[name], dtype=np.float32) for name in ("cut", "path"))
        leaves = path.shape[-1]
        fits = path.ndim == 2 and leaves > 1 and leaves & (leaves - 1) == 0
        if not fits or cut.shape != (len(path), leaves - 1) or feature.shape != cut.shape:
            raise ValueError(f"trees of shape {cut.shape} with {path.shape} leaves")
        if feature.min() < 0 or feature.max() >= reference.points.shape[1]:
            raise ValueError(f"a cut across axis {feature.max()} of {reference.points.shape[1]}")
        return cls(feature, cut, path, int(arrays["sample"]))

    def score(self, placed: Placed) -> NDArray[np.float64]:
        """Return 2^(-mean path / average path), between 0 and 1, shape (Q,)."""
        points = placed.points
        trees, nodes = self._cut.shape
        feature, cut = self._feature.ravel().astype(np.int64), self._cut.ravel()
        place = np.zeros((len(points), trees), np.int64)
        root, rows = np.arange(trees) * nodes, np.arange(len(points))[:, None] * points.shape[1]
        for level in range(int(np.log2(nodes + 1))):
            node = root + (2**level - 1) + place
            place = 2 * place + (points.ravel()[rows + feature[node]] > cut[node])
        length = self._path.ravel()[np.arange(trees) * (nodes + 1) + place]
        return np.asarray(
            2.0 ** -(length.mean(axis=1, dtype=np.float64) / average_path(max(self._sample, 2)))
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the trees."""
        return {
            "feature": self._feature,
            "cut": self._cut,
            "path": self._path,
            "sample": np.array(self._sample),
        }


def average_path(n: NDArray[np.integer[Any]] | int) -> NDArray[np.float64]:
    """Return the mean length of an unsuccessful search in a binary tree of n points: eq. 1, with c(2) = 1 and c(1) = 0."""
    n = np.asarray(n, dtype=np.float64)
    many = np.maximum(n, 3)
    harmonic = np.log(many - 1) + np.euler_gamma
    return np.where(n > 2, 2 * harmonic - 2 * (many - 1) / many, np.where(n == 2, 1.0, 0.0))


def _cuts(
    points: Points, node: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Draw an axis and a place on it for every node that has points, in the order of nodes; infinity ends a branch."""
    order = np.argsort(node, kind="stable")
    starts = np.flatnonzero(np.diff(node[order], prepend=-1))
    counts = np.diff(starts, append=len(node))
    owner, inside = np.repeat(np.arange(len(starts)), counts), points[order]
    axis = rng.integers(points.shape[1], size=len(starts))
    along = inside[np.arange(len(inside)), axis[owner]]
    low, high = np.minimum.reduceat(along, starts), np.maximum.reduceat(along, starts)
    # Along that axis these are all the same: drawn again, among the axes on which they differ.
    flat = np.flatnonzero((low == high) & (counts > 1))
    if len(flat):
        few = inside[np.isin(owner, flat)]
        first = np.cumsum(counts[flat]) - counts[flat]
        lows, highs = np.minimum.reduceat(few, first), np.maximum.reduceat(few, first)
        axis[flat] = np.where(highs > lows, 1 + rng.random(lows.shape), 0).argmax(axis=1)
        low[flat], high[flat] = (
            lows[np.arange(len(flat)), axis[flat]],
            highs[np.arange(len(flat)), axis[flat]],
        )
    value = (low + rng.random(len(starts), dtype=np.float32) * (high - low)).astype(np.float32)
    # Rounded up to the last point, a cut would part nothing.
    value = np.where(value < high, value, low)
    return axis.astype(np.int16), np.where(high > low, value, np.float32(np.inf)).astype(np.float32)


def _paths(
    cut: NDArray[np.float32], tree: NDArray[np.int64], place: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Length of the path to each leaf: cuts that part something, and what further cuts would take; shape (trees, leaves)."""
    trees, leaves = len(cut), cut.shape[1] + 1
    counts = np.bincount(tree * leaves + place, minlength=trees * leaves).reshape(trees, leaves)
    depth = np.zeros((trees, 1))
    for level in range(int(np.log2(leaves))):
        cuts = np.isfinite(cut[:, 2**level - 1 : 2 ** (level + 1) - 1])
        depth = np.repeat(depth + cuts, 2, axis=1)
    return np.asarray(depth + average_path(counts), dtype=np.float32)
