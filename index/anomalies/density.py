"""Oddity as emptiness: the distance to the nearest galaxies of the sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from index.anomalies.reference import Placed, Reference

__all__ = ["Density"]

# Below this many standard deviations two images are the same, and have no distance to take a logarithm of.
_FLOOR = 1e-4


class Density:
    """Minus the logarithm of the density around a point, up to a factor and a constant.

    The score is the logarithm of the mean distance to the k nearest of the sample: where they fill d dimensions evenly, the density is
    in proportion to distance to the power of -d (Loftsgaarden & Quesenberry 1965, Ann. Math. Stat. 36, 1049). The
    mean over k scatters less than the distance of the k-th alone.
    """

    name: ClassVar[str] = "density"

    @classmethod
    def fitted(cls, reference: Reference, seed: int) -> Density:
        """Learn nothing: the sample says all, without chance."""
        del reference, seed
        return cls()

    @classmethod
    def from_arrays(cls, reference: Reference, arrays: Mapping[str, NDArray[Any]]) -> Density:
        """Take back nothing."""
        del reference, arrays
        return cls()

    def score(self, placed: Placed) -> NDArray[np.float64]:
        """Return the logarithm of the mean distance, in standard deviations, shape (Q,)."""
        return np.asarray(np.log(np.maximum(placed.near.distance.mean(axis=1), _FLOOR)))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return nothing."""
        return {}
