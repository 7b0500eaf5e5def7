"""Whether a session's forecast comes true, and how long a step takes.

    python benchmarks/discovery_sessions.py --data-dir FOLDER --demo-dir DEMO --out sessions.json

FOLDER is that of benchmarks/discovery.py, DEMO the data folder of `skylike demo`. Sessions and timings are kept, line by line, in
FOLDER/cache/discovery/forecasts.jsonl and steps.jsonl: an interrupted run goes on; delete them to measure again. Writes the figures and
the text of the discovery page's section, docs/results/discovery_recall.png and discovery_step.png. Hardware: one core, no GPU;
about 20 minutes. `--parts` without a name only writes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery_coverage import AFTER, LABELS, LEVEL, LEVELS, TASKS, run
from discovery_session_plots import draw_recall, draw_steps
from discovery_steps import SIZES, measure
from progress import Progress
from retrieval_scores import Teller

COMMAND = "python benchmarks/discovery_sessions.py --data-dir FOLDER --demo-dir DEMO --out FILE"
# Sessions of every task by learner, numbered from the first seed: the prior was chosen on lower ones.
SEEDS = {"gp": 12, "forest": 3, "random": 3, "linear": 6, "neighbour": 2}
FIRST_SEED = 100
_DRAWS = 2000


def main() -> None:
    """Run what is missing, then write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--demo-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--parts",
        nargs="*",
        choices=("forecasts", "steps"),
        default=("forecasts", "steps"),
        help="what to run; none only writes",
    )
    arguments = parser.parse_args()
    kept = arguments.data_dir / "cache" / "discovery"
    kept.mkdir(parents=True, exist_ok=True)
    if "forecasts" in arguments.parts:
        _forecasts(kept / "forecasts.jsonl", arguments)
    if "steps" in arguments.parts:
        _steps(kept / "steps.jsonl")
    teller, text = Teller(COMMAND), []
    if (kept / "forecasts.jsonl").is_file():
        lines = [line for one in _read(kept / "forecasts.jsonl") for line in one["lines"]]
        text.append(_coverage(teller, lines))
        draw_recall(lines)
    if (kept / "steps.jsonl").is_file():
        timings = _read(kept / "steps.jsonl")
        text.append(_timing(teller, timings))
        draw_steps(timings)
    told = {"figures": teller.figures, "text": "\n\n".join(text)}
    arguments.out.write_text(json.dumps(told, indent=1) + "\n")


def _forecasts(path: Path, arguments: argparse.Namespace) -> None:
    """Run the sessions that are missing."""
    done = {(one["task"], one["learner"], one["seed"]) for one in _read(path)}
    wanted = [
        (task, learner, FIRST_SEED + seed)
        for learner, n in SEEDS.items()
        for seed in range(n)
        for task in TASKS
    ]
    missing = [one for one in wanted if (one[0].name, *one[1:]) not in done]
    shown = Progress("sessions", len(missing))
    with path.open("a") as file:
        for task, learner, seed in missing:
            lines = run(arguments.data_dir, arguments.demo_dir, task, learner, seed)
            one = {"task": task.name, "learner": learner, "seed": seed, "lines": lines}
            file.write(json.dumps(one) + "\n")
            file.flush()
            shown.step(f"{task.name}, {learner}")


def _steps(path: Path) -> None:
    done = {one["n"] for one in _read(path)}
    with path.open("a") as file:
        for n in SIZES:
            if n not in done:
                file.write(json.dumps(measure(n)) + "\n")
                file.flush()


