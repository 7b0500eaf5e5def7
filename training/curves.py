"""What the log of a run shows: a few numbers, and its curves as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from training.runs import RunFolder

__all__ = ["best_epoch", "draw_curves", "summarise"]

_PICTURE = "curves.png"
# What a line says beside losses and validation.
_COUNTS, _PACE, _RATE = ("step", "epoch"), ("images_per_s", "loader_share"), "learning_rate"
_LOSSES = ("info_nce", "auxiliary", "description")


def summarise(run: RunFolder) -> dict[str, Any]:
    """Return what is asked of a run first; empty before its first epoch.

    Returns
    -------
    dict
        Losses as ``first -> last``; ``best_epoch`` by validation score (None without one); medians of the speed in
        images a second and of the share of time spent waiting for data.
    """
    lines = run.lines()
    if not lines:
        return {}
    losses = [name for name in _LOSSES if name in lines[0]]
    return {
        **{name: f"{lines[0][name]:.4g} -> {lines[-1][name]:.4g}" for name in losses},
        "best_epoch": best_epoch(lines),
        **{name: round(median(line[name] for line in lines), 4) for name in _PACE if name in lines[0]},
    }


def best_epoch(lines: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the first epoch of the highest validation score; None where nothing was judged."""
    scored = [line for line in lines if math.isfinite(line.get("score", math.nan))]
    return int(max(scored, key=lambda line: float(line["score"]))["epoch"]) if scored else None


def draw_curves(run: RunFolder) -> Path | None:
    """Draw losses, validation and pace over epochs beside the log; None without an epoch or without matplotlib."""
    lines = run.lines()
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # training goes without it, where it is not installed
    except ImportError:
        return None
    if not lines:
        return None
    others = [name for name in lines[0] if name not in (*_COUNTS, *_PACE, _RATE, "score")]
    losses = [name for name in others if name in _LOSSES]
    judged = [name for name in others if name not in (*_LOSSES, "gradient_norm")]
    figure = Figure(figsize=(11, 6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True).ravel()
    kinds = (
        ("loss", losses),
        ("validation", judged),
        ("gradient norm", ["gradient_norm"]),
        ("rate", [_RATE]),
    )
    for panel, (title, names) in zip(panels, kinds, strict=True):
        for name in names:
            panel.plot(*_series(lines, name), marker=".", label=name)
        panel.set_title(title)
        panel.grid(alpha=0.3)
        if len(names) > 1:
            panel.legend()
    for panel in panels[2:]:
        panel.set_xlabel("epoch")
    figure.suptitle(run.path.name)
    path = run.path / _PICTURE
    figure.savefig(path, dpi=100)
    return path


def _series(lines: Sequence[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    known = [(line["epoch"], line[name]) for line in lines if name in line]
    return [epoch for epoch, _ in known], [value for _, value in known]
