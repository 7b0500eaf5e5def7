"""Point estimates, intervals and flags of redshift distributions on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index import peaks

__all__ = [
    "FloatArray",
    "PDFSummary",
    "RedshiftGrid",
    "cde_loss",
    "draw",
    "mass_between",
    "quantiles",
    "summarise",
]

FloatArray = NDArray[np.float64]

_DEFAULT_Z_MAX = 0.4
_DEFAULT_BINS = 180
_MAX_BINS = 1800
_RISK_WIDTH = 0.15  # The loss of Tanaka et al. 2018, PASJ 70, S9.
_ODDS_WIDTH = 0.06  # Half-width in units of 1 + z.
_EDGE_SHARE = 0.01
_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class RedshiftGrid:
    """Equal bins from z = 0 to ``z_max``."""

    z_max: float
    n_bins: int

    @classmethod
    def covering(cls, z_spec: NDArray[np.floating]) -> RedshiftGrid:
        """Return 180 bins to z = 0.4, or more bins of the same width as far as the spectra reach.

        Beyond z = 4 the bins grow, so that there are never more than 1800.
        """
        width = _DEFAULT_Z_MAX / _DEFAULT_BINS
        reach = max(_DEFAULT_Z_MAX, 1.05 * float(np.max(z_spec, initial=0.0)))
        n_bins = int(np.ceil(round(reach / width, 6)))
        if n_bins > _MAX_BINS:
            return cls(reach, _MAX_BINS)
        return cls(n_bins * width, n_bins)

    @property
    def width(self) -> float:
        """Width of a bin."""
        return self.z_max / self.n_bins

    @property
    def edges(self) -> FloatArray:
        """Bin edges, shape (B + 1,)."""
        return np.asarray(np.linspace(0, self.z_max, self.n_bins + 1), dtype=np.float64)

    @property
    def centres(self) -> FloatArray:
        """Bin centres, shape (B,)."""
        return np.asarray((np.arange(self.n_bins) + 0.5) * self.width, dtype=np.float64)

    def kernel(self, relative_width: float) -> FloatArray:
        """Row i: a Gaussian at centre i of width ``relative_width`` (1 + z_i), as bin probabilities.

        What would fall outside the grid is given back to the inside in proportion.
        """
        sigma = relative_width * (1 + self.centres)
        weights = np.exp(-0.5 * ((self.centres[None] - self.centres[:, None]) / sigma[:, None]) ** 2)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)

    def deposit(self, z: FloatArray, weights: FloatArray) -> FloatArray:
        """Share weights at redshifts among the two nearest bin centres.

        Parameters
        ----------
        z, weights
            Shape (Q, k).

        Returns
        -------
        ndarray
            Shape (Q, B); rows sum like ``weights`` and have the same mean z (inside the outermost centres).
        """
        position = np.clip(z / self.width - 0.5, 0, self.n_bins - 1)
        lower = np.minimum(position.astype(np.int64), self.n_bins - 2)
        upper_share = position - lower
        out = np.zeros((len(z), self.n_bins))
        query = np.arange(len(z))[:, None]
        np.add.at(out, (query, lower), weights * (1 - upper_share))
        np.add.at(out, (query, lower + 1), weights * upper_share)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class PDFSummary:
    """Numbers that stand for Q distributions, each of shape (Q,).

    Attributes
    ----------
    z_best
        Minimum-risk estimate for the loss 1 - 1 / (1 + (dz / 0.15)^2).
    z_mode, z_mean, z_median
        Peak, mean, median.
    z_l68, z_u68, z_l90, z_u90, z_l95, z_u95
        Central intervals.
    z_err68
        Half the width of the 68 % interval.
    z_odds
        Probability within z_mode +- 0.06 (1 + z_mode).
    z_n_peaks, z_mode2, z_mode2_area
        See :class:`index.peaks.Peaks`; the last two are NaN with a single peak.
    at_edge
        Whether more than 1 % of the probability lies in the last bin, or in the first and it peaks there.
    """

    z_best: FloatArray
    z_mode: FloatArray
    z_mean: FloatArray
    z_median: FloatArray
    z_l68: FloatArray
    z_u68: FloatArray
    z_l90: FloatArray
    z_u90: FloatArray
    z_l95: FloatArray
    z_u95: FloatArray
    z_err68: FloatArray
    z_odds: FloatArray
    z_n_peaks: NDArray[np.int32]
    z_mode2: FloatArray
    z_mode2_area: FloatArray
    at_edge: NDArray[np.bool_]


def quantiles(
    probability: FloatArray, grid: RedshiftGrid, levels: tuple[float, ...] | FloatArray
) -> FloatArray:
    """Return quantiles, the density being constant inside a bin.

    Parameters
    ----------
    probability
        Bin probabilities, shape (Q, B), rows sum to 1.
    levels
        Each between 0 and 1: the same L for all, or shape (Q, L).

    Returns
    -------
    ndarray
        Shape (Q, L).
    """
    cumulative = np.concatenate([np.zeros((len(probability), 1)), np.cumsum(probability, axis=1)], axis=1)
    wanted = np.broadcast_to(np.asarray(levels, dtype=np.float64), (len(probability), np.shape(levels)[-1]))
    out = np.empty(wanted.shape)
    for column, level in enumerate(wanted.T):
        upper = np.clip((cumulative < level[:, None]).sum(axis=1), 1, grid.n_bins)
        below = np.take_along_axis(cumulative, (upper - 1)[:, None], axis=1)[:, 0]
        inside = np.take_along_axis(probability, (upper - 1)[:, None], axis=1)[:, 0]
        share = np.divide(level - below, inside, out=np.zeros(len(out)), where=inside > 0)
        out[:, column] = (upper - 1 + np.clip(share, 0, 1)) * grid.width
    return out


def mass_between(
    probability: FloatArray, grid: RedshiftGrid, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Return each distribution's probability between two redshifts of its own, shape (Q,)."""
    cumulative = np.concatenate([np.zeros((len(probability), 1)), np.cumsum(probability, axis=1)], axis=1)

    def below(z: FloatArray) -> FloatArray:
        position = np.clip(z / grid.width, 0, grid.n_bins)
        left = np.minimum(position.astype(np.int64), grid.n_bins - 1)[:, None]
        start, end = (np.take_along_axis(cumulative, at, axis=1)[:, 0] for at in (left, left + 1))
        return np.asarray(start + (end - start) * (position - left[:, 0]))

    return below(high) - below(low)


