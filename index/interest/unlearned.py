"""The two orders that learn nothing: the anomaly scores as they are, and chance."""

from __future__ import annotations

import numpy as np

from index.interest.features import Floats
from index.interest.opinion import Labels, Opinion

__all__ = ["by_anomaly", "by_chance"]


def by_anomaly(_values: Floats, labels: Labels, start: Floats, _seed: int) -> Opinion:
    """Keep the order of the anomaly scores."""
    return Opinion(start, start, start[labels.rows])


def by_chance(values: Floats, labels: Labels, _start: Floats, seed: int) -> Opinion:
    """Keep one random order."""
    order = np.random.default_rng(seed).random(len(values), dtype=np.float32)
    return Opinion(order, order, order[labels.rows])
