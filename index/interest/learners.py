"""The learners by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from index.interest.gaussian import gaussian_process
from index.interest.linear import linear_probe
from index.interest.neighbour import neighbour_score
from index.interest.opinion import Learner
from index.interest.unlearned import by_anomaly, by_chance

__all__ = ["DEFAULT_LEARNER", "LEARNERS"]

LEARNERS: Mapping[str, Learner] = MappingProxyType(
    {
        "gp": gaussian_process,
        "neighbour": neighbour_score,
        "linear": linear_probe,
        "forest": by_anomaly,
        "random": by_chance,
    }
)
DEFAULT_LEARNER = "gp"
