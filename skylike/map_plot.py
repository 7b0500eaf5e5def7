"""A picture of a release's map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.release import Release

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

__all__ = ["NoSuchColumn", "plot_map"]

# Okabe & Ito 2008, Color Universal Design: told apart by all kinds of eyes.
_WORDS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")
_REST = "#bbbbbb"
_NUMBERS = "cividis"
_CLUSTER = "cluster"
# More points than this are drawn as smaller ones.
_MANY = 20_000
_PERCENTILES = (1, 99)


class NoSuchColumn(ValueError):
    """A column that the release has not, or that says nothing."""


def plot_map(release: Release, path: Path, *, colour_by: str | None) -> None:
    """Draw every galaxy at its place, coloured by a column of numbers or words, or by cluster.

    Raises
    ------
    NoSuchColumn
        If the release has not the column.
    ImportError
        Without matplotlib.
    OSError
        If the file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - heavy, and in an extra

    places = release.places
    assert places is not None
    columns = release.columns
    if colour_by is not None and colour_by not in columns.names:
        raise NoSuchColumn(f"{release.id} has no column {colour_by!r}; it has: {', '.join(columns.names)}")
    rows = release.galaxies[np.isfinite(places[release.galaxies, 0])]
    # Drawn in no order that means anything, so that none hides the others.
    rows = np.random.default_rng(0).permutation(rows)
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.subplots()
    size = 2.0 if len(rows) > _MANY else 6.0
    xy = places[rows]
    if colour_by is None:
        _draw(axes, xy, size, c=_WORDS[0])
    elif colour_by == _CLUSTER:
        _by_cluster(axes, xy, columns.array(colour_by)[rows], size)
    elif colour_by in columns.numeric:
        _by_number(axes, xy, columns.array(colour_by).astype(np.float64)[rows], colour_by, size)
    else:
        _by_word(axes, xy, columns.array(colour_by)[rows], size)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    said = release.map or {}
    quality = (
        "" if said.get("trustworthiness") is None else f", trustworthiness {said['trustworthiness']:.3f}"
    )
    axes.set_title(f"{release.id}\n{said.get('method')}, {len(rows)} galaxies{quality}", fontsize=9)
    figure.savefig(path, dpi=150)


def _by_number(
    axes: Axes, xy: NDArray[np.float32], values: NDArray[np.float64], name: str, size: float
) -> None:
    known = np.isfinite(values)
    _draw(axes, xy[~known], size, c=_REST)
    if not known.any():
        return
    low, high = np.percentile(values[known], _PERCENTILES)
    drawn = _draw(axes, xy[known], size, c=values[known], cmap=_NUMBERS, vmin=low, vmax=high)
    axes.figure.colorbar(drawn, ax=axes, label=name, shrink=0.8)


def _by_word(axes: Axes, xy: NDArray[np.float32], values: NDArray[Any], size: float) -> None:
    """Colour by word, the commonest ones in the legend."""
    words = np.array(["" if one is None else str(one) for one in values])
    listed, counts = np.unique(words[words != ""], return_counts=True)
    shown = listed[np.argsort(-counts, kind="stable")][: len(_WORDS)]
    _draw(axes, xy[~np.isin(words, shown)], size, c=_REST)
    for colour, word in zip(_WORDS, shown, strict=False):
        _draw(axes, xy[words == word], size, c=colour, label=word)
    if len(shown):
        axes.legend(frameon=False, markerscale=3, fontsize=8)


def _by_cluster(axes: Axes, xy: NDArray[np.float32], values: NDArray[np.float64], size: float) -> None:
    """Colour by cluster: there are more of them than colours, so that each has its number in its middle too."""
    _draw(axes, xy[np.isnan(values)], size, c=_REST)
    box = {"fc": "white", "lw": 0, "alpha": 0.7, "pad": 1}
    for number in np.unique(values[np.isfinite(values)]).astype(int).tolist():
        own = xy[values == number]
        _draw(axes, own, size, c=_WORDS[number % len(_WORDS)])
        middle = np.median(own, axis=0).tolist()
        axes.annotate(str(number), middle, fontsize=9, ha="center", va="center", bbox=box)


def _draw(axes: Axes, xy: NDArray[np.float32], size: float, **style: Any) -> PathCollection:
    return axes.scatter(xy[:, 0], xy[:, 1], s=size, linewidths=0, **style)
