"""A plot of how far two releases agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from index.overlap import Overlap

__all__ = ["plot_overlap"]


def plot_overlap(overlap: Overlap, path: Path) -> None:
    """Draw how many galaxies keep which share of their neighbours.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - heavy, and in an extra

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    edges = (np.arange(overlap.k + 2) - 0.5) / overlap.k
    axes.hist(overlap.shares, bins=list(edges), color="tab:blue")
    low, high = overlap.interval
    axes.axvline(overlap.mean, color="black", label=f"mean {overlap.mean:.3f}, 95 % {low:.3f} to {high:.3f}")
    axes.set_xlabel(f"share of the {overlap.k} nearest in the first release that the second has too")
    axes.set_ylabel(f"galaxies, of {len(overlap.ids)} sampled")
    axes.set_title(f"{overlap.first}\n{overlap.second}", fontsize=9)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
