"""The page of the retrieval benchmark: its words and its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from figures import machine, table
from retrieval_data import HELD_OUT
from retrieval_scores import Teller

from index.model import Model

__all__ = ["CLASSES", "near_duplicates", "page"]

CLASSES = ("edge_on", "elliptical", "merger", "spiral", "star_or_dont_know")

_PAGE = """# Neighbours of real galaxies: what training is worth

Share of the ten nearest neighbours with the query's own morphology (purity@10) on pictures that no model was trained or fitted
on. Written by `{command}` on {machine}.

{main}

![Purity by model and class](retrieval.png)

Means over {seeds} seed{s} of the trained network ({models}; pixels of {surveys}, no labels); in brackets the 95 % bootstrap interval over run-camcol-field
groups, of the mean over the seeds (for the mAP: least and greatest of the seeds). From seed to seed the purity varies by {seed_sd} (standard deviation). The `trained` model is a
hybrid: the vector of its network beside a description of rings (the moduli of `polar48`, and the phases between rings along axes that the views
of one galaxy leave alone), weighted on the validation part. `network` and `rings` are its two parts alone. `untrained` is the network's architecture
with the weights it began with, and the same views, centring and axes. `pca48` and `polar48` are fitted on the
training part alone, none of the held-out galaxies among them.

**Read it with care.** The set is balanced by class: these are not precisions on the sky, where mergers are one in a hundred. {n} queries
give a standard error near 0.011 for one model; differences are therefore paired, query by query. Purity grows with the gallery:
compare only on the same one. The labels are votes without a threshold; evaluation without label noise is not possible here, and the ceilings, about
0.81 (all five) and 0.89 (clean-4), are estimates. Labels of the validation part chose epoch and projection, those of
the training and validation parts the recipe and the numbers of the rings; those of the held-out part chose nothing of the
trained models (of `polar48` the spacing of its rings, once: [retrieval_baselines.md](retrieval_baselines.md)).

**Protocol.** Queries and gallery: the first split of `benchmarks/splits/gz1_fixed51.json`, a fifth of the run-camcol-field groups of gz1_fixed51.
Neighbours of the query's own sky never count ({pairs} pairs in the held-out part: one run and camcol, fields at most one apart, images that correlate above 0.95).
clean-4 leaves out `spiral_any` and `star_or_dont_know` as queries and as gallery.

**Near-duplicates.** Pictures in the training sets that nearly repeat a held-out one, found by image and never trained on:
{duplicates}.{rule}{nearby} Unlabelled pixels of other sets may have been seen all the same: Kaggle ids are anonymous.

## By class of the query

{by_class}

## Handedness: a control

Purity between clockwise and anticlockwise spirals alone. Every model ignores reflections, so anything but one half would be a leak: {handedness}.

## Which tricks pay

{tricks}

## Elsewhere

{elsewhere}

**DECaLS rings**: 400 pictures of another survey, never trained on, half of them rings; the others are also discs with no spiral arms seen
face-on. Rings are one in two here, one in hundreds on the sky. **Odd spirals** of Galaxy Zoo 2: a draw of the labelled Kaggle pictures in their own
proportions. `odd_spiral` means featured, spiral and odd, and `not_odd_spiral` includes smooth galaxies, so anything that knows spirals scores well: the
`odd_hard` rows keep only negatives at least as spiral as the median odd one, by a classifier on `pca48` and `polar48` vectors that learnt spirals on gz1 (which makes its negatives
harder for these two than for others). Average precision over queries of the rare class; `chance` is its share.

## The same galaxy twice

{twice}

**Rendered**: galaxies of the demo survey rendered twice more: light, size, type and every part are the same; noise, seeing,
dust, position angle, place on the pixel grid and the sources around them are new, and neither rendering is the one that a model was trained on. `recall1`: the
other image comes first among all; `margin`: its cosine less that of the nearest other galaxy, median.
**On the sky**: SDSS ugriz stamps of galaxies seen in several runs, one query a galaxy, among all exposures of galaxies and star fields. An anecdote: {repeats}.

## What else the vector tells

{nuisance}

R² of a ridge regression from the vector, five folds, for half-light radius (logarithm), central brightness and colour as measured on the
displayed picture. `source_accuracy`: how often a linear classifier tells from the vector which of three sets of SDSS pictures one is from (chance 0.33; 0.76 from a power
spectrum with the sky level). In brackets least and greatest over the seeds.

## All figures

