"""The frozen sample that galaxies are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from index.vectors.euclidean import nearest_points

__all__ = ["NEIGHBOURS", "Near", "Placed", "Points", "Reference"]

#: Whitened embeddings, float32, shape (Q, d).
Points = NDArray[np.float32]

#: Neighbours that distances and densities are taken over; Astronomaly's LOF takes as many (Lochner & Bassett 2021).
NEIGHBOURS = 50
# Of a small sample a tenth: more would reach over all of it.
_SHARE = 10
# Nearer than this, in standard deviations, is the same image: float32 leaves 1e-6 between two of the same numbers.
_SAME = 1e-4
# Copies of one image that can be left out; a sample that holds more of them takes it for usual.
_COPIES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Neighbours in the reference sample.

    Attributes
    ----------
    rows
        int64, shape (Q, k), nearest first.
    distance
        Euclidean, in standard deviations, float64, shape (Q, k).
    """

    rows: NDArray[np.int64]
    distance: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Placed:
    """Points beside a reference sample; their neighbours are found once, for whatever detector asks first."""

    points: Points
    reference: Reference

    @cached_property
    def near(self) -> Near:
        """Their nearest neighbours in the sample, entries of the same image left out."""
        return self.reference.near(self.points)


class Reference:
    """A sample of whitened embeddings, and who is near in it.

    Parameters
    ----------
    points
        Shape (n, d), n at least 1.
    """

    def __init__(self, points: Points) -> None:
        self.points: Points = np.ascontiguousarray(points, dtype=np.float32)

    @property
    def n(self) -> int:
        """Galaxies in it."""
        return len(self.points)

    @property
    def k(self) -> int:
        """Neighbours that count: 50, or a tenth of a small sample."""
        return max(1, min(NEIGHBOURS, self.n // _SHARE))

    def place(self, points: Points) -> Placed:
        """Set points, shape (Q, d), beside the sample."""
        return Placed(np.ascontiguousarray(points, dtype=np.float32), self)

    @cached_property
    def itself(self) -> Placed:
        """The sample beside itself: no galaxy is its own neighbour."""
        return self.place(self.points)

    def near(self, points: Points) -> Near:
        """Find the nearest neighbours of points, leaving out entries of the same image.

        One rule for a galaxy of the sample, another of the catalogue and an upload: what lies at no distance is the same image.
        """
        rows, distance = nearest_points(self.points, points, min(self.n, self.k + _COPIES))
        copies = np.minimum((distance < _SAME).sum(axis=1), rows.shape[1] - self.k)
        chosen = copies[:, None] + np.arange(self.k)
        return Near(np.take_along_axis(rows, chosen, axis=1), np.take_along_axis(distance, chosen, axis=1))
