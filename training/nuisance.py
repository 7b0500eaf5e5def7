"""What a vector tells of size, brightness and colour, and the same vector without that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from survey.contract import InputContract
from survey.measures import measure

__all__ = ["NUISANCES", "Nuisance", "measure_nuisances", "removal_of", "ridge_r2"]

Nuisance = Literal["size", "brightness", "colour"]
NUISANCES: tuple[Nuisance, ...] = get_args(Nuisance)

_FOLDS = 5
# Penalties tried, in units of the mean variance of a coordinate times the number of galaxies.
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def measure_nuisances(contract: InputContract, fields: NDArray[np.generic]) -> dict[Nuisance, Doubles]:
    """Measure calibrated fields, shape (N, C, F, F); see :func:`survey.measures.measure`.

    Returns
    -------
    dict
        Each of shape (N,), NaN where it cannot be measured. ``size``: decimal logarithm of the half-light radius in
        pixels. ``brightness``: magnitude of the central aperture in the middle band. ``colour``: difference of
        magnitudes of the second and the last but one band (g - i of ugriz), of the first and the last of up to
        three; absent with one band.
    """
    scale = contract.pixel_scale_arcsec
    known = np.ones(fields.shape[1:], dtype=np.bool_)
    found = [measure(np.asarray(field, dtype=np.float32), known, contract.bands, scale) for field in fields]
    bands = len(contract.bands)
    magnitudes = np.array([one.magnitudes() for one in found]).reshape(len(found), bands)
    radii = np.array([one.r50_px for one in found], dtype=np.float64)
    told: dict[Nuisance, Doubles] = {
        "size": np.log10(np.where(radii > 0, radii, np.nan)),
        "brightness": magnitudes[:, bands // 2],
    }
    if bands > 1:
        first, last = (1, bands - 2) if bands > 3 else (0, bands - 1)
        told["colour"] = magnitudes[:, first] - magnitudes[:, last]
    return told


def ridge_r2(vectors: Floats, values: Doubles) -> float:
    """Return the share of the variance of ``values`` that a ridge regression tells from unseen vectors.

    Five folds in drawn order; the best of four penalties. Not below 0, which the mean alone reaches.
    """
    use = np.flatnonzero(np.isfinite(values))
    x, y = vectors[use].astype(np.float64), values[use]
    fold = np.random.default_rng(0).permutation(len(use)) % _FOLDS
    variance = float(np.square(y - y.mean()).sum())
    if not variance > 0:
        return 0.0
    best = 0.0
    for penalty in _PENALTIES:
        missed = 0.0
        for n in range(_FOLDS):
            seen, unseen = fold != n, fold == n
            mean, level = x[seen].mean(axis=0), y[seen].mean()
            centred = x[seen] - mean
            gram = centred.T @ centred
            gram += np.eye(len(gram)) * penalty * np.trace(gram) / len(gram)
            slope = np.linalg.solve(gram, centred.T @ (y[seen] - level))
            missed += float(np.square(y[unseen] - level - (x[unseen] - mean) @ slope).sum())
        best = max(best, 1 - missed / variance)
    return best


def removal_of(vectors: Floats, values: Sequence[Doubles]) -> Floats:
    """Return the projection that leaves no covariance with any of the values.

    Parameters
    ----------
    vectors
        Of the training part, shape (N, K).
    values
        Each of shape (N,); galaxies where one is NaN are left out.

    Returns
    -------
    ndarray
        Symmetric, shape (K, K), of rank K minus the number of values: vectors are multiplied by it. What was taken
        out can no longer be told by any linear map of these vectors; unit norm afterwards brings a little back.

    References
    ----------
    Shao, Ziser & Cohen 2023 (EACL, arXiv:2203.07893), sect. 3: directions of the cross-covariance.
    """
    table = np.stack(values, axis=1)
    use = np.isfinite(table).all(axis=1)
    x, y = vectors[use].astype(np.float64), table[use]
    x, y = x - x.mean(axis=0), (y - y.mean(axis=0)) / y.std(axis=0)
    directions = np.linalg.qr(x.T @ y)[0]
    return np.asarray(np.eye(x.shape[1]) - directions @ directions.T, dtype=np.float32)
