"""The picture of the discovery page: average precision against labels."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery_data import FEATURES, KINDS, SHARES
from discovery_summary import Summary
from figures import RESULTS

__all__ = ["draw_curves"]

# Okabe & Ito 2008: told apart by colour-blind readers.
_COLOURS = {"trained": "#0072B2", "polar48": "#D55E00", "ellipses": "#009E73"}
_STYLES = {"gp": "-", "forest": "--"}
_BESIDE = {"neighbour": ("#CC79A7", "-."), "linear": ("#56B4E9", "-."), "random": ("#7F7F7F", ":")}
_LEARNERS = {
    "gp": "GP-EI",
    "forest": "forest",
    "neighbour": "NeighbourScore",
    "linear": "linear",
    "random": "random",
}
_KINDS = ("odd", "artefact", "merger")


def draw_curves(summary: Summary) -> None:
    """Draw a panel for each kind and share; bands are one standard deviation over the seeds."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(
        len(SHARES), len(_KINDS), figsize=(13, 7.2), sharex=True, layout="constrained"
    )
    for line, share in zip(panels, SHARES, strict=True):
        for panel, kind in zip(line, _KINDS, strict=True):
            ways = [
                (features, learner, _COLOURS[features], _STYLES[learner])
                for features in FEATURES
                for learner in _STYLES
            ]
            ways += [("trained", learner, *style) for learner, style in _BESIDE.items()]
            for features, learner, colour, style in ways:
                curve = summary.curve(kind, share, features, learner)
                if curve is None:
                    continue
                mean, spread = curve.values["ap"].mean(axis=0), curve.values["ap"].std(axis=0)
                told = _LEARNERS[learner] + ("" if learner == "random" else f", {features}")
                width = 2.0 if learner == "gp" else 1.3
                panel.plot(curve.labels, mean, color=colour, ls=style, lw=width, label=told)
                panel.fill_between(curve.labels, mean - spread, mean + spread, color=colour, alpha=0.12, lw=0)
            panel.set_title(f"{KINDS[kind].told}, {100 * share:g} %", fontsize=10)
            panel.set_ylim(bottom=0)
            panel.grid(alpha=0.3)
        line[0].set_ylabel("average precision")
    for panel in panels[-1]:
        panel.set_xlabel("labels")
    panels[0, 0].legend(fontsize=7)
    figure.savefig(RESULTS / "discovery.png", dpi=100)
    plt.close(figure)
