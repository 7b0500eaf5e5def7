"""Pictures of the photo-z page: error by number of labels; PIT, reliability and coverage."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import RESULTS
from photoz_curve import Curve
from photoz_scores import LEVELS, Judged

__all__ = ["draw_calibration", "draw_labels", "reliability"]

_NEAR = 0.03
_BINS = 10


def reliability(judged: Judged) -> list[tuple[float, float, int]]:
    """Return (mean z_conf, share within 0.03 (1 + z), galaxies) of ten equal groups by z_conf."""
    conf, best, z = judged.columns["z_conf"], judged.columns["z_best"], judged.judging.z
    near = np.abs(best - z) / (1 + z) < _NEAR
    order = np.argsort(conf, kind="stable")
    return [
        (float(conf[rows].mean()), float(near[rows].mean()), len(rows))
        for rows in np.array_split(order, _BINS)
    ]


def draw_labels(name: str, curves: Mapping[str, Curve], lines: Mapping[str, float]) -> None:
    """Draw sigma_MAD against labels, every curve on the same axes; ``lines`` are rivals that saw all labels."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for n, (label, curve) in enumerate(curves.items()):
        counts = np.array(sorted(curve))
        mean, scatter = np.array([curve[count] for count in counts]).T
        style = {"marker": "o", "lw": 1.8} if n else {"marker": "s", "lw": 1.8, "color": "black", "ls": "--"}
        axis.errorbar(counts, mean, yerr=scatter, label=label, capsize=3, ms=4, **style)
    for n, (label, value) in enumerate(lines.items()):
        axis.axhline(value, lw=1, ls=":", color=f"C{n + 3}", label=label)
    axis.set_xscale("log")
    axis.set_xlabel("spectra learnt from")
    axis.set_ylabel("σ_MAD on the test part")
    # From-scratch networks with few labels are several times worse: a linear axis would flatten all else.
    values = [value for curve in curves.values() for value, _ in curve.values()]
    if max(values) > 2 * min(values):
        axis.set_yscale("log")
    axis.grid(alpha=0.3, which="both")
    axis.legend(fontsize=8)
    figure.savefig(RESULTS / f"{name}_labels.png", dpi=110)
    plt.close(figure)


def draw_calibration(name: str, judged: Mapping[str, Judged]) -> None:
    """Draw PIT histograms, reliability of z_conf, and coverage by cell at the three levels, of one or two methods."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for n, (label, one) in enumerate(judged.items()):
        assert one.pit is not None
        assert one.cells is not None
        panels[0].hist(
            one.pit, bins=25, range=(0, 1), density=True, histtype="step", lw=1.8, color=f"C{n}", label=label
        )
        told = reliability(one)
        panels[1].plot(
            [conf for conf, _, _ in told],
            [share for _, share, _ in told],
            "o-",
            ms=4,
            color=f"C{n}",
        )
        for level in LEVELS:
            held = one.is_held(level)
            shares = [held[one.cells == cell].mean() for cell in range(10)]
            panels[2].plot(
                range(1, 11), shares, "o-" if n == 0 else "x--", ms=4, lw=1, color=f"C{n}", alpha=0.9
            )
    for level in LEVELS:
        panels[2].axhline(level / 100, color="grey", lw=0.8)
        panels[2].axhspan(level / 100 - 0.05, level / 100 + 0.05, color="grey", alpha=0.12)
    panels[0].axhline(1, color="grey", lw=0.8)
    low = min(conf for one in judged.values() for conf, _, _ in reliability(one))
    panels[1].plot([low, 1], [low, 1], color="grey", lw=0.8)
    titles = (
        ("PIT = CDF(z_spec)", "density"),
        ("z_conf, ten equal groups", "share within 0.03 (1 + z)"),
        ("cell: blue bright → faint, red bright → faint", "coverage of 68, 90, 95 %"),
    )
    for panel, (across, up) in zip(panels, titles, strict=True):
        panel.set_xlabel(across)
        panel.set_ylabel(up)
        panel.grid(alpha=0.3)
    panels[0].legend(fontsize=8, loc="lower center")
    figure.savefig(RESULTS / f"{name}_calibration.png", dpi=110)
    plt.close(figure)
