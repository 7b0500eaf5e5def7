"""How far a galaxy lies from those whose spectra an estimate rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.pdf import FloatArray

__all__ = ["LIMIT", "MAX_REFERENCE", "K", "Support", "fit_support"]

#: Nearest galaxies whose mean distance counts.
K = 10
#: Beyond this percentile of the calibration galaxies a galaxy is out of support.
LIMIT = 99.0
#: Reference galaxies that are kept at most, spread evenly over those given.
MAX_REFERENCE = 5000
_BLOCK = 256


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

    References
    ----------
    Sun et al. 2022, Proc. ICML 162, 20827 (nearest neighbours against unknown inputs).
    """

    centre: FloatArray
    scale: FloatArray
    reference: NDArray[np.float32]
    own: FloatArray

    @classmethod
    def of_distances(cls, distances: FloatArray) -> Support:
        """Take distances that were measured elsewhere; the features asked about are then such, shape (Q, 1)."""
        known = np.sort(distances[np.isfinite(distances)])
        return cls(np.zeros(1), np.ones(1), np.empty((0, 1), np.float32), known)

    def distance(self, features: NDArray[np.floating]) -> FloatArray:
        """Return the mean distance to the 10 nearest reference galaxies, shape (Q,); NaN for features that are not finite."""
        if not len(self.reference):
            return np.asarray(features[:, 0], dtype=np.float64)
        scaled = (np.asarray(features, dtype=np.float64) - self.centre) / self.scale
        finite = np.asarray(np.isfinite(scaled).all(axis=1))
        return np.where(finite, _mean_nearest(np.where(finite[:, None], scaled, 0), self.reference), np.nan)

    def percentile(self, features: NDArray[np.floating]) -> FloatArray:
        """Return of 100 calibration galaxies how many lie nearer, shape (Q,), 0 to 100; NaN without a distance."""
        distance = self.distance(features)
        nearer = np.searchsorted(self.own, distance, side="left")
        return np.where(np.isfinite(distance), 100 * nearer / max(len(self.own), 1), np.nan)


def fit_support(reference: NDArray[np.floating], calibration: NDArray[np.floating]) -> Support:
    """Measure the calibration galaxies' distances to the reference.

    Parameters
    ----------
    reference
        Features of galaxies with a spectrum, shape (M, F), M at least 1; 5,000 of them are kept.
    calibration
        Features of other such galaxies, shape (n, F).

    Raises
    ------
    ValueError
        If there is no finite row in either.
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
    own = np.sort(unsorted[np.isfinite(unsorted)])
    if not len(own):
        raise ValueError("no calibration galaxy has finite features")
    return Support(centre, scale, kept, own)


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
