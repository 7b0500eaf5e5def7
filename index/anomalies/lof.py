"""Oddity as a sparser place than that of one's neighbours: the local outlier factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from index.anomalies.reference import Near, Placed, Reference

__all__ = ["LocalOutlierFactor"]

# As in scikit-learn: keeps the density of copies of one image finite.
_FLOOR = 1e-10


class LocalOutlierFactor:
    """The local outlier factor of new points on the neighbour graph of the sample, which is frozen.

    With d(p, o) the distance of p to a neighbour o and d_k(o) that of o to its own k-th neighbour, the reachability distance is
    max(d_k(o), d(p, o)), the local reachability density of p the inverse of its mean over the k nearest, and the factor
    the mean density of those over that of p (Breunig, Kriegel, Ng & Sander 2000, SIGMOD, definitions 5 to 7). Around 1 is
    usual.

    Parameters
    ----------
    kth
        Distance of each of the sample to its k-th neighbour, shape (n,).
    density
        Its local reachability density, shape (n,).
    """

    name: ClassVar[str] = "lof"

    def __init__(self, kth: NDArray[np.float64], density: NDArray[np.float64]) -> None:
        self._kth, self._density = kth, density

    @classmethod
    def fitted(cls, reference: Reference, seed: int) -> LocalOutlierFactor:
        """Take densities from the graph of the sample; nothing is left to chance."""
        del seed
        near = reference.itself.near
        kth = near.distance[:, -1]
        return cls(kth, _reachability(near, kth))

    @classmethod
    def from_arrays(cls, reference: Reference, arrays: Mapping[str, NDArray[Any]]) -> LocalOutlierFactor:
        """Take back what :meth:`to_arrays` gave; see :class:`index.anomalies.detector.Detector`."""
        kth, density = (np.asarray(arrays[name], dtype=np.float64) for name in ("kth", "density"))
        if kth.shape != (reference.n,) or density.shape != (reference.n,):
            raise ValueError(f"densities of shape {density.shape} for a sample of {reference.n}")
        return cls(kth, density)

    def score(self, placed: Placed) -> NDArray[np.float64]:
        """Return the local outlier factor of each point, shape (Q,)."""
        near = placed.near
        return np.asarray(self._density[near.rows].mean(axis=1) / _reachability(near, self._kth))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return distances and densities of the sample."""
        return {"kth": self._kth, "density": self._density}


def _reachability(near: Near, kth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Local reachability density, shape (Q,)."""
    reach = np.maximum(kth[near.rows], near.distance)
    return np.asarray(1 / (reach.mean(axis=1) + _FLOOR))
