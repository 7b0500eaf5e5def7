"""Whether redshift distributions are as wide as their errors: PIT, coverage, CRPS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from index.pdf import FloatArray, RedshiftGrid

__all__ = ["Calibration", "coverage", "crps", "measure", "pit", "pit_distance"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well distributions predicted known redshifts.

    Attributes
    ----------
    coverage_68, coverage_95
        Share of the true redshifts inside the central 68 % and 95 % intervals.
    crps
        Mean continuous ranked probability score, in redshift; lower is better.
    pit_distance
        See :func:`pit_distance`.
    """

    coverage_68: float
    coverage_95: float
    crps: float
    pit_distance: float


def measure(probability: FloatArray, grid: RedshiftGrid, z_spec: FloatArray) -> Calibration:
    """Compare bin probabilities, shape (Q, B), with the true redshifts, shape (Q,)."""
    values = pit(probability, grid, z_spec)
    return Calibration(
        coverage_68=coverage(values, 0.68),
        coverage_95=coverage(values, 0.95),
        crps=crps(probability, grid, z_spec),
        pit_distance=pit_distance(values),
    )


def pit(probability: FloatArray, grid: RedshiftGrid, z_spec: FloatArray) -> FloatArray:
    """Return the probability integral transform: each distribution's probability below its true redshift.

    Uniform between 0 and 1 when the distributions are honest.
    """
    position = np.clip(np.asarray(z_spec, dtype=np.float64) / grid.width, 0, grid.n_bins)
    at = np.minimum(position.astype(np.int64), grid.n_bins - 1)[:, None]
    inside = np.take_along_axis(probability, at, axis=1)[:, 0]
    below = np.take_along_axis(probability.cumsum(axis=1), at, axis=1)[:, 0] - inside
    return np.asarray(below + inside * (position - at[:, 0]), dtype=np.float64)


def coverage(pit_values: FloatArray, level: float) -> float:
    """Return the share of true redshifts inside the central interval that holds ``level`` of the probability."""
    return float(np.mean(np.abs(pit_values - 0.5) <= level / 2))


def pit_distance(pit_values: FloatArray) -> float:
    """Return the largest distance (Kolmogorov-Smirnov) of PIT values from the uniform distribution: 0 to 1."""
    ordered = np.sort(pit_values)
    ranks = np.arange(len(ordered) + 1) / len(ordered)
    return float(max((ranks[1:] - ordered).max(), (ordered - ranks[:-1]).max()))


def crps(probability: FloatArray, grid: RedshiftGrid, z_spec: FloatArray) -> float:
    """Return the mean over galaxies of the integral of (F(z) - [z >= z_spec])^2, F being constant in a bin.

    References
    ----------
    Gneiting & Raftery 2007, J. Am. Stat. Assoc. 102, 359.
    """
    middle = probability.cumsum(axis=1) - probability / 2
    step = np.clip(grid.edges[None, 1:] - np.asarray(z_spec)[:, None], 0, grid.width) / grid.width
    # In the bin of z_spec the step is 1 on a share of the bin: the last term is its variance there.
    return float(np.mean(((middle - step) ** 2 + step * (1 - step)).sum(axis=1)) * grid.width)
