"""Purity and average precision of several models on one gallery, with bootstrap intervals over groups."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import figure
from retrieval_data import Floats, Gallery

from training.evaluate import Retrieval, paired_interval, retrieve

__all__ = ["Scored", "Teller", "part_of", "score"]

_DRAWS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One kind of model on one gallery, over its seeds.

    Attributes
    ----------
    purity, precision
        Of each query, mean over the seeds, shape (n,).
    by_seed, map_by_seed
        Mean purity, and class-balanced mean average precision, of each seed.
    """

    purity: NDArray[np.float64]
    precision: NDArray[np.float64]
    by_seed: list[float]
    map_by_seed: list[float]

    @property
    def seed_sd(self) -> float:
        """Standard deviation of the purity between seeds; NaN for one."""
        return float(np.std(self.by_seed, ddof=1)) if len(self.by_seed) > 1 else float("nan")


def score(vectors: Sequence[Floats], gallery: Gallery, *, raw: bool = False, k: int = 10) -> Scored:
    """Score each seed's vectors (of the gallery's rows) and take the mean, query by query."""
    labels = gallery.raw_labels if raw else gallery.labels
    found: list[Retrieval] = [retrieve(one, labels, same_sky=gallery.same_sky, k=k) for one in vectors]
    return Scored(
        purity=np.mean([one.purity for one in found], axis=0),
        precision=np.mean([one.precision for one in found], axis=0),
        by_seed=[one.mean_purity for one in found],
        map_by_seed=[one.balanced_map for one in found],
    )


def part_of(
    gallery: Gallery, keep: NDArray[np.bool_], vectors: Mapping[str, Sequence[Floats]]
) -> tuple[Gallery, dict[str, list[Floats]]]:
    """Return the galaxies where ``keep``, with their vectors."""
    places = np.flatnonzero(keep)
    new = {int(old): n for n, old in enumerate(places)}
    smaller = replace(
        gallery,
        rows=gallery.rows[places],
        labels=gallery.labels[places],
        raw_labels=gallery.raw_labels[places],
        groups=[gallery.groups[n] for n in places],
        same_sky=[(new[a], new[b]) for a, b in gallery.same_sky if a in new and b in new],
    )
    return smaller, {name: [one[places] for one in seeds] for name, seeds in vectors.items()}


class Teller:
    """Turns scores into figures of one command.

    Attributes
    ----------
    figures
        So far, in order.
    """

    def __init__(self, command: str) -> None:
        self.figures: list[dict[str, Any]] = []
        self._command = command
        self._known: dict[str, dict[str, Any]] = {}

    def tell(
        self,
        name: str,
        value: float,
        *,
        n: int,
        unit: str = "share",
        better: str = "higher",
        interval: Sequence[float] | None = None,
        against: Mapping[str, float] | None = None,
    ) -> None:
        """Add a figure, four decimals."""
        shown = None if interval is None else [round(float(end), 4) for end in interval]
        told = figure(
            name,
            round(float(value), 4),
            unit,
            n=n,
            better=better,
            command=self._command,
            interval=shown,
            against={key: round(float(other), 4) for key, other in (against or {}).items()},
        )
        self.figures.append(told)
        self._known[name] = told

    def mean(self, name: str, values: NDArray[np.floating], groups: Sequence[Any], **more: Any) -> None:
        """Add a mean with its 95 % bootstrap interval over groups; NaN do not count."""
        good = np.isfinite(values)
        kept = [groups[n] for n in np.flatnonzero(good)]
        interval = paired_interval(values[good], kept, rng=np.random.default_rng(0), n_draws=_DRAWS)
        self.tell(name, float(values[good].mean()), n=int(good.sum()), interval=interval, **more)

    def copy(self, told: dict[str, Any]) -> None:
        """Add another benchmark's figure as it is."""
        self.figures.append(told)
        self._known[told["id"]] = told

    def shown(self, name: str) -> str:
        """Return value and interval in Markdown; a dash where there is no such figure."""
        told = self._known.get(name)
        if told is None:
            return "–"
        ends = told["interval"]
        return f"{told['value']:.3f}" + (f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else "")

    def value(self, name: str) -> float | None:
        """Return the value of a figure; None where there is none."""
        told = self._known.get(name)
        return None if told is None else float(told["value"])
