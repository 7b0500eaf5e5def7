"""Which label a galaxy's look speaks for, by models that have not seen it nor its piece of sky."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from index.temperature import softmax

__all__ = ["FEWEST", "Posterior", "out_of_fold"]

#: Labels of fewer galaxies are left out: five folds must each have seen some.
FEWEST = 20
_FOLDS = 5
# Of a logistic regression on standardised numbers; weaker penalties fit the noise of labels.
_PENALTY = 0.01
_MOST_FITTED = 50_000
_HOTTEST = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Probabilities of labels.

    Attributes
    ----------
    labels
        Names, sorted.
    probability
        Shape (N, L), rows sum to 1.
    temperature
        What the logits were divided by, mean over the folds: above 1 where the models were too sure.
    """

    labels: tuple[str, ...]
    probability: NDArray[np.float64]
    temperature: float


def out_of_fold(
    vectors: NDArray[np.floating],
    codes: NDArray[np.int64],
    groups: NDArray[np.integer],
    labels: tuple[str, ...],
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Posterior:
    """Return what logistic regressions on embeddings say of galaxies whose group they have not seen.

    Parameters
    ----------
    vectors
        Embeddings, shape (N, D).
    codes
        Label of each, as a number of ``labels``, shape (N,).
    groups
        Of one sky, shape (N,): no group is both learnt from and judged.

    References
    ----------
    Guo et al. 2017, Proc. ICML 70, 1321 (temperature); each fold's is fitted on the others'.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - takes a second to import

    rng = np.random.default_rng(seed)
    names, member = np.unique(groups, return_inverse=True)
    fold = rng.permutation(np.arange(len(names)) % _FOLDS)[member]
    spread = vectors.std(axis=0)
    values = (vectors - vectors.mean(axis=0)) / np.where(spread > 0, spread, 1)
    logits = np.full((len(codes), len(labels)), -np.inf)
    for number in range(_FOLDS):
        seen = np.flatnonzero(fold != number)
        if len(seen) > _MOST_FITTED:
            seen = rng.choice(seen, _MOST_FITTED, replace=False)
        model = LogisticRegression(C=_PENALTY, max_iter=300).fit(values[seen], codes[seen])
        judged = np.flatnonzero(fold == number)
        decided = np.log(np.maximum(model.predict_proba(values[judged]), 1e-12))
        logits[np.ix_(judged, model.classes_)] = decided
        if progress is not None:
            progress(number + 1, _FOLDS)
    # A label that a fold has not seen is as unlikely there as can be said.
    logits = np.maximum(logits, np.log(1e-12))
    temperatures = [_temperature(logits[fold != number], codes[fold != number]) for number in range(_FOLDS)]
    probability = np.concatenate(
        [softmax(logits[fold == number], temperatures[number]) for number in range(_FOLDS)]
    )
    order = np.concatenate([np.flatnonzero(fold == number) for number in range(_FOLDS)])
    return Posterior(labels, probability[np.argsort(order)], float(np.mean(temperatures)))


def _temperature(logits: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
    """Return the temperature of the largest likelihood."""
    reach = float(np.log(_HOTTEST))
    rows = np.arange(len(codes))
    found = minimize_scalar(
        lambda log: -np.log(softmax(logits, float(np.exp(log)))[rows, codes]).mean(),
        bounds=(-reach, reach),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return float(np.exp(found.x))
