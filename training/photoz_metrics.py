"""Figures of merit of redshifts, each under a name that says which convention it follows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DEFINITIONS",
    "POINT_METRICS",
    "Measured",
    "bootstrap",
    "cluster_draws",
    "normalised_dz",
    "outlier_fraction",
    "point_metrics",
    "rail_outlier_fraction",
    "sigma_iqr",
    "sigma_mad",
]

FloatArray = NDArray[np.float64]

#: What each name means, as pages print it; dz = (z_phot - z_spec) / (1 + z_spec).
DEFINITIONS = {
    "bias_mean": "mean of dz (Pasquet et al. 2019, A&A 621, A26; Hayat et al. 2021, ApJL 911, L33)",
    "bias_median": "median of dz (RAIL's PointBias)",
    "sigma_mad": "1.4826 times the median absolute deviation of dz from its median",
    "sigma_iqr": "interquartile range of dz divided by 1.349 (RAIL's PointSigmaIQR)",
    "outliers_005": "share of |dz| > 0.05",
    "outliers_015": "share of |dz| > 0.15",
    "outliers_rail": "share of |dz| > max(0.06, 3 sigma_iqr) (RAIL's PointOutlierRate)",
    "cde_loss": "mean of the integral of p(z)^2 less 2 p(z_spec) (Izbicki & Lee 2017); lower is better",
    "crps": "mean of the integral of (CDF - step at z_spec)^2 (Gneiting & Raftery 2007, eq. 20); lower is better",
    "pit_ks": "largest distance of the distribution of PIT = CDF(z_spec) from the uniform one (Kolmogorov-Smirnov)",
    "pit_cvm": "integral of the squared distance of the same two distributions (Cramer-von Mises, divided by n)",
}


def normalised_dz(z_phot: NDArray[np.floating], z_spec: NDArray[np.floating]) -> FloatArray:
    """Return (z_phot - z_spec) / (1 + z_spec)."""
    return (np.asarray(z_phot, dtype=np.float64) - z_spec) / (1 + np.asarray(z_spec, dtype=np.float64))


def sigma_mad(dz: NDArray[np.floating]) -> float:
    """Return 1.4826 times the median absolute deviation from the median: sigma, for a Gaussian."""
    return float(1.4826 * np.median(np.abs(dz - np.median(dz))))


def sigma_iqr(dz: NDArray[np.floating]) -> float:
    """Return the interquartile range over 1.349: sigma, for a Gaussian."""
    low, high = np.percentile(dz, [25, 75])
    return float((high - low) / 1.349)


def outlier_fraction(dz: NDArray[np.floating], *, threshold: float) -> float:
    """Return the share of |dz| greater than ``threshold``; state it beside the figure."""
    return float(np.mean(np.abs(dz) > threshold))


def rail_outlier_fraction(dz: NDArray[np.floating]) -> float:
    """Return the share of |dz| greater than 0.06 and than three :func:`sigma_iqr`."""
    return outlier_fraction(dz, threshold=max(0.06, 3 * sigma_iqr(dz)))


#: Each is a function of dz, shape (N,).
POINT_METRICS: Mapping[str, Callable[[FloatArray], float]] = {
    "bias_mean": lambda dz: float(np.mean(dz)),
    "bias_median": lambda dz: float(np.median(dz)),
    "sigma_mad": sigma_mad,
    "sigma_iqr": sigma_iqr,
    "outliers_005": lambda dz: outlier_fraction(dz, threshold=0.05),
    "outliers_015": lambda dz: outlier_fraction(dz, threshold=0.15),
    "outliers_rail": rail_outlier_fraction,
}


def point_metrics(z_phot: NDArray[np.floating], z_spec: NDArray[np.floating]) -> dict[str, float]:
    """Return every one of :data:`POINT_METRICS`, and ``n``; NaN in either redshift leaves an object out.

    Raises
    ------
    ValueError
        If no object has both.
    """
    dz = normalised_dz(z_phot, z_spec)
    dz = dz[np.isfinite(dz)]
    if not len(dz):
        raise ValueError("no object has both an estimated and a spectroscopic redshift")
    return {"n": float(len(dz)), **{name: metric(dz) for name, metric in POINT_METRICS.items()}}


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with its uncertainty.

    Attributes
    ----------
    error
        Standard deviation over the bootstrap draws.
    low, high
        95 % interval: percentiles of the draws.
    """

    value: float
    error: float
    low: float
    high: float


def cluster_draws(
    groups: Sequence[Hashable] | NDArray[np.generic], *, rng: np.random.Generator, n_draws: int = 500
) -> list[NDArray[np.intp]]:
    """Draw whole groups with replacement, as many as there are, and return the rows of each draw.

    Renderings of one real galaxy err alike, so that N of them are fewer than N witnesses: rows drawn one by one
    would give errors too small by a factor of two.

    References
    ----------
    Field & Welsh 2007, J. R. Statist. Soc. B 69, 369 (the cluster bootstrap).
    """
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(members, kind="stable")
    counts = np.bincount(members)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    draws = []
    for _ in range(n_draws):
        chosen = rng.integers(0, len(counts), len(counts))
        sizes = counts[chosen]
        ends = np.cumsum(sizes)
        draws.append(order[np.arange(ends[-1]) + np.repeat(starts[chosen] - ends + sizes, sizes)])
    return draws


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], float], draws: Sequence[NDArray[np.intp]], n: int
) -> Measured:
    """Return a statistic of all ``n`` rows, and how it scatters over the draws.

    Parameters
    ----------
    statistic
        Of row numbers. Draws for which it is not finite (an empty part) do not count.
    """
    value = statistic(np.arange(n))
    again = np.array([statistic(rows) for rows in draws])
    again = again[np.isfinite(again)]
    if not len(again):
        return Measured(value, float("nan"), float("nan"), float("nan"))
    low, high = np.percentile(again, [2.5, 97.5])
    return Measured(value, float(again.std()), float(low), float(high))
