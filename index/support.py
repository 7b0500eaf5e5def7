"""How far a galaxy lies from those whose spectra an estimate rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from index.pdf import FloatArray

__all__ = ["LIMIT", "MAX_REFERENCE", "Degraded", "K", "Support", "fit_support"]

#: Nearest galaxies whose mean distance counts.
K = 10
#: Beyond this percentile of the calibration galaxies a galaxy is out of support.
LIMIT = 99.0
#: Reference galaxies that are kept at most, spread evenly over those given.
MAX_REFERENCE = 5000
_BLOCK = 256
# Added to the covariance, times the mean variance: features are nearly dependent.
_RIDGE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Degraded:
    """Galaxies after a degradation.

    Attributes
    ----------
    features
        Shape (n, F).
    both
        Whether the opposite is as strange.
    """

    features: NDArray[np.floating]
    both: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Support:
    """Distances to a set of reference galaxies, on the scale of galaxies known to belong to it.

    Attributes
    ----------
    centre, scale
        Of the reference features, shape (F,); a feature that does not vary is left as it is.
    reference
        Standardised, float32, shape (M, F). Without rows a galaxy's single feature is its distance already.
    own
        Distances of the calibration galaxies, ascending, shape (n,), n at least 1.
    watch
        Directions in standardised features along which known degradations move galaxies, shape (F, m), of unit scatter
        over the calibration galaxies; a move along one of hundreds of features drowns in the distance to neighbours.
    both
        Whether a move against the direction counts too, shape (m,): a galaxy sharper than any is as strange as a blurred one.
    rest
        Mean of the calibration galaxies along each, shape (m,); then mean and scatter of their logarithmic distance.

    References
    ----------
    Sun et al. 2022, Proc. ICML 162, 20827 (nearest neighbours against unknown inputs); Hendrycks et al. 2019, ICLR
    (known degradations against unknown ones); Fisher 1936, Ann. Eugenics 7, 179 (the direction).
    """

    centre: FloatArray
    scale: FloatArray
    reference: NDArray[np.float32]
    own: FloatArray
    watch: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    both: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    rest: FloatArray = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of_distances(cls, distances: FloatArray) -> Support:
        """Take distances that were measured elsewhere; the features asked about are then such, shape (Q, 1)."""
        known = np.sort(distances[np.isfinite(distances)])
        return cls(np.zeros(1), np.ones(1), np.empty((0, 1), np.float32), known)

    def distance(self, features: NDArray[np.floating]) -> FloatArray:
        """Return how far galaxies lie, shape (Q,); NaN for features that are not finite.

        The mean distance to the 10 nearest reference galaxies. Where directions are watched: the root of the summed squares of
        the excess of its logarithm and of the displacements, all in units of the calibration galaxies' scatter.
        """
        if not len(self.reference):
            return np.asarray(features[:, 0], dtype=np.float64)
        scaled = (np.asarray(features, dtype=np.float64) - self.centre) / self.scale
        finite = np.asarray(np.isfinite(scaled).all(axis=1))
        scaled = np.where(finite[:, None], scaled, 0)
        distance = _mean_nearest(scaled, self.reference)
        if self.watch.size:
            *middle, mean, scatter = self.rest
            along = scaled @ self.watch - np.array(middle)
            beyond = (_log(distance) - mean) / scatter
            against = np.where(self.both, along, np.maximum(along, 0))
            distance = np.sqrt(np.maximum(beyond, 0) ** 2 + (against**2).sum(axis=1))
        return np.where(finite, distance, np.nan)

    def percentile(self, features: NDArray[np.floating]) -> FloatArray:
        """Return of 100 calibration galaxies how many lie nearer, shape (Q,), 0 to 100; NaN without a distance."""
        distance = self.distance(features)
        nearer = np.searchsorted(self.own, distance, side="left")
        return np.where(np.isfinite(distance), 100 * nearer / max(len(self.own), 1), np.nan)


def fit_support(
    reference: NDArray[np.floating],
    calibration: NDArray[np.floating],
    degraded: Sequence[Degraded] = (),
    *,
    n_watched: int | None = None,
) -> Support:
    """Measure the calibration galaxies' distances to the reference.

    Parameters
    ----------
    reference
        Features of galaxies with a spectrum, shape (M, F), M at least 1; 5,000 of them are kept.
    calibration
        Features of other such galaxies, shape (n, F).
    degraded
        Galaxies like the reference's after degradations that must be noticed: a worse seeing, less light. A direction is
        learnt from each, Fisher's between the reference and these.
    n_watched
        Directions lie in the first so many features; None for all.

    Raises
    ------
    ValueError
        If there is no finite row in one of them.
    """
    known = np.asarray(reference, dtype=np.float64)
    known = known[np.isfinite(known).all(axis=1)]
    if not len(known):
        raise ValueError("no reference galaxy has finite features")
    centre, scale = known.mean(axis=0), known.std(axis=0)
    # A constant feature has no scale of its own: a galaxy that differs in it lies as far off as it differs.
    scale = np.where(scale > 1e-6, scale, 1.0)
    spread = np.linspace(0, len(known) - 1, min(len(known), MAX_REFERENCE)).astype(np.int64)
    # As they will be stored: a file half as long, and distances that do not change by being written.
    kept = ((known[spread] - centre) / scale).astype(np.float16).astype(np.float32)
    unsorted = Support(centre, scale, kept, np.zeros(1)).distance(calibration)
    usable = np.isfinite(unsorted)
    if not usable.any():
        raise ValueError("no calibration galaxy has finite features")
    if not degraded:
        return Support(centre, scale, kept, np.sort(unsorted[usable]))
    own = (np.asarray(calibration, dtype=np.float64)[usable] - centre) / scale
    watch = (
        np.stack([_direction(known, one.features, n_watched) for one in degraded], axis=1) * scale[:, None]
    )
    along = own @ watch
    # In units of the calibration galaxies' own scatter.
    watch = watch / np.maximum(along.std(axis=0), 1e-12)
    logarithm = _log(unsorted[usable])
    rest = np.array([*(own @ watch).mean(axis=0), logarithm.mean(), max(float(logarithm.std()), 1e-12)])
    both = np.array([one.both for one in degraded])
    watching = Support(centre, scale, kept, np.zeros(1), watch, both, rest)
    return replace(watching, own=np.sort(watching.distance(calibration)[usable]))


def _log(distance: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.maximum(distance, 1e-6)), dtype=np.float64)


def _direction(known: FloatArray, degraded: NDArray[np.floating], n: int | None) -> FloatArray:
    """Return Fisher's direction from ones to the others, shape (F,), 0 beyond the first n features."""
    moved = np.asarray(degraded, dtype=np.float64)
    moved = moved[np.isfinite(moved).all(axis=1)]
    if not len(moved):
        raise ValueError("no degraded galaxy has finite features")
    seen = slice(0, n)
    covariance = np.atleast_2d(np.cov(known[:, seen], rowvar=False)).copy()
    ridge = _RIDGE * float(np.trace(covariance)) / len(covariance)
    if len(moved) > 1:
        covariance = (covariance + np.atleast_2d(np.cov(moved[:, seen], rowvar=False))) / 2
    covariance += ridge * np.eye(len(covariance))
    direction = np.zeros(known.shape[1])
    direction[seen] = np.linalg.solve(covariance, moved[:, seen].mean(axis=0) - known[:, seen].mean(axis=0))
    return direction


def _mean_nearest(points: FloatArray, reference: NDArray[np.float32]) -> FloatArray:
    """Return mean distances; in float32, which is right to 1e-3 of a standard deviation and twice as fast."""
    norm = np.einsum("mf,mf->m", reference, reference)
    k = min(K, len(reference))
    out = np.empty(len(points))
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK].astype(np.float32)
        squared = block @ reference.T
        squared *= -2
        squared += norm
        squared.partition(k - 1, axis=1)
        nearest = squared[:, :k] + np.einsum("qf,qf->q", block, block)[:, None]
        out[start : start + _BLOCK] = np.sqrt(np.maximum(nearest, 0)).mean(axis=1, dtype=np.float64)
    return out
