"""Simulated sessions whose forecast is held against what was really left to find."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery import oddity
from discovery_data import rarefied
from retrieval_data import column

from index.embeddings import EmbeddingStore
from index.interest.features import Features
from index.interest.forecast import LEAST_FOUND, forecast
from index.interest.simulate import Simulated, simulate
from survey.archive import SurveyFolder

__all__ = ["AFTER", "LABELS", "LEVEL", "LEVELS", "TASKS", "Task", "run"]

# Looked at after so many labels, and so many further objects inspected; the levels of the bands.
LABELS = (50, 100, 150, 200)
AFTER = (0, 25, 50, 100, 200, 400, 800)
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
LEVEL = 0.8
TARGET = 0.8


@dataclass(frozen=True, slots=True)
class Task:
    """What is looked for; a share of 0 is that of the planted oddities of a demo survey."""

    kind: str
    share: float
    features: str

    @property
    def name(self) -> str:
        """For tables."""
        share = f" {100 * self.share:g} %" if self.share else ""
        return f"{self.kind}{share}, {self.features}"


# None of them served to choose the prior of the forecast (docs/interest.md).
TASKS = (
    *(
        Task(kind, share, features)
        for kind in ("odd", "merger")
        for share in (0.02, 0.05)
        for features in ("trained", "polar48")
    ),
    Task("planted", 0.0, "moco-demo-ugriz"),
)


def run(data_dir: Path, demo_dir: Path, task: Task, learner: str, seed: int) -> list[dict[str, Any]]:
    """Run one session; return what was forecast and what was true after every so many labels."""
    vectors, is_rare = _planted(demo_dir, task) if not task.share else _rare(data_dir, task, seed)
    features = Features.of(vectors, seed=seed)
    states = list(
        simulate(
            features,
            is_rare,
            start=oddity(features, seed),
            learner=learner,
            n_labels=LABELS[-1],
            seed=seed,
        )
    )
    found = {len(one.rows): one.step.found for one in states}
    told = {"task": task.name, "learner": learner, "seed": seed, "n": len(is_rare)}
    return [told | line for one in states if len(one.rows) in LABELS for line in _judged(one, is_rare, found)]


def _judged(state: Simulated, is_rare: NDArray[np.bool_], found: dict[int, int]) -> Iterator[dict[str, Any]]:
    """Hold one forecast against the truth, unless it declines to say."""
    step, n = state.step, len(state.rows)
    line: dict[str, Any] = {"labels": n, "found": step.found, "n_rare": int(is_rare.sum())}
    if step.found < LEAST_FOUND:
        yield line
        return
    candidates = np.flatnonzero(step.candidates)
    ranked = candidates[np.argsort(-step.height[candidates], kind="stable")]
    recall = (step.found + np.concatenate([[0], is_rare[ranked].cumsum()])) / is_rare.sum()
    line["truth"] = recall[list(AFTER)].tolist()
    for level in LEVELS:
        told = forecast(step, level=level, seed=n)
        # Both ends are recalls at whole numbers of objects; between two of them they rise.
        ends = [np.interp(AFTER, told.inspected, end).tolist() for end in (told.low, told.recall, told.high)]
        line[f"band{level:g}"] = ends
        if level == LEVEL:
            reach = told.to_reach(TARGET)
            line["reach"] = None if reach is None else [reach.low, reach.n, reach.high]
            line["needed"] = int(np.argmax(recall >= TARGET))
            line["curve"] = [
                told.inspected.tolist(),
                told.low.tolist(),
                told.recall.tolist(),
                told.high.tolist(),
            ]
            line["true_curve"] = recall[told.inspected].tolist()
    # What the session itself found by then, which went on learning and looking where it knew least.
    later = n + 100
    line["went_on"] = found[later] / line["n_rare"] if later in found else None
    yield line


def _rare(data_dir: Path, task: Task, seed: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    pool = rarefied(data_dir, task.kind, task.share, seed)
    return pool.vectors[task.features], pool.is_rare


def _planted(demo_dir: Path, task: Task) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    survey = SurveyFolder(demo_dir / "surveys" / "demo")
    ids, vectors = EmbeddingStore.open(demo_dir / "embeddings" / f"demo--{task.features}").load()
    assert list(ids) == list(survey.ids)
    return vectors, np.array([kind is not None for kind in column(survey, "oddity")])
