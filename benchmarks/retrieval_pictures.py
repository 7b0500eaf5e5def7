"""What people would rather look at: purities as bars, neighbours as montages."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from figures import RESULTS
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from retrieval_data import Floats
from retrieval_scores import Teller

from survey.archive import SurveyFolder

mpl.use("Agg")
from matplotlib import pyplot as plt

__all__ = ["draw_purities", "montage"]

_SIDE, _GAP = 96, 4
_COLOURS = {
    "pca48": "#b0b0b0",
    "untrained": "#d8b365",
    "polar48": "#5ab4ac",
    "rings": "#80cdc1",
    "network": "#35978f",
    "trained": "#01665e",
}


def draw_purities(teller: Teller, kinds: Sequence[str], classes: Sequence[str]) -> None:
    """Write docs/results/retrieval.png: purity@10 of each model, whole and by class, with 95 % intervals."""
    kinds = [kind for kind in _COLOURS if kind in kinds]
    told = {one["id"]: one for one in teller.figures}
    panels = [
        ("held-out fifth", {"all five": "purity10_{}", "clean-4": "purity10_clean4_{}"}),
        ("by class of the query", {name: f"purity10_{{}}_{name}" for name in classes}),
    ]
    figure, axes = plt.subplots(
        1, 2, figsize=(11, 3.6), sharey=True, width_ratios=[2, 5], layout="constrained"
    )
    for axis, (title, groups) in zip(axes, panels, strict=True):
        for n, kind in enumerate(kinds):
            found = [told[pattern.format(kind)] for pattern in groups.values()]
            heights = np.array([one["value"] for one in found])
            ends = np.array([one["interval"] for one in found]).T
            places = np.arange(len(found)) + (n - (len(kinds) - 1) / 2) * 0.8 / len(kinds)
            errors = np.abs(ends - heights)
            axis.bar(
                places, heights, 0.8 / len(kinds), color=_COLOURS[kind], label=kind, yerr=errors, capsize=2
            )
        axis.set_xticks(range(len(groups)), [name.replace("_", " ") for name in groups], fontsize=8)
        axis.set_title(title, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("share of ten neighbours of the query's class")
    axes[0].set_ylim(0, 1)
    axes[1].legend(frameon=False, fontsize=8, ncols=6)
    figure.savefig(RESULTS / "retrieval.png", dpi=110)
    plt.close(figure)


def montage(
    path: Path,
    survey: SurveyFolder,
    rows: NDArray[np.intp],
    vectors: Floats,
    *,
    labels: NDArray[np.str_],
    excluded: Sequence[tuple[int, int]] = (),
) -> None:
    """Write a picture of a dozen queries, each with its ten nearest among ``rows``: two a class, then any."""
    usable = np.isfinite(vectors).all(axis=1)
    names = [name for name in np.unique(labels) if np.sum((labels == name) & usable) > 1]
    rng = np.random.default_rng(5)
    queries: list[int] = []
    while len(queries) < 12:
        for name in names:
            left = np.setdiff1d(np.flatnonzero((labels == name) & usable), queries)
            queries += rng.choice(left, 1).tolist() if len(left) else []
    step = _SIDE + _GAP
    sheet = Image.new("RGB", (11 * step + 3 * _GAP, 12 * step), "white")
    pen = ImageDraw.Draw(sheet)
    barred = {(a, b) for pair in excluded for a, b in (pair, pair[::-1])}
    for line, query in enumerate(queries[:12]):
        similarity = np.where(usable, vectors @ vectors[query], -np.inf)
        similarity[[b for a, b in barred if a == query]] = -np.inf
        similarity[query] = np.inf
        for place, found in enumerate(np.argsort(-similarity)[:11]):
            thumbnail = Image.open(io.BytesIO(survey.thumbnail(int(rows[found])))).convert("RGB")
            x = place * step + (3 * _GAP if place else 0)
            sheet.paste(thumbnail.resize((_SIDE, _SIDE)), (x, line * step))
            if place == 0:
                pen.text((x + 3, line * step + 2), str(labels[query]), fill="white")
    path.parent.mkdir(parents=True, exist_ok=True)
    # 256 colours: a third of the bytes, and nothing that an eye would miss.
    sheet.quantize(256).save(path, optimize=True)
