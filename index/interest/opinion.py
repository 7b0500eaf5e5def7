"""What every learner answers with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.interest.features import Floats

__all__ = ["TOP_SCORE", "Labels", "Learner", "Opinion"]

# People score from 0, dull, to 5, what they look for, as in Astronomaly.
TOP_SCORE = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The scores that a person gave.

    Attributes
    ----------
    rows
        Rows of the catalogue, each once, shape (m,), int64.
    scores
        0 to 5, shape (m,).

    Raises
    ------
    ValueError
        If a row comes twice, the shapes differ, or a score lies outside 0 to 5.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.rows.shape != self.scores.shape or self.rows.ndim != 1:
            raise ValueError(f"{self.rows.shape} rows have {self.scores.shape} scores; give each row one")
        if len(np.unique(self.rows)) != len(self.rows):
            raise ValueError("a row is labelled twice; keep the last label")
        if not np.all((self.scores >= 0) & (self.scores <= TOP_SCORE)):
            raise ValueError(f"scores lie outside 0 to {TOP_SCORE:g}; scale them")

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What a learner thinks of every object.

    Attributes
    ----------
    order
        Larger is more promising, shape (N,): any scale.
    acquisition
        Larger is sooner worth a look, shape (N,): any scale.
    held_out
        What ``order`` would be of each labelled object had it not been labelled, shape (m,).
    """

    order: Floats
    acquisition: Floats
    held_out: Floats


# Learns from the features (N, d), labels of at least two different scores, and how odd each object is before
# anything is learned (N,), larger is odder; deterministic by the seed, which comes last.
Learner = Callable[[Floats, Labels, Floats, int], Opinion]
