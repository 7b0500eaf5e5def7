"""The pictures of sessions: forecasts against what came true, and the growth of a step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery_coverage import LABELS, LEVELS
from figures import RESULTS

__all__ = ["draw_recall", "draw_steps"]

_BLUE, _RED, _GREEN, _GREY = "#0072B2", "#D55E00", "#009E73", "#7F7F7F"
_COLOURS = {"gp": _BLUE, "linear": "#56B4E9", "neighbour": "#CC79A7", "forest": _RED, "random": _GREY}
_SHOWN = ("odd 5 %, trained", "merger 5 %, trained", "planted, moco-demo-ugriz")
_AFTER = 100


def draw_recall(lines: list[dict[str, Any]]) -> None:
    """Draw coverage against nominal level, and the first session of three tasks after 100 labels."""
    import matplotlib.pyplot as plt

    said = [line for line in lines if "truth" in line and line["learner"] == "gp"]
    figure, panels = plt.subplots(1, 1 + len(_SHOWN), figsize=(15, 3.9), layout="constrained")
    panels[0].plot([0.4, 1], [0.4, 1], color=_GREY, lw=1)
    for labels, colour in zip((*LABELS, None), (_RED, _GREEN, "#CC79A7", "#56B4E9", _BLUE), strict=True):
        chosen = [line for line in said if labels in (None, line["labels"])]
        if not chosen:
            continue
        measured = [_share_inside(chosen, level) for level in LEVELS]
        panels[0].plot(
            LEVELS,
            measured,
            "o-",
            color=colour,
            lw=2 if labels is None else 1,
            ms=4,
            label="all" if labels is None else f"after {labels} labels",
        )
    panels[0].set(xlabel="nominal level of the band", ylabel="share of points inside", title="Coverage")
    panels[0].legend(fontsize=8)
    for panel, task in zip(panels[1:], _SHOWN, strict=True):
        panel.set_title(f"{task}: {_AFTER} labels", fontsize=10)
        panel.set(xlabel="inspected from now on", ylim=(0, 1.02), xscale="symlog")
        line = next((one for one in said if one["task"] == task and one["labels"] == _AFTER), None)
        if line is None:
            continue
        inspected, low, middle, high = (np.array(one) for one in line["curve"])
        panel.fill_between(inspected, low, high, color=_BLUE, alpha=0.2, lw=0, label="80 % band")
        panel.plot(inspected, middle, color=_BLUE, label="forecast")
        panel.plot(inspected, line["true_curve"], color=_RED, ls="--", label="came true")
        panel.grid(alpha=0.3)
    panels[1].set_ylabel("recall")
    panels[1].legend(fontsize=8, loc="lower right")
    figure.savefig(RESULTS / "discovery_recall.png", dpi=110)
    plt.close(figure)


def draw_steps(timings: list[dict[str, Any]]) -> None:
    """Draw the seconds of a step against the size of the catalogue, both logarithmic."""
    import matplotlib.pyplot as plt

    ordered = sorted(timings, key=lambda line: int(line["n"]))
    sizes = [one["n"] for one in ordered]
    figure, panel = plt.subplots(figsize=(6, 4.2), layout="constrained")
    for learner, colour in _COLOURS.items():
        spent = [np.median(one["learners"][learner]) for one in ordered]
        panel.plot(sizes, spent, "o-", color=colour, lw=2 if learner == "gp" else 1.2, label=learner)
    panel.plot(sizes, [np.median(one["forecast"]) for one in ordered], "s--", color=_GREEN, label="forecast")
    panel.axhline(1, color="black", lw=0.8, ls=":")
    panel.set(xscale="log", yscale="log", xlabel="objects", ylabel="processor seconds, 200 labels, next 10")
    panel.grid(alpha=0.3, which="both")
    panel.legend(fontsize=8)
    figure.savefig(RESULTS / "discovery_step.png", dpi=110)
    plt.close(figure)


def _share_inside(lines: list[dict[str, Any]], level: float) -> float:
    low, _, high = np.array([line[f"band{level:g}"] for line in lines]).transpose(1, 0, 2)
    truth = np.array([line["truth"] for line in lines])
    return float(np.mean((low - 1e-9 <= truth) & (truth <= high + 1e-9)))