def draw(probability: FloatArray, grid: RedshiftGrid, n: int, *, seed: int) -> FloatArray:
    """Draw ``n`` redshifts from each distribution, shape (Q, n); the same seed gives the same ones."""
    levels = np.random.default_rng(seed).random((len(probability), n))
    edges, out = grid.edges, np.empty(levels.shape)
    for row, own in enumerate(probability):
        cumulative = np.concatenate([[0.0], np.cumsum(own)])
        out[row] = np.interp(levels[row] * cumulative[-1], cumulative, edges)
    return out


def summarise(probability: FloatArray, grid: RedshiftGrid) -> PDFSummary:
    """Return point estimates and intervals of bin probabilities of shape (Q, B)."""
    centres = grid.centres
    mode = centres[probability.argmax(axis=1)]
    levels = (0.025, 0.05, 0.16, 0.5, 0.84, 0.95, 0.975)
    l95, l90, l68, median, u68, u90, u95 = quantiles(probability, grid, levels).T
    near = np.abs(centres[None] - mode[:, None]) <= _ODDS_WIDTH * (1 + mode[:, None])
    found = peaks.find(probability)
    return PDFSummary(
        z_best=_minimum_risk(probability, grid),
        z_mode=mode,
        z_mean=probability @ centres,
        z_median=median,
        z_l68=l68,
        z_u68=u68,
        z_l90=l90,
        z_u90=u90,
        z_l95=l95,
        z_u95=u95,
        z_err68=(u68 - l68) / 2,
        z_odds=(probability * near).sum(axis=1),
        z_n_peaks=found.n,
        z_mode2=np.where(found.second >= 0, centres[found.second], np.nan),
        z_mode2_area=found.second_area,
        # Redshifts end at 0 by nature but at z_max by choice: a tail at 0 is no fault, a peak there is.
        at_edge=(probability[:, -1] > _EDGE_SHARE)
        | ((probability[:, 0] > _EDGE_SHARE) & (probability.argmax(axis=1) == 0)),
    )


def cde_loss(probability: FloatArray, grid: RedshiftGrid, z_spec: FloatArray) -> float:
    """Return the conditional density loss, mean of (integral of p^2) - 2 p(z_spec); lower is better.

    References
    ----------
    Izbicki & Lee 2017, Electron. J. Statist. 11, 2800.
    """
    density = probability / grid.width
    at = np.clip((z_spec / grid.width).astype(np.int64), 0, grid.n_bins - 1)
    here = np.take_along_axis(density, at[:, None], axis=1)[:, 0]
    return float(np.mean((density**2).sum(axis=1) * grid.width - 2 * here))


def _minimum_risk(probability: FloatArray, grid: RedshiftGrid) -> FloatArray:
    centres = grid.centres
    dz = (centres[:, None] - centres[None]) / (1 + centres[None])
    loss = 1 - 1 / (1 + (dz / _RISK_WIDTH) ** 2)
    best = np.empty(len(probability))
    for start in range(0, len(probability), _BLOCK):
        best[start : start + _BLOCK] = centres[(probability[start : start + _BLOCK] @ loss.T).argmin(axis=1)]
    return best
