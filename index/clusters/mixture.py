"""The Bayesian Gaussian mixture that parts a release into groups of galaxies that look alike."""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.clusters.components import Components, fit_components
from survey.manifests import CorruptFolder

__all__ = ["CLUSTERS", "N_COMPONENTS", "Assigned", "Mixture", "fit_mixture"]

#: Its file in a release: plain arrays.
CLUSTERS = "clusters.npz"
#: Components, and the prior of their weights, as Mohale & Lochner 2024 have them.
N_COMPONENTS = 20
_WEIGHT_PRIOR = 0.5
_MOST_STEPS = 1000
# Of the bound on the evidence, for each galaxy: scikit-learn compares a sum over them, which never rests that long.
_TOLERANCE = 1e-4
# Galaxies for each component: a survey of fewer than 200 gets fewer components.
_EACH = 10
_BLOCK = 16384


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """Where a mixture puts Q vectors.

    Attributes
    ----------
    cluster
        The likeliest component, int32, shape (Q,).
    probability
        That the vector belongs to it rather than to another, float32, shape (Q,).
    distance
        From the component's mean, in units of its own spread (Mahalanobis), float32, shape (Q,).
    """

    cluster: NDArray[np.int32]
    probability: NDArray[np.float32]
    distance: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """K Gaussians in the space of the principal components, the weightiest first.

    Attributes
    ----------
    mean, axes
        Of :class:`index.clusters.components.Components`.
    weights
        Expected share of each component, shape (K,).
    means, covariances
        Shape (K, d) and (K, d, d).
    whitening
        Bring a vector, less the mean, to units of the component's spread, shape (K, d, d).
    offsets
        Logarithm of what a component says at its own mean, shape (K,): expected weight and determinant.
    exemplars
        Rows of the release nearest the component's mean, shape (K, E); -1 where there are fewer.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    whitening: NDArray[np.float64]
    offsets: NDArray[np.float64]
    exemplars: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Components."""
        return len(self.weights)

    @property
    def components(self) -> Components:
        """What vectors are projected by."""
        return Components(self.mean, self.axes)

    def assign(self, vectors: NDArray[np.floating]) -> Assigned:
        """Say which component each vector belongs to, without fitting anything.

        Parameters
        ----------
        vectors
            Unit vectors of the release's space, shape (Q, D).
        """
        parts = [self._assign(vectors[at : at + _BLOCK]) for at in range(0, max(len(vectors), 1), _BLOCK)]
        return Assigned(*(np.concatenate([getattr(one, f.name) for one in parts]) for f in fields(Assigned)))

    def distance(self, vectors: NDArray[np.floating], cluster: int) -> NDArray[np.float64]:
        """Return how far vectors, shape (Q, D), lie from the mean of one component, in units of its spread, shape (Q,)."""
        return np.asarray(np.sqrt(self._squared(self.components(vectors), cluster)))

    def save(self, folder: Path) -> None:
        """Write it into a release folder."""
        np.savez(folder / CLUSTERS, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def open(cls, folder: Path) -> Mixture:
        """Read it from a release folder.

        Raises
        ------
        CorruptFolder
            If the file is no mixture.
        """
        try:
            with np.load(folder / CLUSTERS, allow_pickle=False) as arrays:
                read = cls(**{f.name: arrays[f.name] for f in fields(cls)})
            read._check()
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise CorruptFolder(
                f"{folder.name}: {CLUSTERS} cannot be read; build the release again"
            ) from error
        return read

    def _check(self) -> None:
        """Raise ValueError if arrays do not fit each other."""
        k, d = self.means.shape
        square = (k, d, d)
        shapes = (self.covariances.shape, self.whitening.shape, self.weights.shape, self.offsets.shape)
        if shapes != (square, square, (k,), (k,)) or len(self.exemplars) != k:
            raise ValueError(f"{k} means with arrays of shape {shapes}")
        if self.axes.shape != (*self.mean.shape, d):
            raise ValueError(f"axes of shape {self.axes.shape} for {d} components")

    def _assign(self, vectors: NDArray[np.floating]) -> Assigned:
        at = self.components(vectors)
        squared = np.stack([self._squared(at, one) for one in range(self.n)], axis=1)
        log = self.offsets - squared / 2
        best = log.argmax(axis=1)
        rows = np.arange(len(at))
        share = 1 / np.exp(log - log[rows, best][:, None]).sum(axis=1)
        distance = np.sqrt(squared[rows, best])
        return Assigned(best.astype(np.int32), share.astype(np.float32), distance.astype(np.float32))

    def _squared(self, at: NDArray[np.float64], cluster: int) -> NDArray[np.float64]:
        squared: NDArray[np.float64] = (((at - self.means[cluster]) @ self.whitening[cluster]) ** 2).sum(
            axis=1
        )
        return squared


def fit_mixture(
    vectors: NDArray[np.floating], *, seed: int, n_components: int = N_COMPONENTS, n_init: int = 1
) -> Mixture | None:
    """Fit a mixture without exemplars.

    Parameters
    ----------
    vectors
        Unit vectors, shape (n, D).
    n_init
        Beginnings tried; the one of the highest bound on the evidence stays.

    Returns
    -------
    Mixture or None
        None for fewer than 20 vectors; below 200 there is one component for every ten.

    References
    ----------
    Mohale & Lochner 2024, MNRAS 530, 1274: 20 components on the principal components of 95 % of the variance.
    Blei & Jordan 2006, Bayesian Analysis 1, 121: the mixture; Bishop 2006, section 10.2: its responsibilities.
    """
    n = min(n_components, len(vectors) // _EACH)
    if n < 2:
        return None
    # Three seconds of import, on building alone.
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415
    from sklearn.mixture import BayesianGaussianMixture  # noqa: PLC0415

    components = fit_components(vectors)
    model = BayesianGaussianMixture(
        n_components=n,
        n_init=n_init,
        weight_concentration_prior=_WEIGHT_PRIOR,
        max_iter=_MOST_STEPS,
        tol=_TOLERANCE * len(vectors),
        random_state=seed,
    )
    with warnings.catch_warnings():
        # What has not settled after a thousand steps is a mixture all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(components(vectors))
    order = np.argsort(-model.weights_, kind="stable")
    offsets = _expected_log_weights(*model.weight_concentration_) + _expected_log_scale(
        model.precisions_cholesky_, model.degrees_of_freedom_, model.mean_precision_
    )
    return Mixture(
        mean=components.mean,
        axes=components.axes,
        weights=model.weights_[order],
        means=model.means_[order],
        covariances=model.covariances_[order],
        whitening=model.precisions_cholesky_[order],
        offsets=offsets[order],
        exemplars=np.full((n, 0), -1, np.int64),
    )


def _expected_log_weights(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return E[ln weight] of stick-breaking with Beta(a, b) (Blei & Jordan 2006, section 3)."""
    from scipy.special import digamma  # noqa: PLC0415

    taken, left = digamma(a) - digamma(a + b), digamma(b) - digamma(a + b)
    return np.asarray(taken + np.concatenate([[0.0], np.cumsum(left)[:-1]]))


def _expected_log_scale(
    whitening: NDArray[np.float64], freedom: NDArray[np.float64], precision: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what the uncertainty of means and precisions adds (Bishop 2006, equations 10.64 and 10.65), shape (K,).

    ``whitening`` is that of the expected precision, which is the scale matrix times the degrees of freedom.
    """
    from scipy.special import digamma  # noqa: PLC0415

    d = whitening.shape[1]
    log_det = np.log(np.diagonal(whitening, axis1=1, axis2=2)).sum(axis=1) - d / 2 * np.log(freedom)
    halves = (freedom[:, None] - np.arange(d)) / 2
    return np.asarray(
        log_det + (d * np.log(2) + digamma(halves).sum(axis=1) - d / precision - d * np.log(2 * np.pi)) / 2
    )
