"""Photo-z part by part, and elsewhere: bins, other files, the real sky, batches."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import read_figures, table
from photoz_data import NO_FILE
from photoz_results import Results, compared, plus_minus
from photoz_scores import OUTLIER

from training.photoz_metrics import outlier_fraction, sigma_mad

__all__ = ["batch", "by_bin", "other_files", "real"]

# Results of other benchmarks that belong on this page, where they have been written.
_BATCHES = {
    "batch": ("batch_rows_per_s", "batch_cutouts_per_s"),
    "batch_kills": ("rows_lost", "rows_doubled"),
}
_OTHERS = {
    "photoz_hayat": "Hayat et al. 2021, `sdss_w_specz_valid.h5`",
    "photoz_pasquet": "Pasquet et al. 2019, `sdss.npz`",
}


def by_bin(_name: str, results: Results) -> str:
    """Return the section of bins in r, z and colour."""
    judged = compared(results)
    if not judged or not np.isfinite(results.survey.mags).any():
        return ""
    mags = results.survey.mags[results.judging.places]
    axes: dict[str, np.ndarray] = {
        "r": mags[:, 2],
        "z": results.judging.z,
        "g − r": mags[:, 1] - mags[:, 2],
    }
    chosen = {key: one for key, one in judged.items() if one is results.image or one is results.fair}
    lines = [
        "| bin | n | " + " | ".join(f"{key}: bias, σ_MAD, η(0.05)" for key in chosen) + " |",
        "| --- | --- |" + " --- |" * len(chosen),
    ]
    measures: tuple[Callable[[Any], float], ...] = (
        lambda dz: float(np.mean(dz)),
        sigma_mad,
        lambda dz: outlier_fraction(dz, threshold=OUTLIER),
    )
    for axis, values in axes.items():
        edges = np.nanquantile(values, np.linspace(0, 1, 6))
        for low, high in pairwise(edges):
            where = (values >= low) & ((values < high) | (high == edges[-1]))
            cells = []
            for one in chosen.values():
                told = [one.judging.measure(_of(measure, one.dz, where)) for measure in measures]
                cells.append(f"{plus_minus(told[0], 4)}, {plus_minus(told[1], 4)}, {plus_minus(told[2], 4)}")
            lines.append(f"| {axis} {low:.2f} to {high:.2f} | {int(where.sum()):,} | {' | '.join(cells)} |")
    return (
        "## By magnitude, redshift and colour\n\nFive equal groups each. The bias by true redshift is that of every estimate of least error: "
        "it leans towards the middle of what is known.\n\n" + "\n".join(lines)
    )


def _of(measure: Callable[[Any], float], dz: Any, where: Any) -> Callable[[Any], float]:
    return lambda rows: measure(dz[rows][where[rows]])


def other_files(_name: str, _results: Results) -> str:
    """Return the section that keeps a row for public files."""
    lines = ["| file | n | σ_MAD image |", "| --- | --- | --- |"]
    for name, title in _OTHERS.items():
        told = read_figures(name).get("sigma_mad_image")
        cells = ("–", NO_FILE) if told is None else (f"{told['n']:,}", f"{told['value']:.5f}")
        lines.append(f"| {title} | {cells[0]} | {cells[1]} |")
    return (
        "## Real pixels with spectra\n\nNo public set small enough to be here has five bands and redshifts. Import one, and the same command judges it: "
        "`skylike survey import`, `skylike train photoz`, `python benchmarks/photoz_predict.py`, `python benchmarks/photoz.py --survey hayat --name photoz_hayat`.\n\n"
        + "\n".join(lines)
    )


def real(_name: str, results: Results) -> str:
    """Return the section of real display images."""
    title = "## A look at the real sky"
    if not results.real:
        return f"{title}\n\nThe pictures of ../shared/data are not at hand."
    lines = [
        "| from | by | N | σ_MAD | η(0.05) | σ_MAD gz1_fixed51 | σ_MAD gz1_scaled |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in results.real:
        sets = " | ".join(f"{sigma:.4f} ({n})" for sigma, n in one.by_set.values())
        lines.append(
            f"| {one.features} | {one.method} | {one.n:,} | {plus_minus(one.sigma_mad, 4)} | {plus_minus(one.outliers, 3)} | {sets} |"
        )
    best = min(results.real[1:], key=lambda one: one.sigma_mad.value)
    nothing = results.real[0]
    trained = min(
        (one for one in results.real if one.features.startswith("moco")),
        key=lambda one: one.sigma_mad.value,
    )
    results.tell(
        "real_sky_sigma_mad",
        best.sigma_mad,
        n=best.n,
        against={"no_image": nothing.sigma_mad.value, "trained": trained.sigma_mad.value},
    )
    results.tell("real_sky_outliers", best.outliers, n=best.n, unit="share")
    return (
        f"{title}\n\nRedshifts of {best.n:,} real SDSS colour pictures of galaxies with a spectrum; display images of unknown stretch with dust left on, "
        "so the API refuses to estimate from them. Five folds by 5-degree tile, each set from its own; errors: bootstrap over tiles. The axes of pca48 and polar48 "
        "were fitted on other pictures; moco-sdss-rgb may have seen these pixels, never a redshift.\n\n"
        + "\n".join(lines)
    )


def batch(_name: str, results: Results) -> str:
    """Return the figures of batches, where they have been measured."""
    told = [
        found[name]
        for page, names in _BATCHES.items()
        if (found := read_figures(page))
        for name in names
        if name in found
    ]
    if not told:
        return ""
    results.figures.extend(told)
    pages = ", ".join(f"[{page}.md]({page}.md)" for page in _BATCHES)
    return f"## Batches\n\nFrom {pages}.\n\n{table(told)}"
