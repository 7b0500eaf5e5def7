"""One step of an interest session: labels in, the next batch and everybody's interest out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from index.interest.batches import audited, best_apart, spread_out
from index.interest.calibrating import CHANCE, LEARNED, UNLEARNED, Calibration, calibrate, heights
from index.interest.features import Features, Floats, squared_distances
from index.interest.learners import DEFAULT_LEARNER, LEARNERS
from index.interest.opinion import TOP_SCORE, Labels, Opinion

__all__ = ["BATCH", "THRESHOLD", "Step", "step"]

# A score from which an object counts as interesting, and how many are shown at once.
THRESHOLD, BATCH = 3.0, 10
# One pick in so many checks the forecast instead of following the learner.
_AUDIT_SHARE = 0.1
_UNLEARNED = {"forest": UNLEARNED, "random": CHANCE}
_BLOCK = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Where a session stands.

    Attributes
    ----------
    rows
        The next batch, most promising first, the audits last; fewer than asked for where fewer are left.
    audits
        Which of the batch were drawn to check the forecast, shape (len(rows),).
    interest
        Expected score of every object, 0 to 5, shape (N,), float32.
    acquisition
        What the batch was picked by, larger is sooner, shape (N,): a scale of the learner's own.
    probability
        That an object would be scored at least ``threshold``, shape (N,), float64; calibrated on the
        labels, and in the learner's order (rank by it).
    learner, threshold
        As asked.
    learned
        Whether the learner had labels of two kinds to learn from.
    candidates
        Allowed and not labelled, shape (N,).
    height
        Place in the learner's order as a normal quantile, 0 the middle, shape (N,).
    calibration
        From height to probability.
    found
        Labelled objects of at least ``threshold``.
    n_labels
        Labelled objects.
    """

    rows: NDArray[np.int64]
    audits: NDArray[np.bool_]
    interest: Floats
    acquisition: Floats
    probability: NDArray[np.float64]
    learner: str
    threshold: float
    learned: bool
    candidates: NDArray[np.bool_]
    height: NDArray[np.float64]
    calibration: Calibration
    found: int
    n_labels: int


def step(
    features: Features,
    labelled_rows: ArrayLike,
    scores: ArrayLike,
    *,
    start: NDArray[np.floating],
    learner: str = DEFAULT_LEARNER,
    n: int = BATCH,
    seed: int = 0,
    allowed: NDArray[np.bool_] | None = None,
    threshold: float = THRESHOLD,
) -> Step:
    """Learn from all labels and choose what to look at next.

    The same labels in the same order give the same step: nothing is kept between steps.

    Parameters
    ----------
    features
        Of the whole release.
    labelled_rows, scores
        What the person scored, 0 to 5, each row once, earliest first; may be empty.
    start
        How odd each object is before anything is learned, larger is odder, shape (N,): -log10 of its tail
        probability. Not finite counts as not odd.
    learner
        A name of :data:`index.interest.learners.LEARNERS`.
    n
        Size of the batch.
    allowed
        Objects that may be picked, shape (N,), and that the forecast counts; all, if left out. Labels
        outside teach, but are not counted as found.
    threshold
        The least score of an interesting object.

    Raises
    ------
    ValueError
        If labels contradict themselves or a row is not of the catalogue.
    KeyError
        If there is no such learner.
    """
    labels = Labels(np.asarray(labelled_rows, np.int64), np.asarray(scores, np.float64))
    if len(labels) and not 0 <= labels.rows.min() <= labels.rows.max() < len(features):
        raise ValueError(f"labelled rows lie outside 0 to {len(features) - 1}")
    inside = np.ones(len(features), dtype=bool) if allowed is None else np.asarray(allowed, dtype=bool)
    candidates = inside.copy()
    candidates[labels.rows] = False
    odd = np.nan_to_num(np.asarray(start, np.float32), nan=0, posinf=0, neginf=0)
    learned = len(labels) > 1 and bool(np.ptp(labels.scores) > 0)
    judge = LEARNERS[learner]
    if learned or learner in _UNLEARNED:
        opinion = judge(features.values, labels, odd, seed)
    else:
        opinion = _one_sided(features, labels, odd, threshold)
    height, labelled_height = heights(opinion, labels, inside)
    interesting = labels.scores >= threshold
    calibration = calibrate(labelled_height, interesting, _UNLEARNED.get(learner, LEARNED), seed)
    probability = calibration.probability(height)
    rows, audits = _batch(
        features,
        opinion,
        probability,
        np.flatnonzero(candidates),
        n=n,
        mixed=not learned and learner not in _UNLEARNED,
        audit=learner not in _UNLEARNED,
        labels=labels,
        seed=seed,
    )
    high = labels.scores[interesting].mean() if interesting.any() else (threshold + TOP_SCORE) / 2
    low = labels.scores[~interesting].mean() if not interesting.all() else 0.0
    return Step(
        rows=rows,
        audits=audits,
        interest=(low + probability * (high - low)).astype(np.float32),
        acquisition=opinion.acquisition,
        probability=probability,
        learner=learner,
        threshold=threshold,
        learned=learned,
        candidates=candidates,
        height=height,
        calibration=calibration,
        found=int((interesting & inside[labels.rows]).sum()),
        n_labels=len(labels),
    )


def _one_sided(features: Features, labels: Labels, odd: Floats, threshold: float) -> Opinion:
    """Without labels of two kinds: near the interesting ones, else odd and away from the dull ones."""
    if not len(labels):
        return Opinion(odd, odd, odd[labels.rows])
    nearest = np.concatenate(
        [
            squared_distances(features.values[begin : begin + _BLOCK], features.values[labels.rows]).min(1)
            for begin in range(0, len(features), _BLOCK)
        ]
    )
    if labels.scores[0] >= threshold:
        order = -nearest
    else:
        distance = np.sqrt(nearest)
        order = odd * np.tanh(np.expm1(distance / max(float(distance.mean()), 1e-12)))
    return Opinion(order, order, order[labels.rows])


def _batch(
    features: Features,
    opinion: Opinion,
    probability: NDArray[np.float64],
    candidates: NDArray[np.int64],
    *,
    n: int,
    mixed: bool,
    audit: bool,
    labels: Labels,
    seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Choose the next batch; tell which of it are audits."""
    rng = np.random.default_rng([seed, len(labels)])
    if not len(candidates):
        return np.empty(0, np.int64), np.empty(0, bool)
    n_audits = int(n * _AUDIT_SHARE + rng.random()) if audit and not mixed else 0
    n_spread = n // 2 if mixed else 0
    best = best_apart(features, opinion.acquisition, candidates, n - n_audits - n_spread)
    rest = candidates[~np.isin(candidates, best)]
    if mixed:
        return np.concatenate([best, spread_out(features, rest, n_spread, best, rng)])[:n], np.zeros(
            min(n, len(candidates)), bool
        )
    checks = audited(probability, rest, n_audits, rng) if n_audits and len(rest) else np.empty(0, np.int64)
    rows = np.concatenate([best, checks])
    return rows, np.arange(len(rows)) >= len(best)
