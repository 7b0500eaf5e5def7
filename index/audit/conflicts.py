"""Labels that disagree with what galaxies of the same look are called."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.audit.posterior import Posterior

__all__ = ["Conflicts", "calibration", "find_conflicts"]


@dataclass(frozen=True, slots=True, eq=False)
class Conflicts:
    """Galaxies by rising probability of their own label less that of the likeliest other: the surest conflict first.

    Attributes
    ----------
    rows
        Of the posterior, int64, shape (n,): all of them.
    other
        Number of the likeliest other label.
    p_label
        Probability of the label that it has.
    p_other
        Probability of that other label.
    p_disagree
        Probability that another classification of a galaxy that looks so would not give the label it has:
        1 - ``p_label``.
    is_suspected
        Whether its label is off the diagonal of the confident joint.
    joint
        Share of galaxies labelled i whose look speaks confidently for j, shape (L, L), of all that are counted.
    """

    rows: NDArray[np.int64]
    other: NDArray[np.int64]
    p_label: NDArray[np.float64]
    p_other: NDArray[np.float64]
    p_disagree: NDArray[np.float64]
    is_suspected: NDArray[np.bool_]
    joint: NDArray[np.float64]


def find_conflicts(posterior: Posterior, codes: NDArray[np.int64]) -> Conflicts:
    """Rank galaxies by how much their look speaks against their label.

    A galaxy speaks confidently for j if its probability of j is at least the mean of those labelled j; of several such j
    for the likeliest.

    Parameters
    ----------
    codes
        The labels that they have, shape (N,).

    References
    ----------
    Northcutt, Jiang & Chuang 2021, JAIR 70, 1373, equations 1 and 2 (thresholds, confident joint) and section 3.2
    (ranking by normalised margin).
    """
    probability = posterior.probability
    n, n_labels = probability.shape
    every = np.arange(n)
    own = probability[every, codes]
    others = probability.copy()
    others[every, codes] = -1
    other = others.argmax(axis=1)
    threshold = np.array(
        [probability[codes == j, j].mean() if (codes == j).any() else 2 for j in range(n_labels)]
    )
    confident = np.where(probability >= threshold, probability, -1)
    speaks_for = np.where(confident.max(axis=1) >= 0, confident.argmax(axis=1), -1)
    counted = speaks_for >= 0
    joint = np.zeros((n_labels, n_labels))
    np.add.at(joint, (codes[counted], speaks_for[counted]), 1)
    order = np.argsort(own - probability[every, other], kind="stable")
    return Conflicts(
        rows=order,
        other=other[order],
        p_label=own[order],
        p_other=probability[every, other][order],
        p_disagree=1 - own[order],
        is_suspected=(counted & (speaks_for != codes))[order],
        joint=joint / max(counted.sum(), 1),
    )


def calibration(
    probability: NDArray[np.float64], happened: NDArray[np.bool_], *, bins: int = 10
) -> tuple[list[dict[str, float]], float]:
    """Return how often what was given a probability happened, by bins of equal width, and the expected calibration error.

    References
    ----------
    Naeini, Cooper & Hauskrecht 2015, Proc. AAAI 29, 2901 (expected calibration error).
    """
    number = np.minimum((probability * bins).astype(np.int64), bins - 1)
    table, error = [], 0.0
    for one in np.unique(number).tolist():
        inside = number == one
        said, true = float(probability[inside].mean()), float(happened[inside].mean())
        table.append({"predicted": said, "observed": true, "n": int(inside.sum())})
        error += abs(said - true) * float(inside.mean())
    return table, error
