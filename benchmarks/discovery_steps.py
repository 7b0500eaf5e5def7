"""How long a session step takes as the catalogue grows."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from index.interest.features import DIMENSION, Features
from index.interest.forecast import forecast
from index.interest.learners import LEARNERS
from index.interest.step import step

__all__ = ["SIZES", "measure"]

SIZES = (1_000, 10_000, 100_000, 1_000_000)
N_LABELS = 200
_REPEATS = {1_000_000: 3}
_SHARE = 0.02


def measure(n: int) -> dict[str, Any]:
    """Time the step from 190 to 200 labels, and the forecast after it; seconds of every repeat.

    Seconds are those of the processor, one thread: what a step takes where nobody else computes. ``wall`` has
    those of the clock, of the Gaussian process (``gp``).

    One object in fifty lies apart; half of the labels are of those.
    """
    rng = np.random.default_rng(n)
    values = rng.standard_normal((n, DIMENSION), dtype=np.float32)
    n_rare = int(_SHARE * n)
    values[:n_rare, :8] += 1.5
    features, start = Features(values, 5.0), rng.random(n)
    n_positive = min(N_LABELS // 2, n_rare)
    rows = np.concatenate([np.arange(n_positive), n - 1 - np.arange(N_LABELS - n_positive)])
    rng.shuffle(rows)
    scores = 5.0 * (rows < n_rare)
    told: dict[str, Any] = {"n": n, "learners": {}, "forecast": [], "wall": []}
    for learner in LEARNERS:
        # The first call of all imports what it needs.
        step(Features(values[:1000], 5.0), range(10), [0, 5] * 5, start=start[:1000], learner=learner)
        spent = []
        for repeat in range(_REPEATS.get(n, 7)):
            began, clock = time.process_time(), time.perf_counter()
            made = step(features, rows, scores, start=start, learner=learner, seed=repeat)
            spent.append(time.process_time() - began)
            if learner == "gp":
                told["wall"].append(time.perf_counter() - clock)
                began = time.process_time()
                forecast(made, seed=repeat)
                told["forecast"].append(time.process_time() - began)
        told["learners"][learner] = spent
    return told
