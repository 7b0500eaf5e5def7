"""NeighbourScore of Astronomaly: a forest's guess of the score, damped near what was labelled already."""

from __future__ import annotations

import numpy as np

from index.interest.calibrating import Doubles
from index.interest.features import Floats, squared_distances
from index.interest.opinion import TOP_SCORE, Labels, Opinion

__all__ = ["damped", "neighbour_score"]

_TREES = 200
_ALPHA = 1.0
# Score of the forest that counts as no and as full interest in the damping.
_LEAST, _SPAN = 0.1, 0.85
_BLOCK = 2048


def neighbour_score(values: Floats, labels: Labels, start: Floats, seed: int) -> Opinion:
    """Regress the scores by a random forest; the anomaly score times its damping is looked at next."""
    from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415 (slow to import, needed in sessions only)

    x = values[labels.rows]
    forest = RandomForestRegressor(_TREES, oob_score=True, bootstrap=True, random_state=seed, n_jobs=1)
    forest.fit(x, labels.scores)
    guess = forest.predict(values)
    distance: Doubles = np.concatenate(
        [
            np.sqrt(squared_distances(values[begin : begin + _BLOCK], x).min(axis=1))
            for begin in range(0, len(values), _BLOCK)
        ]
    )
    final = damped(start, guess, distance / max(float(distance.mean()), 1e-12))
    return Opinion(
        guess.astype(np.float32), final.astype(np.float32), forest.oob_prediction_.astype(np.float32)
    )


def damped(score: Floats, guess: Doubles, distance: Doubles) -> Doubles:
    """Anomaly score S to ``S tanh(exp(alpha d) - 1 + artanh(f))``, f = 0.1 + 0.85 U / 5.

    Parameters
    ----------
    score
        S, how odd, at least 0.
    guess
        U, the score that a person would give, 0 to 5.
    distance
        d, to the nearest labelled object, in units of its mean over the catalogue.

    References
    ----------
    Lochner & Bassett 2021, Astronomy and Computing 36, 100481, eq. 2 and 3.
    """
    certainty = np.arctanh(_LEAST + _SPAN * np.asarray(guess, np.float64) / TOP_SCORE)
    return np.asarray(score * np.tanh(np.expm1(_ALPHA * np.asarray(distance, np.float64)) + certainty))