{table}
"""


def page(
    teller: Teller,
    *,
    command: str,
    trained: Sequence[Model],
    kinds: Sequence[str],
    n_pairs: int,
    n: int,
    seed_sd: float,
    nearby: int,
) -> str:
    """Return the page."""
    twice = [
        kind for kind in ("pca48", "polar48", "demo") if teller.value(f"recall1_demo_{kind}") is not None
    ]
    return _PAGE.format(
        command=command,
        machine=machine(),
        main=_main(teller, kinds),
        seeds=len(trained),
        s="" if len(trained) == 1 else "s",
        models=", ".join(f"`{model.card.id}`" for model in trained),
        surveys=trained[0].card.training.get("survey", "unstated surveys"),
        seed_sd=f"{seed_sd:.4f}" if len(trained) > 1 else "an unknown amount",
        n=f"{n:,}",
        pairs=n_pairs,
        duplicates=", ".join(f"{count} of {name}" for name, count in near_duplicates().items())
        or "none listed",
        rule=f" Rule: {rule}" if (rule := _listed().get("near_duplicates_rule")) else "",
        nearby=f" {nearby} of the training pictures lie in run-camcol-fields of held-out galaxies: none shows one."
        if nearby
        else "",
        by_class=_rows(teller, kinds, {name: f"purity10_{{}}_{name}" for name in CLASSES}),
        handedness=", ".join(f"{kind} {teller.shown(_handed(kind))}" for kind in kinds),
        tricks=_tricks(trained),
        elsewhere=_rows(
            teller,
            kinds,
            {
                f"{what}, {told}": f"{stem}_{measure}_{{}}"
                for stem, what in (
                    ("rings", "DECaLS rings"),
                    ("odd", "odd spirals"),
                    ("odd_hard", "odd spirals among spirals"),
                )
                for measure, told in (("ap", "AP"), ("purity10", "purity@10"))
            },
        ),
        twice=_rows(
            teller,
            twice,
            {
                "rendered twice, recall@1": "recall1_demo_{}",
                "rendered twice, margin": "margin_demo_{}",
                "repeats on the sky, recall@1": "repeats_recall1_{}",
            },
        ),
        repeats=_repeats(teller),
        nuisance=_rows(
            teller,
            kinds,
            {
                "R² of size": "r2_size_{}",
                "R² of brightness": "r2_brightness_{}",
                "R² of colour": "r2_colour_{}",
                "source accuracy": "source_accuracy_{}",
            },
        ),
        table=table(teller.figures),
    )


def near_duplicates() -> dict[str, int]:
    """Return how many pictures of each set are hidden from training for what they repeat."""
    return {name: len(ids) for name, ids in _listed().get("near_duplicates", {}).items()}


def _listed() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(HELD_OUT.read_text())
    return stored


def _handed(kind: str) -> str:
    return "handedness_purity" if kind == "trained" else f"handedness_{kind}"


def _main(teller: Teller, kinds: Sequence[str]) -> str:
    lines = _rows(
        teller,
        kinds,
        {
            "purity@10": "purity10_{}",
            "class-balanced mAP": "map_{}",
            "clean-4 purity@10": "purity10_clean4_{}",
        },
    )
    gains = [
        f"**{what}: {teller.shown(name)}**"
        for what, name in (
            ("Purity@10, trained − polar48", "purity10_gain"),
            ("network alone − polar48", "purity10_gain_network"),
            ("rings alone − polar48", "purity10_gain_rings"),
            ("trained − rings alone", "purity10_gain_over_rings"),
            ("clean-4, trained − polar48", "purity10_clean4_gain"),
        )
        if teller.value(name) is not None
    ]
    return f"{lines}\n\n{'; '.join(gains)}, paired over groups (asked for: at least 0.02, aim 0.06)."


def _rows(teller: Teller, kinds: Sequence[str], rows: Mapping[str, str]) -> str:
    if not kinds:
        return "Not measured in this run."
    head = ["| |", *(f" {kind} |" for kind in kinds)]
    lines = ["".join(head), "| --- |" + " --- |" * len(kinds)]
    for told, pattern in rows.items():
        cells = [teller.shown(pattern.format(kind)) for kind in kinds]
        if any(cell != "–" for cell in cells):
            lines.append(f"| {told} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _tricks(models: Sequence[Model]) -> str:
    """Return the card's own measurements on the validation part, one column a seed."""
    found = [_flat(model.card.training.get("tricks") or {}) for model in models]
    if not any(found):
        return "The model cards do not say."
    names = list(dict.fromkeys(name for one in found for name in one))
    head = "| purity@10 of the validation part |" + "".join(f" `{model.card.id}` |" for model in models)
    lines = [head, "| --- |" + " --- |" * len(models)]
    lines += [f"| {name} | {' | '.join(_cell(one.get(name)) for one in found)} |" for name in names]
    return "\n".join(
        [
            "Measured on the validation part of the training labels when the model was exported, by the card:",
            "",
            *lines,
        ]
    )


def _flat(tricks: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in tricks.items():
        if isinstance(value, Mapping):
            told.update({f"{name}: {key}": score for key, score in value.items()})
        else:
            told[name] = value
    return told


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "–" if value is None else str(value)


def _repeats(teller: Teller) -> str:
    for kind in ("demo", "polar48"):
        told = next((one for one in teller.figures if one["id"] == f"repeats_recall1_{kind}"), None)
        if told:
            return f"{round(told['value'] * told['n'])} of {told['n']} galaxies with the `{kind}` model"
    return "not measured in this run"
