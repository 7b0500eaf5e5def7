"""The page `docs/results/photoz.md` and its figures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import machine, table, write_results
from photoz_controls import Permuted
from photoz_curve import KNN
from photoz_data import NO_FILE
from photoz_elsewhere import batch, by_bin, other_files, real
from photoz_plots import draw_labels
from photoz_results import LABELS, SHOWN, Results, plus_minus
from photoz_scores import Judged, ratio_of
from photoz_trust import distribution, flags, intervals, shifted

from training.photoz_metrics import DEFINITIONS, Measured, sigma_mad

__all__ = ["write"]

FIRST_LINE = "Machinery test: real redshifts and colours, rendered pixels."
_LEAK, _ALLOWED = 0.97, 1.05


def write(name: str, results: Results) -> None:
    """Write page, figures and pictures; print the figures."""
    sections = (
        definitions,
        everyone,
        efficiency,
        controlled,
        labels,
        intervals,
        flags,
        shifted,
        distribution,
        by_bin,
        other_files,
        real,
        batch,
    )
    texts = [section(name, results) for section in sections]
    head = (
        f"{FIRST_LINE}\n\n# Photo-z on {results.survey.name}\n\n"
        f"Written by `{results.command}` on {machine()}. {_survey_words(results)}\n\n"
    )
    end = f"## All figures\n\n{table(results.figures)}\n"
    write_results(name, results.figures, head + "\n\n".join(text for text in texts if text) + "\n\n" + end)
    print(table(results.figures))


def _survey_words(results: Results) -> str:
    parts = results.survey.parts
    counts = ", ".join(f"{part} {len(places):,}" for part, places in parts.items())
    parents = len(set(results.survey.parents[results.judging.places]))
    return (
        f"Galaxies with a spectrum by part: {counts}. Parts are of whole 5-degree tiles of the sky and whole parents "
        f"(`benchmarks/splits/photoz_parents.json`); the {len(results.judging.places):,} test galaxies are renderings of "
        f"{parents:,} real ones, so errors are from a bootstrap that draws parents ({len(results.judging.draws)} draws). "
        "Everything is calibrated on the part `calibrate` and judged on `test`. What this proves: units, dust, PSF, noise and band order are right "
        "from end to end, p(z) and its intervals are calibrated. It does not prove that images beat catalogues on the sky."
    )


def definitions(_name: str, _results: Results) -> str:
    words = "\n".join(f"- **{SHOWN.get(key, key)}** (`{key}`): {text}." for key, text in DEFINITIONS.items())
    return (
        "## Definitions\n\ndz = (z_phot − z_spec) / (1 + z_spec). Two conventions stand side by side: mean bias, σ_MAD and a fixed limit of 0.05 "
        f"(Pasquet, Hayat), and RAIL's.\n\n{words}"
    )


def everyone(_name: str, results: Results) -> str:
    everyone = [(f"image: {one.name}", one) for one in results.models]
    everyone += [(LABELS[key], one) for key, one in {**results.rivals, **results.reference}.items()]
    n = len(results.judging.places)
    image = results.image
    if image is not None:
        for key, unit in (
            ("bias_mean", ""),
            ("bias_median", ""),
            ("sigma_iqr", ""),
            ("outliers_005", "share"),
            ("outliers_015", "share"),
            ("outliers_rail", "share"),
            ("cde_loss", ""),
            ("crps", "redshift"),
        ):
            rival = {} if results.fair is None else {"fair_rival": results.fair.metrics[key].value}
            # A bias is better the nearer it is to 0, from either side.
            better = "" if key.startswith("bias") else "lower"
            results.tell(f"{key}_image", image.metrics[key], n=n, unit=unit, better=better, against=rival)
    words = (
        "Boosting: scikit-learn's histogram trees on r and four colours for ln(1 + z), absolute loss; its p(z) has the shape of the errors of unseen "
        "folds, scaled by a second set of trees that learnt their size. 30-NN: local-linear regression on the same features; its p(z) is the "
        "scatter of the neighbours about their plane. Images: z_best; a trunk pretrained on the demo survey has seen pictures of these parents, never a redshift. Reference: each real galaxy once, "
        "as the catalogue has it, fewer of them. True size and kind beside measured fluxes: all that shapes could tell of redshift."
    )
    return f"## Models and rivals\n\n{_rows(everyone)}\n\n{words}"


def _rows(judged: Sequence[tuple[str, Judged]]) -> str:
    digits = {"cde_loss": 2, "pit_ks": 3}
    lines = [
        f"| method | n | {' | '.join(SHOWN.values())} |",
        "| --- | --- |" + " --- |" * len(SHOWN),
    ]
    for label, one in judged:
        cells = [
            plus_minus(one.metrics[key], digits.get(key, 5 if key.startswith("bias") else 4))
            if key in one.metrics
            else "–"
            for key in SHOWN
        ]
        lines.append(f"| {label} | {len(one.judging.places):,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def efficiency(_name: str, results: Results) -> str:
    n = len(results.judging.places)
    points = {
        "true flux (floor)": results.rivals.get("gbm_true"),
        "flux on the same pixels (fair rival)": results.fair,
        f"image ({results.image.name})" if results.image else "image": results.image,
        "catalogue flux (reference)": results.reference.get("gbm_catalogue"),
    }
    ids = ("sigma_mad_floor", "sigma_mad_fair_rival", "sigma_mad_image", "sigma_mad_reference")
    lines = []
    for key, (label, one) in zip(ids, points.items(), strict=True):
        if one is None:
            lines.append(f"- {label}: {NO_FILE if results.models else 'no trained model at hand'}")
            continue
        results.tell(key, one.metrics["sigma_mad"], n=len(one.judging.places))
        lines.append(f"- {label}: {plus_minus(one.metrics['sigma_mad'], 5)}")
    text = "## Pixel-to-colour efficiency\n\nσ_MAD of the four points:\n\n" + "\n".join(lines)
    if results.image is None or results.fair is None:
        return text
    ratio = ratio_of(sigma_mad, results.image, results.fair)
    knn = ratio_of(sigma_mad, results.image, results.rivals["knn_measured"])
    results.tell(
        "sigma_mad_ratio",
        ratio,
        n=n,
        against={"allowed": _ALLOWED, "leak_below": _LEAK, "to_knn": knn.value},
    )
    if ratio.value > _ALLOWED:
        verdict = f"above the {_ALLOWED} that was asked for"
    elif ratio.value < _LEAK:
        verdict = "more than 3 % below: taken for a leak unless the control below clears it"
    else:
        verdict = f"within {_LEAK} to {_ALLOWED}: colours are kept to near the photometric limit"
    return f"{text}\n\nImage over fair rival: **{ratio.value:.3f}** ({ratio.low:.3f} to {ratio.high:.3f}), {verdict}."


def controlled(_name: str, results: Results) -> str:
    title = "## Permutation control"
    how = (
        "Kind and size are exchanged among test galaxies of like r and g − r, whatever their redshift, and the galaxies rendered anew with "
        "their own fluxes, dust and seeing (`photoz_shuffled.py`). Sizes are drawn from true luminosities; whoever read redshifts from them does worse here."
    )
    if not results.permutation:
        return f"{title}\n\n{how} Not rendered yet."
    lines = [
        "| method | n | σ_MAD, own shapes | σ_MAD, others' shapes | ratio |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in results.permutation:
        label = LABELS.get(one.name, f"image: {one.name}")
        lines.append(
            f"| {label} | {one.n:,} | {one.before:.5f} | {one.after:.5f} | {one.ratio.value:.3f} "
            f"({one.ratio.low:.3f} to {one.ratio.high:.3f}) |"
        )
    by_name = {one.name: one for one in results.permutation}
    rival = by_name.get("gbm_measured")
    image = by_name.get(results.image.name) if results.image else None
    verdict = ""
    if image is not None:
        against = {"leak_above": 1 / _LEAK} | ({} if rival is None else {"fair_rival": rival.ratio.value})
        results.tell("permutation_ratio_image", image.ratio, n=image.n, against=against)
        verdict = _verdict(results, image, rival)
    if rival is not None:
        results.tell("permutation_ratio_fair_rival", rival.ratio, n=rival.n)
    return f"{title}\n\n{how}\n\n" + "\n".join(lines) + verdict


def _verdict(results: Results, image: Permuted, rival: Permuted | None) -> str:
    """Say what the control allows to be claimed."""
    words = f"\n\nThe image's σ_MAD moves by {image.ratio.value - 1:+.1%}"
    if rival is not None:
        words += f", that of the fair rival, which is given no shapes, by {rival.ratio.value - 1:+.1%}: photometry depends a little on the shape it is fitted to"
        left = image.after / rival.after
        results.tell("sigma_mad_ratio_shuffled", left, n=image.n, against={"leak_below": _LEAK})
        words += f". With others' shapes the image is at {left:.3f} of the rival"
    shapes = results.rivals.get("gbm_shapes")
    if shapes is not None:
        words += (
            f"; true shapes would bring the rival itself to σ_MAD {shapes.metrics['sigma_mad'].value:.5f}"
        )
    moved = abs(image.ratio.value - 1) > 0.03
    return words + (
        ". **More than 3 %: part of the gain over the rival is read from shapes and counts as a leak.**"
        if moved
        else ". **Within 3 %: the gain over the rival is not read from shapes.**"
    )


def _point(told: tuple[float, float]) -> str:
    value, scatter = told
    return f"{value:.4f} ± {scatter:.4f}" if scatter else f"{value:.4f}"


def labels(name: str, results: Results) -> str:
    if not results.curves:
        return ""
    lines = {}
    if results.fair is not None:
        lines["boosting on measured magnitudes, all labels"] = results.fair.metrics["sigma_mad"].value
    if "gbm_true" in results.rivals:
        lines["boosting on true magnitudes (floor)"] = results.rivals["gbm_true"].metrics["sigma_mad"].value
    draw_labels(name, results.curves, lines)
    counts = sorted({count for curve in results.curves.values() for count in curve})
    rows = [
        f"| spectra | {' | '.join(f'{count:,}' for count in counts)} |",
        "| --- |" + " --- |" * len(counts),
    ]
    for label, curve in results.curves.items():
        cells = [_point(curve[c]) if c in curve else "–" for c in counts]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    for label, key in ((KNN, "knn"), ("image, pretrained", "pretrained"), ("image, scratch", "scratch")):
        for count, (value, scatter) in results.curves.get(label, {}).items():
            spread = Measured(value, scatter, value - 1.96 * scatter, value + 1.96 * scatter)
            against = {"knn": results.curves[KNN][count][0]} if count in results.curves.get(KNN, {}) else {}
            results.tell(
                f"sigma_mad_{key}_{count}_labels",
                spread if scatter else value,
                n=len(results.judging.places),
                against=against if key != "knn" else {},
            )
    return (
        f"## Error by number of spectra\n\n![σ_MAD by number of spectra]({name}_labels.png)\n\n"
        + "\n".join(rows)
        + "\n\n± is the scatter between draws of labels (five for the neighbours), where there was more than one. In the last column are all spectra; another rendering of the same galaxies may keep up to 1 % fewer. The magnitudes' curve is nearly flat, so photo-z supports no claim of "
        "labels saved: a network that beats one from scratch at few labels may still lose to five magnitudes."
    )
