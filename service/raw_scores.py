"""What a detector said of a galaxy, from the tail probability that a release keeps of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from index.anomalies.model import AnomalyModel
    from index.anomalies.tail import Tail

__all__ = ["RawScores"]


class RawScores:
    """Scores of every detector by their tail probabilities: the inverse of :meth:`index.anomalies.tail.Tail.probability`.

    So a stored galaxy's are known without scoring it, and those of an upload are the same for the same pixels. What is less
    odd than all of the reference sample has a probability of 1, and gets the least score of the sample.
    """

    def __init__(self, model: AnomalyModel) -> None:
        self._tails = {part.detector.name: _Inverse(part.tail) for part in model.parts}

    def of(self, detector: str, p: float) -> float:
        """Return the score of a detector that has a tail probability."""
        return self._tails[detector].score(p)


class _Inverse:
    def __init__(self, tail: Tail) -> None:
        n = len(tail.scores)
        known, first = np.unique(tail.scores, return_index=True)
        share = (n - first) / n
        # Rising, as interpolation has it.
        self._share, self._known = share[::-1], known[::-1]
        self._start = float(np.interp(tail.threshold, known, share))
        self._tail = tail

    def score(self, p: float) -> float:
        if p >= self._start:
            return float(np.interp(p, self._share, self._known))
        log_share, shape = np.log(p / self._start), self._tail.shape
        excess = np.expm1(-shape * log_share) / shape if shape > 0 else -log_share
        return float(self._tail.threshold + self._tail.scale * excess)
