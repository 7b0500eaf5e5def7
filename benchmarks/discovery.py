"""Which learner on which features finds rare galaxies with the fewest labels: simulated sessions on real pictures.

    python benchmarks/discovery.py --data-dir FOLDER              run what is missing, seed by seed; an interrupted run goes on
    python benchmarks/discovery.py --data-dir FOLDER --seeds 10   with more seeds

Writes FOLDER/cache/discovery/curves.jsonl, one line a session, and the last ranking of each beside it; the page is written by
benchmarks/discovery_page.py. Hardware: one core, no GPU. Takes 2 minutes for the features (embedding by the trained model not counted), 2 a seed,
and 5 more for each of the three seeds of NeighbourScore.
Needs the surveys gz1, gz2-kaggle and decals-rings in FOLDER/surveys, or their pictures in ../shared/data.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery_curves import Ranking, quality
from discovery_data import FEATURES, KINDS, Pool, rarefied
from figures import commit
from progress import Progress

from index.anomalies.forest import IsolationForest
from index.anomalies.reference import Reference
from index.interest.features import Features
from index.interest.simulate import Simulated, simulate

__all__ = ["Session", "folder", "oddity", "sessions"]

SEEDS = 5
# A random forest at each of twenty steps takes ten times as long as all other learners.
_QUICK, _SLOW, _SLOW_SEEDS = ("gp", "forest", "linear", "random"), ("neighbour",), 3


@dataclass(frozen=True, slots=True)
class Session:
    """What tells one simulated session from another."""

    kind: str
    share: float
    features: str
    learner: str
    seed: int

    @property
    def name(self) -> str:
        """For a file."""
        return f"{self.kind}-{self.share:g}-{self.features}-{self.learner}-{self.seed}"


def sessions(seeds: int) -> list[Session]:
    """Return all sessions: seed by seed with the quick learners, then a few seeds of the slow one."""
    return [
        Session(name, share, features, learner, seed)
        for learners, n_seeds in ((_QUICK, seeds), (_SLOW, min(seeds, _SLOW_SEEDS)))
        for seed in range(n_seeds)
        for name, kind in KINDS.items()
        for share in kind.shares
        for features in FEATURES
        for learner in learners
    ]


def folder(data_dir: Path) -> Path:
    """Return where sessions are kept."""
    return data_dir / "cache" / "discovery"


def main() -> None:
    """Run the sessions that are missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=tuple(KINDS))
    arguments = parser.parse_args()
    kept = folder(arguments.data_dir)
    (kept / "rankings").mkdir(parents=True, exist_ok=True)
    wanted = [one for one in sessions(arguments.seeds) if one.kind in arguments.kinds]
    missing = [one for one in wanted if not (kept / "rankings" / f"{one.name}.npy").is_file()]
    shown = Progress("sessions", len(missing))
    with (kept / "curves.jsonl").open("a") as lines:
        for session, line, ranking in _run(arguments.data_dir, missing):
            lines.write(json.dumps(line) + "\n")
            lines.flush()
            # Last, for what is looked for when the run goes on.
            np.save(kept / "rankings" / f"{session.name}.npy", ranking)
            shown.step(session.name)


def _run(
    data_dir: Path, missing: list[Session]
) -> Iterator[tuple[Session, dict[str, Any], NDArray[np.float32]]]:
    prepared: tuple[Any, ...] = ()
    for session in missing:
        drawn = (session.kind, session.share, session.features, session.seed)
        if not prepared or prepared[0] != drawn:
            pool = rarefied(data_dir, session.kind, session.share, session.seed)
            features = Features.of(pool.vectors[session.features], seed=session.seed)
            prepared = (drawn, pool, features, oddity(features, session.seed))
        _, pool, features, start = prepared
        began = time.perf_counter()
        line, ranking = _curve(session, pool, features, start)
        yield session, line | {"seconds": round(time.perf_counter() - began, 2), "commit": commit()}, ranking


def oddity(features: Features, seed: int) -> NDArray[np.float32]:
    """Return how odd each galaxy is by the isolation forest, -log10 of its tail probability in the pool."""
    sample = Reference(features.values)
    score = IsolationForest.fitted(sample, seed).score(sample.itself)
    tail = 1 - np.argsort(np.argsort(score, kind="stable"), kind="stable") / len(score)
    return np.asarray(-np.log10(tail), dtype=np.float32)


def _curve(
    session: Session, pool: Pool, features: Features, start: NDArray[np.float32]
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    points = []
    for shown in simulate(features, pool.is_rare, start=start, learner=session.learner, seed=session.seed):
        # Labelled galaxies stand where they would stand without their own label.
        order = shown.step.height
        point = {"labels": len(shown.rows), "found": shown.step.found} | asdict(
            quality(Ranking(order, pool.is_rare))
        )
        point["in_hand_ap"] = Ranking(_in_hand(shown), pool.is_rare).average_precision()
        if pool.is_hard is not None:
            hard = Ranking(order[pool.is_hard], pool.is_rare[pool.is_hard])
            point["hard_ap"] = hard.average_precision()
        points.append({name: round(value, 5) for name, value in point.items()})
    told = asdict(session) | {"n": len(pool.rows), "n_rare": int(pool.is_rare.sum()), "points": points}
    if pool.is_hard is not None:
        told["n_hard"] = int(pool.is_hard.sum())
    return told, np.asarray(order, dtype=np.float32)


def _in_hand(shown: Simulated) -> NDArray[np.float64]:
    """Order the list that a person holds: what they found, then by the learner, last what they found dull."""
    order = shown.step.height.copy()
    order[shown.rows] = np.where(shown.scores > 0, order.max() + 1, order.min() - 1)
    return order


if __name__ == "__main__":
    main()
