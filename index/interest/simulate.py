"""A session with a simulated expert, who knows the truth and scores by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.interest.features import Features
from index.interest.opinion import TOP_SCORE
from index.interest.step import BATCH, Step, step

__all__ = ["Simulated", "simulate"]


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A session after some batches.

    Attributes
    ----------
    rows, scores
        What was labelled, in order.
    step
        What the learner makes of it.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    step: Step


def simulate(
    features: Features,
    truth: NDArray[np.bool_],
    *,
    start: NDArray[np.floating],
    learner: str = "gp",
    n_labels: int = 200,
    n: int = BATCH,
    seed: int = 0,
    scores: NDArray[np.floating] | None = None,
) -> Iterator[Simulated]:
    """Label batch after batch; yields the state before each batch, and the last one after ``n_labels``.

    Parameters
    ----------
    truth
        What the expert is after, shape (N,): scored 5, everything else 0.
    scores
        What the expert answers instead, 0 to 5, shape (N,).
    """
    answers = TOP_SCORE * truth.astype(np.float64) if scores is None else np.asarray(scores, np.float64)
    rows = np.empty(0, np.int64)
    while True:
        wanted = min(n, n_labels - len(rows))
        now = step(features, rows, answers[rows], start=start, learner=learner, n=max(wanted, 1), seed=seed)
        yield Simulated(rows, answers[rows], now)
        if wanted <= 0 or not len(now.rows):
            return
        rows = np.concatenate([rows, now.rows])
