"""The chance that a point estimate is right, read off from how often such estimates were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from index.pdf import FloatArray, RedshiftGrid, mass_between

__all__ = ["NEAR", "Confidence", "near_mass"]

#: An estimate is right if |z_best - z| / (1 + z) is smaller.
NEAR = 0.03


def near_mass(probability: FloatArray, grid: RedshiftGrid, z_best: FloatArray) -> FloatArray:
    """Return the probability within 0.03 (1 + z_best) of z_best, shape (Q,): what p(z) itself promises."""
    reach = NEAR * (1 + z_best)
    return mass_between(probability, grid, z_best - reach, z_best + reach)


@dataclass(frozen=True, slots=True, eq=False)
class Confidence:
    """A rising curve from what p(z) promises to how often it was kept.

    Attributes
    ----------
    knots, values
        Ends of the steps of the isotonic regression, ascending, and the share that was right there, strictly between 0
        and 1: n galaxies say nothing beyond 1 / (n + 2) from certainty (Laplace's rule of succession).

    References
    ----------
    Zadrozny & Elkan 2002, Proc. KDD 8, 694.
    """

    knots: FloatArray
    values: FloatArray

    @classmethod
    def fitted(cls, mass: FloatArray, z_best: FloatArray, z_spec: FloatArray) -> Confidence:
        """Learn from calibration galaxies: :func:`near_mass`, estimates and truths, shape (n,), n at least 1."""
        right = (np.abs(z_best - z_spec) < NEAR * (1 + z_spec)).astype(np.float64)
        # Galaxies of one promise are one point: of many that promise certainty, none is surer than the others.
        promises, which, counts = np.unique(mass, return_inverse=True, return_counts=True)
        fit = isotonic_regression(np.bincount(which, right) / counts, weights=counts)
        # Each step gives two knots; between steps the curve is a straight line.
        starts = fit.blocks[:-1]
        ends = np.append(starts[1:], len(promises)) - 1
        knots = np.stack([promises[starts], promises[ends]], axis=1).ravel()
        floor = 1 / (len(mass) + 2)
        values = np.clip(np.repeat(fit.x[starts], 2), floor, 1 - floor)
        return cls(knots, values)

    def of(self, mass: FloatArray) -> FloatArray:
        """Return the calibrated chance, shape (Q,), rising with the mass."""
        return np.asarray(np.interp(mass, self.knots, self.values), dtype=np.float64)
