"""How far p(z) can be trusted: intervals, flags, planted shifts, PIT and reliability."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from photoz_plots import draw_calibration
from photoz_results import LABELS, Results, compared, plus_minus
from photoz_scores import LEVELS, OUTLIER, Judged, outlier_ratio
from photoz_shifts import SHIFTS

from training.photoz_metrics import Measured

__all__ = ["distribution", "flags", "intervals", "shifted"]


def intervals(_name: str, results: Results) -> str:
    """Return the section of conformal intervals: overall and in ten cells."""
    judged = compared(results)
    if not judged:
        return ""
    lines = ["| method | level | coverage | median width |", "| --- | --- | --- | --- |"]
    for label, one in judged.items():
        lines += [
            f"| {label} | {level} % | {plus_minus(one.coverage(level), 4)} | {one.width(level):.4f} |"
            for level in LEVELS
        ]
    label, first = next(iter(judged.items()))
    assert first.cells is not None
    knn = results.rivals.get("knn_measured")
    assert first.redealt is not None
    cells = [
        "| cell | n | 68 % | 90 % | 95 % | 68 %, redealt | median 68 % width | 30-NN width |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    worst: dict[int, Measured] = {}
    for cell in range(10):
        where = first.cells == cell
        shares = {level: first.coverage(level, where) for level in LEVELS}
        for level, share in shares.items():
            if level not in worst or _off(share, level) > _off(worst[level], level):
                worst[level] = share
        colour, place = ("blue", "red")[cell // 5], cell % 5 + 1
        width = "–" if knn is None else f"{knn.width(68, where):.4f}"
        again = f"{first.redealt.in_cells[cell, 0]:.3f} ± {first.redealt.in_cells_sd[cell, 0]:.3f}"
        cells.append(
            f"| {colour} {place} | {int(where.sum()):,} | {' | '.join(plus_minus(share, 3) for share in shares.values())} | "
            f"{again} | {first.width(68, where):.4f} | {width} |"
        )
    n, of = len(results.judging.places), _suffix(results)
    overall = max(_off(first.coverage(level), level) for level in LEVELS)
    in_cell = max(_off(share, level) for level, share in worst.items())
    for level in LEVELS:
        others = {} if knn is None or knn is first else {"knn": knn.coverage(level).value}
        results.tell(
            f"coverage{level}{of}",
            first.coverage(level),
            n=n,
            unit="share",
            better="",
            against={"nominal": level / 100, **others},
        )
        results.tell(
            f"coverage{level}_worst_cell{of}",
            worst[level],
            n=n // 10,
            unit="share",
            better="",
            against={"nominal": level / 100},
        )
    if knn is not None:
        results.tell(f"width68{of}", first.width(68), n=n, unit="redshift", against={"knn": knn.width(68)})
    return (
        "## Conformal intervals\n\n"
        + "\n".join(lines)
        + f"\n\nTen cells of {label}: two halves in g − r, each cut into five in r (1 brightest), at equal counts of the calibration part. "
        "Errors are large for so many galaxies because siblings err alike.\n\n"
        + "\n".join(cells)
        + f"\n\nFarthest from nominal: overall {overall:.1%} (1.5 % asked for), in a cell {in_cell:.1%} (5 % asked for)."
        + _luck(first, of, results)
    )


def _suffix(results: Results) -> str:
    """Return what marks figures of a rival, told where there is no image model."""
    return "" if results.image is not None else "_knn"


def _luck(judged: Judged, of: str, results: Results) -> str:
    """Tell coverage over many deals of the same galaxies, and how often one deal passes; add the figures."""
    again = judged.redealt
    assert again is not None
    both = len(results.survey.parts["calibrate"]) + len(results.judging.places)
    for number, level in enumerate(LEVELS):
        cell = int(np.argmax(np.abs(again.in_cells[:, number] - level / 100)))
        nominal = {"nominal": level / 100}
        results.tell(
            f"coverage{level}_worst_cell_redealt{of}",
            float(again.in_cells[cell, number]),
            n=both,
            unit="share",
            better="",
            against=nominal,
        )
    passed = ", ".join(f"{share:.0%} at {level} %" for share, level in zip(again.passed, LEVELS, strict=True))
    return (
        f" *Redealt*: calibration and test galaxies together dealt 200 times into halves by parent, thresholds learnt on one and counted on the other: mean ± "
        f"scatter of one deal. Coverage on exchangeable galaxies holds by theorem; of such deals {passed} meet both bars. The scatter is that of about 215 "
        "parents a cell, not of 2,150 galaxies."
    )


def _off(share: Measured, level: int) -> float:
    return abs(share.value - level / 100)


def flags(_name: str, results: Results) -> str:
    """Return the section of flagged galaxies."""
    lines = [
        "| method | flagged | η(0.05) flagged | η(0.05) others | ratio | least sure tenth by z_conf, ratio |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for number, (label, one) in enumerate(compared(results).items()):
        flagged = one.is_flagged
        far = np.abs(one.dz) > OUTLIER
        ratio = outlier_ratio(one, flagged)
        unsure = one.columns["z_conf"] <= np.quantile(one.columns["z_conf"], 0.1)
        by_conf = outlier_ratio(one, unsure)
        lines.append(
            f"| {label} | {flagged.mean():.1%} | {far[flagged].mean() if flagged.any() else float('nan'):.3f} | {far[~flagged].mean():.4f} | "
            f"{ratio.value:.1f} ({ratio.low:.1f} to {ratio.high:.1f}) | {by_conf.value:.1f} ({by_conf.low:.1f} to {by_conf.high:.1f}) |"
        )
        if not number:
            n, of = int(flagged.sum()), _suffix(results)
            results.tell(f"flag_outlier_ratio{of}", ratio, n=n, better="higher", unit="ratio")
            results.tell(
                f"flag_outlier_ratio_low95{of}",
                ratio.low,
                n=n,
                better="higher",
                unit="ratio",
                against={"asked_for": 2},
            )
            results.tell(
                f"flagged_share{of}",
                float(flagged.mean()),
                n=len(flagged),
                unit="share",
                against={"allowed": 0.1},
            )
    return (
        "## Flags\n\nFlagged: out_of_support, pdf_edge or extrapolated_mag; disagreement is raised by the spectra of a release, and there is none here. "
        "Interval: 95 %, of the bootstrap over parents.\n\n" + "\n".join(lines)
    )


def shifted(_name: str, results: Results) -> str:
    """Return the section of planted shifts."""
    how = (
        "AUROC of the distance from the training galaxies (the one behind `out_of_support`), planted (`photoz_shifts.py`) against test galaxies. "
        "A star has the r magnitude of the galaxy whose place it takes, colours of the stellar locus; a quasar those of a real one. "
        "An image model's distance watches directions learnt from training galaxies blurred and dimmed afterwards (`training/photoz_degraded.py`): "
        "of the first two shifts it was told the kind, of the others nothing. What to watch was chosen by looking at these very shifts, so that their "
        "AUROC forecasts nothing for another kind. The rivals' distance is the plain one to neighbours in r and four colours."
    )
    if not results.shifts:
        return f"## Planted shifts\n\n{how} Not planted yet."
    kinds = [kind for kind in SHIFTS if any(kind in found for found in results.shifts.values())]
    lines = [
        f"| method | {' | '.join(SHIFTS[kind] for kind in kinds)} |",
        "| --- |" + " --- |" * len(kinds),
    ]
    for name, found in results.shifts.items():
        label = LABELS.get(name, f"image: {name}").strip("*")
        cells = [f"{found[kind][0]:.3f} ({found[kind][1]})" if kind in found else "–" for kind in kinds]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    image = results.image.name if results.image else None
    if image in results.shifts:
        rival = results.shifts.get("knn_measured", {})
        for kind, (value, n) in results.shifts[image].items():
            against = {"asked_for": 0.9} | ({"magnitudes": rival[kind][0]} if kind in rival else {})
            results.tell(f"auroc_{kind}", value, n=n, better="higher", unit="share", against=against)
    return f"## Planted shifts\n\n{how}\n\n" + "\n".join(lines)


def distribution(name: str, results: Results) -> str:
    """Return the section of PIT and reliability, with its picture."""
    judged = dict(list(compared(results).items())[:2])
    if not judged:
        return ""
    draw_calibration(name, judged)
    return (
        f"## PIT, reliability\n\n![PIT, reliability, coverage by cell]({name}_calibration.png)\n\n"
        "Left: PIT after calibration (temperature), flat for honest p(z). Middle: `z_conf` against the share of z_best within 0.03 (1 + z), ten equal groups. "
        "Right: coverage in the ten cells; bands are ± 5 %."
    )