def _coverage(teller: Teller, lines: list[dict[str, Any]]) -> str:
    """Add the figures of coverage and return the text."""
    said = [line for line in lines if "truth" in line]
    ours = [line for line in said if line["learner"] == "gp"]
    n = len({(line["task"], line["seed"]) for line in ours})
    value, interval = covered(ours)
    by_level = {f"{level:g}": covered(ours, level)[0] for level in LEVELS}
    teller.tell("recall_band_coverage", value, n=n, interval=interval, against=by_level)
    now = [line["band0.8"][0][0] - 1e-9 <= line["truth"][0] <= line["band0.8"][2][0] + 1e-9 for line in ours]
    teller.tell("recall_now_coverage", float(np.mean(now)), n=n)
    named = [line for line in ours if line["reach"]]
    reached = [line["reach"][0] <= line["needed"] <= line["reach"][2] for line in named]
    beyond = float(np.mean([line["needed"] > line["reach"][2] for line in named]))
    teller.tell("to_reach_coverage", float(np.mean(reached)), n=n, against={"beyond the band": beyond})
    went_on = [line for line in ours if line["went_on"] is not None]
    more = [line["went_on"] - line["truth"][AFTER.index(100)] for line in went_on]
    teller.tell("session_over_forecast_order", float(np.mean(more)), n=n, unit="recall")
    rows = ["| sessions | n | coverage of the 80 % band | after 50, 100, 150, 200 labels | width now |", "| --- | --- | --- | --- | --- |"]  # fmt: skip
    for name, chosen in _groups(said):
        share, (low, high) = covered(chosen)
        by_labels = [covered([line for line in chosen if line["labels"] == one])[0] for one in LABELS]
        width = np.mean([line["band0.8"][2][0] - line["band0.8"][0][0] for line in chosen])
        sessions = len({(line["task"], line["learner"], line["seed"]) for line in chosen})
        rows.append(f"| {name} | {sessions} | {share:.2f} ({low:.2f} to {high:.2f}) | {', '.join(f'{one:.2f}' for one in by_labels)} | {width:.2f} |")  # fmt: skip
    later = [np.mean([_inside(line, LEVEL)[at] for line in ours]) for at in range(len(AFTER))]
    silent = np.mean(["truth" not in line for line in lines if line["learner"] == "gp"])
    return "\n\n".join(
        (
            (
                f"{n} sessions of the Gaussian process, 200 labels each, on tasks and seeds that served to choose no prior; that the learner may not see some of what is sought was assumed after a first look at these tasks (docs/interest.md). The truth is the recall of"
                f" inspecting the remaining candidates in the order that the session gives; it is compared after {', '.join(map(str, AFTER))} further objects."
                f" Forecasts decline to say in {100 * silent:.0f} % of the looks, when fewer than five interesting objects are found. Intervals: bootstrap over sessions."
            ),
            "\n".join(rows),
            (
                f"By objects inspected from now on ({', '.join(map(str, AFTER))}): {', '.join(f'{one:.2f}' for one in later)}."
                f" The number to inspect for 80 % recall lies in its band in {np.mean(reached):.2f} of {len(named)} looks and beyond it in {beyond:.2f};"
                f" the recall so far in {np.mean(now):.2f}. A session that goes on learning has found {100 * np.mean(more):+.0f} points of recall more"
                " after 100 further labels than the order it had at first would have."
            ),
            "![Coverage by nominal level, and forecasts of single sessions with what came true](discovery_recall.png)",
        )
    )


def _groups(said: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    ours = [line for line in said if line["learner"] == "gp"]
    groups = [("Gaussian process, all tasks", ours)]
    groups += [(f"· {task.name}", [line for line in ours if line["task"] == task.name]) for task in TASKS]
    groups += [(learner, [line for line in said if line["learner"] == learner]) for learner in SEEDS if learner != "gp"]  # fmt: skip
    return [(name, chosen) for name, chosen in groups if chosen]


def _inside(line: dict[str, Any], level: float) -> NDArray[np.bool_]:
    low, _, high = (np.array(one) for one in line[f"band{level:g}"])
    truth = np.array(line["truth"])
    return np.asarray((low - 1e-9 <= truth) & (truth <= high + 1e-9))


def covered(lines: list[dict[str, Any]], level: float = LEVEL) -> tuple[float, tuple[float, float]]:
    """Return the share of points inside the band, with a bootstrap interval of 95 % over sessions."""
    by_session: dict[tuple[Any, ...], list[float]] = {}
    for line in lines:
        key = (line["task"], line["learner"], line["seed"])
        by_session.setdefault(key, []).extend(_inside(line, level).astype(float).tolist())
    if not by_session:
        return float("nan"), (float("nan"), float("nan"))
    sums = np.array([[sum(one), len(one)] for one in by_session.values()])
    drawn = np.random.default_rng(0).integers(0, len(sums), (_DRAWS, len(sums)))
    draws = sums[drawn].sum(axis=1)
    low, high = np.quantile(draws[:, 0] / draws[:, 1], (0.025, 0.975))
    return float(sums[:, 0].sum() / sums[:, 1].sum()), (float(low), float(high))


def _timing(teller: Teller, timings: list[dict[str, Any]]) -> str:
    """Add the figures of time and return the text."""
    rows = ["| objects | " + " | ".join(timings[0]["learners"]) + " | forecast |"]
    rows.append("| --- " * (len(timings[0]["learners"]) + 2) + "|")
    for one in sorted(timings, key=lambda line: int(line["n"])):
        told = [np.median(spent) for spent in (*one["learners"].values(), one["forecast"])]
        rows.append(f"| {one['n']:,} | " + " | ".join(f"{spent:.2f}" for spent in told) + " |")
        spent = one["learners"]["gp"]
        beside = {"wall": float(np.median(one["wall"]))}
        beside |= {name: float(np.median(other)) for name, other in one["learners"].items() if name != "gp"}
        teller.tell(
            f"session_step_{one['n']}", float(np.median(spent)), n=len(spent), unit="s", better="lower",
            interval=(min(spent), max(spent)), against=beside,
        )  # fmt: skip
    return "\n\n".join(
        (
            "Seconds of the processor for a step (200 labels, the next 10), one thread, median; what the clock shows where nothing else runs."
            " On the machine of these figures, which others used as well, the clock showed for the Gaussian process: "
            + ", ".join(f"{np.median(one['wall']):.2f} at {one['n']:,}" for one in timings)
            + ".",
            "\n".join(rows),
            "![Seconds of a step against the size of the catalogue](discovery_step.png)",
        )
    )


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


if __name__ == "__main__":
    main()
