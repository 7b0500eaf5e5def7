"""What the simulated sessions found: means and spreads over seeds, and paired intervals."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery import Session, folder
from discovery_curves import Ranking, paired
from discovery_data import rarefied

__all__ = ["Comparison", "Curve", "Summary"]

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Sessions that differ by seed alone.

    Attributes
    ----------
    labels
        Labels given, shape (T,).
    values
        By measure: one row a seed, shape (seeds, T).
    """

    labels: NDArray[np.int64]
    values: dict[str, Doubles]

    def last(self, measure: str) -> tuple[float, float]:
        """Return mean and standard deviation over the seeds after the last label."""
        ends = self.values[measure][:, -1]
        return float(ends.mean()), float(ends.std(ddof=1)) if len(ends) > 1 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Average precisions of two ways to rank after 200 labels.

    Attributes
    ----------
    one, other
        Means over the seeds.
    draws
        Of both by the bootstrap, shape (1000, 2).
    """

    one: float
    other: float
    draws: Doubles

    @property
    def gain(self) -> tuple[float, float, float]:
        """Difference with its 95 % interval."""
        low, high = np.percentile(self.draws[:, 0] - self.draws[:, 1], [2.5, 97.5])
        return self.one - self.other, float(low), float(high)

    @property
    def factor(self) -> tuple[float, float, float]:
        """Ratio with its 95 % interval."""
        low, high = np.percentile(self.draws[:, 0] / self.draws[:, 1], [2.5, 97.5])
        return self.one / self.other, float(low), float(high)

    def interval(self, which: int = 0) -> tuple[float, float]:
        """Return the 95 % interval of the first (0) or the second (1)."""
        low, high = np.percentile(self.draws[:, which], [2.5, 97.5])
        return float(low), float(high)


class Summary:
    """All sessions of a data folder.

    Attributes
    ----------
    lines
        By kind, share, features and learner; in each, by seed.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.lines: dict[tuple[str, float, str, str], dict[int, dict[str, Any]]] = defaultdict(dict)
        for text in (folder(data_dir) / "curves.jsonl").read_text().splitlines():
            told = json.loads(text)
            self.lines[told["kind"], told["share"], told["features"], told["learner"]][told["seed"]] = told

    @property
    def commits(self) -> list[str]:
        """What was measured."""
        return sorted({one["commit"] for seeds in self.lines.values() for one in seeds.values()})

    def sizes(self, kind: str, share: float) -> tuple[int, int, int | None]:
        """Return galaxies, rare ones, and those left among high-spirality negatives."""
        told = next(
            one
            for (name, at, _, _), seeds in self.lines.items()
            if (name, at) == (kind, share)
            for one in seeds.values()
        )
        return told["n"], told["n_rare"], told.get("n_hard")

    def curve(self, kind: str, share: float, features: str, learner: str) -> Curve | None:
        """Return the curves of all seeds; None where nothing ran."""
        seeds = self.lines.get((kind, share, features, learner))
        if not seeds:
            return None
        points = [seeds[seed]["points"] for seed in sorted(seeds)]
        shortest = min(map(len, points))
        return Curve(
            labels=np.array([point["labels"] for point in points[0][:shortest]]),
            values={
                name: np.array([[point[name] for point in one[:shortest]] for one in points])
                for name in points[0][0]
            },
        )

    def compared(
        self,
        kind: str,
        share: float,
        one: tuple[str, str],
        other: tuple[str, str],
        *,
        is_hard: bool = False,
    ) -> Comparison:
        """Set two pairs of features and learner beside each other, on the same pools, by the paired bootstrap."""
        both = [self.lines[(kind, share, *way)] for way in (one, other)]
        ranked: tuple[list[Ranking], list[Ranking]] = ([], [])
        told = hashlib.sha256()
        for seed in sorted(both[0].keys() & both[1].keys()):
            pool = rarefied(self._data_dir, kind, share, seed)
            which = (
                pool.is_hard if is_hard and pool.is_hard is not None else np.ones(len(pool.rows), dtype=bool)
            )
            for (features, learner), rankings in zip((one, other), ranked, strict=True):
                name = Session(kind, share, features, learner, seed).name
                order = np.load(folder(self._data_dir) / "rankings" / f"{name}.npy")
                rankings.append(Ranking(order[which], pool.is_rare[which]))
                told.update(order[which].tobytes() + pool.is_rare[which].tobytes())
        means = [float(np.mean([one.average_precision() for one in rankings])) for rankings in ranked]
        # Kept, for a page is written again when another script's part of it is there.
        path = folder(self._data_dir) / "draws" / f"{told.hexdigest()[:24]}.npy"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, paired(*ranked, rng=np.random.default_rng(0)))
        draws = np.load(path)
        # A rare galaxy drawn twice raises its own precision: the draws run high by a little, and are moved back.
        return Comparison(means[0], means[1], draws + means - draws.mean(axis=0))
