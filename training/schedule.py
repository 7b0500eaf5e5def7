"""The learning rate along a run, and the order in which galaxies come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch", "epoch_batches", "learning_rate"]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Galaxies of one source.

    Attributes
    ----------
    source
        Number of the survey.
    rows
        Places in that survey's training fields, shape (N,).
    """

    source: int
    rows: NDArray[np.int64]


def learning_rate(step: int, *, steps: int, warmup: int, highest: float) -> float:
    """Return the rate of one step: linear warm-up, then half a cosine to zero (Loshchilov & Hutter 2017, eq. 5).

    Parameters
    ----------
    step
        From 0 to ``steps - 1``.
    """
    if step < warmup:
        return highest * (step + 1) / warmup
    return highest * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def epoch_batches(counts: Sequence[int], *, batch: int, seed: int, epoch: int) -> list[Batch]:
    """Shuffle one epoch: every batch from one source, the sources' batches mixed.

    The order follows from the seed and the epoch alone, so that a resumed run goes on with the batch that was next.
    What does not fill a batch is left for another epoch's shuffle.

    Parameters
    ----------
    counts
        Galaxies of each source.

    Raises
    ------
    ValueError
        If no source fills a batch.
    """
    rng = np.random.default_rng((seed, epoch))
    batches = []
    for source, count in enumerate(counts):
        order = rng.permutation(count)
        batches += [Batch(source, order[n : n + batch]) for n in range(0, count - batch + 1, batch)]
    if not batches:
        raise ValueError(
            f"the largest of the surveys has {max(counts)} galaxies, less than a batch of {batch}"
        )
    return [batches[n] for n in rng.permutation(len(batches))]
