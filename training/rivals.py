"""What astronomers would use instead of images: redshifts from r and four colours, by neighbours or by boosted trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold

from index.pdf import FloatArray, RedshiftGrid

__all__ = ["Boosted", "colour_features", "fit_boosting", "local_linear", "local_linear_pdf"]

_K = 30
_UNKNOWNS = 6
_BLOCK = 2048
_FOLDS = 4
_LEVELS = 401


def colour_features(mags: FloatArray) -> FloatArray:
    """Return r and the colours u-g, g-r, r-i, i-z of ugriz magnitudes (N, 5); NaN where a band is missing."""
    return np.asarray(np.column_stack([mags[:, 2], mags[:, :4] - mags[:, 1:]]), dtype=np.float64)


def local_linear(known: FloatArray, z: FloatArray, asked: FloatArray, *, k: int = _K) -> FloatArray:
    """Predict redshifts by a plane through the ``k`` nearest galaxies, in features divided by their standard deviation.

    Parameters
    ----------
    known, asked
        Features (N, F), (Q, F). A galaxy asked for with NaN is compared in the others; one known with NaN is left out.
    z
        Shape (N,).

    Returns
    -------
    ndarray
        Shape (Q,); NaN for galaxies without any feature.
    """
    return _planes(known, z, asked, k)[0]


def local_linear_pdf(
    known: FloatArray,
    z: FloatArray,
    asked: FloatArray,
    grid: RedshiftGrid,
    *,
    width: float,
    k: int = _K,
) -> FloatArray:
    """Return bin probabilities (Q, B): the plane's prediction plus the residuals of its neighbours, smoothed.

    Parameters
    ----------
    width
        Of the Gaussian about each, in units of 1 + z.
    """
    predicted, residuals = _planes(known, z, asked, k)
    # A plane of six unknowns lies nearer to the k points that it was laid through than to others.
    residuals *= np.sqrt(k / max(k - _UNKNOWNS, 1))
    kernel = grid.kernel(width)
    out = np.empty((len(asked), grid.n_bins))
    for first in range(0, len(asked), _BLOCK):
        block = slice(first, first + _BLOCK)
        members = predicted[block, None] + residuals[block]
        out[block] = grid.deposit(members, np.full(members.shape, 1 / k)) @ kernel
    return out


def _planes(known: FloatArray, z: FloatArray, asked: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
    """Return predictions (Q,), and the residuals of the neighbours (Q, k)."""
    whole = np.isfinite(known).all(axis=1)
    train, target = known[whole], z[whole]
    spread = train.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    train, query = train / spread, asked / spread
    k = min(k, len(train))
    predicted, residuals = np.full(len(query), np.nan), np.full((len(query), k), np.nan)
    patterns, which = np.unique(np.isfinite(query), axis=0, return_inverse=True)
    for number, seen in enumerate(patterns):
        if not seen.any():
            continue
        rows = np.flatnonzero(which.ravel() == number)
        # Threads would share the machine with what else is measured on it.
        _, nearest = cKDTree(train[:, seen]).query(query[np.ix_(rows, seen)], k=k, workers=1)
        for first in range(0, len(rows), _BLOCK):
            here = rows[first : first + _BLOCK]
            near = np.asarray(nearest)[first : first + _BLOCK].reshape(-1, k)
            offsets = train[near][:, :, seen] - query[np.ix_(here, seen)][:, None]
            planes = np.concatenate([np.ones((*near.shape, 1)), offsets], axis=2)
            fitted = np.linalg.pinv(planes) @ target[near][:, :, None]
            predicted[here] = fitted[:, 0, 0]
            residuals[here] = target[near] - (planes @ fitted)[:, :, 0]
    return predicted, residuals


@dataclass(frozen=True, slots=True, eq=False)
class Boosted:
    """Boosted trees for ln(1 + z) and for the size of their error; p(z) has the errors' own shape.

    Attributes
    ----------
    location, scale
        Regressors of ln(1 + z), and of its absolute error.
    shape
        Errors divided by ``scale``, of galaxies that the trees had not seen: quantiles at equal steps, ascending.
    """

    location: HistGradientBoostingRegressor
    scale: HistGradientBoostingRegressor
    shape: FloatArray

    def predict(self, features: FloatArray) -> FloatArray:
        """Return redshifts, shape (N,)."""
        return np.asarray(np.expm1(self.location.predict(features)), dtype=np.float64)

    def pdf(self, features: FloatArray, grid: RedshiftGrid) -> FloatArray:
        """Return bin probabilities, shape (N, B); what would lie outside the grid is given back to the inside."""
        location, scale = self.location.predict(features), self.scale.predict(features)
        levels = (np.arange(len(self.shape)) + 0.5) / len(self.shape)
        place = (np.log1p(grid.edges)[None] - location[:, None]) / scale[:, None]
        below = np.interp(place.ravel(), self.shape, levels, left=0, right=1).reshape(place.shape)
        probability = np.diff(below, axis=1)
        return np.asarray(probability / probability.sum(axis=1, keepdims=True), dtype=np.float64)


def fit_boosting(
    features: FloatArray, z: FloatArray, groups: NDArray[np.generic], *, seed: int = 0
) -> Boosted:
    """Fit boosted trees to redshifts.

    The error is learnt from galaxies whose group the trees had not seen (four folds): renderings of one galaxy
    that stood on both sides would make it too small.

    Parameters
    ----------
    features
        Shape (N, F), NaN where unknown.
    groups
        Of each galaxy.
    """
    target = np.log1p(z)
    error = np.empty(len(z))
    for train, rest in GroupKFold(_FOLDS, shuffle=True, random_state=seed).split(features, groups=groups):
        fold = _location(seed).fit(features[train], target[train])
        error[rest] = target[rest] - fold.predict(features[rest])
    size = HistGradientBoostingRegressor(
        loss="gamma",
        learning_rate=0.05,
        max_iter=120,
        max_leaf_nodes=15,
        min_samples_leaf=200,
        random_state=seed,
    ).fit(features, np.abs(error) + 1e-5)
    shape = np.quantile(error / size.predict(features), (np.arange(_LEVELS) + 0.5) / _LEVELS)
    return Boosted(_location(seed).fit(features, target), size, shape)


def _location(seed: int) -> HistGradientBoostingRegressor:
    # Of seven settings the best on the validation part of 100,000 rendered galaxies, by sigma_MAD; a squared loss is 2 %
    # worse.
    return HistGradientBoostingRegressor(
        loss="absolute_error",
        learning_rate=0.05,
        max_iter=300,
        max_leaf_nodes=31,
        min_samples_leaf=50,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
