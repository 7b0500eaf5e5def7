"""How well a vector tells which set of images it comes from, which no vector of galaxies should."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["source_accuracy"]


def source_accuracy(
    vectors: NDArray[np.floating],
    sources: Sequence[str],
    groups: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    n_folds: int = 5,
    ridge: float = 0.01,
) -> float:
    """Return the share of vectors whose source a linear classifier names, each source counting the same.

    Ridge regression on one column of 0 and 1 per source, fitted on the other folds, the largest column taken. Chance is
    1 / number of sources.

    Parameters
    ----------
    vectors
        Shape (N, D).
    groups
        Rows that share one (a patch of sky, a galaxy) lie in one fold, whatever their source.
    ridge
        Added to the diagonal of the correlation matrix of the vectors' numbers.

    Raises
    ------
    ValueError
        If the lengths differ, there are fewer than two sources or fewer groups than folds, or a source's groups lie
        in too few folds to train on it or to test it.

    References
    ----------
    Hoerl & Kennard 1970, Technometrics 12, 55; Hastie, Tibshirani & Friedman 2009, The Elements of Statistical
    Learning, section 4.2 (classes as columns of a regression).
    """
    if not len(vectors) == len(sources) == len(groups):
        raise ValueError(
            f"{len(vectors)} vectors, {len(sources)} sources and {len(groups)} groups; one of each a row"
        )
    names, truth = np.unique(np.asarray(sources), return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            f"only the source {', '.join(names.tolist())}; telling sources apart needs two or more"
        )
    fold = _folds(groups, n_folds, rng)
    hits, tried = np.zeros(len(names)), np.bincount(truth, minlength=len(names))
    for one in range(n_folds):
        test = fold == one
        counts = np.bincount(truth[~test], minlength=len(names))
        if not counts.all():
            missing = ", ".join(names[counts == 0].tolist())
            raise ValueError(f"{missing} is in one fold of {n_folds} only; give more groups or fewer folds")
        guess = _guess(vectors[~test], truth[~test], 1 / counts[truth[~test]], vectors[test], ridge)
        hits += np.bincount(truth[test][guess == truth[test]], minlength=len(names))
    return float((hits / tried).mean())


def _folds(groups: Sequence[Hashable], n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each row, groups whole and dealt out in random order."""
    number: dict[Hashable, int] = {}
    of_row = np.array([number.setdefault(group, len(number)) for group in groups])
    if len(number) < n_folds:
        raise ValueError(f"{len(number)} groups cannot be parted into {n_folds} folds")
    return np.asarray(rng.permutation(len(number))[of_row] % n_folds, dtype=np.int64)


def _guess(
    vectors: NDArray[np.floating],
    truth: NDArray[np.int64],
    weights: NDArray[np.float64],
    asked: NDArray[np.floating],
    ridge: float,
) -> NDArray[np.int64]:
    """Return the likeliest class of the vectors asked for; all in standard units of the weighted training rows."""
    weights = weights / weights.sum()
    values = np.asarray(vectors, dtype=np.float64)
    mean = weights @ values
    deviation = np.sqrt(weights @ np.square(values - mean))
    # A number that never changes says nothing, and must not be divided by.
    deviation[deviation == 0] = 1
    units = (values - mean) / deviation
    targets = np.eye(int(truth.max()) + 1)[truth]
    share = weights @ targets
    correlation = units.T @ (units * weights[:, None])
    moments = units.T @ ((targets - share) * weights[:, None])
    slopes = np.linalg.solve(correlation + ridge * np.eye(len(correlation)), moments)
    return np.asarray((((asked - mean) / deviation) @ slopes + share).argmax(axis=1), dtype=np.int64)
