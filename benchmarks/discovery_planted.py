"""How many planted oddities of the demo survey the top 1 % of the anomaly scores hold.

    python benchmarks/discovery_planted.py --data-dir FOLDER --seeds 1 2 3 4

Renders FOLDER/surveys/demo-SEED where it is not there, embeds it by the released model and by `polar48` fitted on it, scores every galaxy
against the survey itself by every detector, and writes FOLDER/cache/discovery/planted.json. One core: about 4 minutes a survey.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery import folder
from figures import REPOSITORY, commit
from held_out import wilson
from retrieval_scores import Teller

from index.anomalies.model import AnomalyModel
from index.causes.job import inspect_survey
from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.model import Model
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder
from survey.simulate.survey import simulate_survey
from training.fixed import fit_fixed

__all__ = ["planted"]

_LISTED = "Of the list that the service gives: galaxies whose likeliest cause is astrophysical, by what the pixels show (`index.causes`), the same number of them:"
SERVED = "moco-demo-ugriz"
# Kinds that show the galaxy itself to be odd; the others are defects and neighbours.
ASTROPHYSICAL = ("ring", "arc")
# Kinds that must never top the astrophysical list.
DEFECTS = ("missing_band", "satellite_trail")
TOP = 0.01


def planted(teller: Teller, path: Path) -> str:
    """Add the figures and return two tables; the surveys of all seeds count together."""
    held: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    there: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    listed: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    best: Counter[tuple[str, str]] = Counter()
    for one in json.loads(path.read_text()):
        way = one["features"], one["detector"]
        best[way] += round(TOP * one["n"])
        for kind, (n_held, n) in one["kinds"].items():
            for group in (kind, "all", *(("astrophysical",) if kind in ASTROPHYSICAL else ())):
                held[way][group] += n_held
                there[way][group] += n
                listed[way][group] += one["listed"][kind]
    kinds = sorted(set(next(iter(there.values()))) - {"all", "astrophysical"})
    groups = ["all", "astrophysical", *kinds]
    for way, found in held.items():
        name, n = f"{way[1]}_{way[0]}", there[way]
        for stem, counts, group in (
            ("oddity_recall_top1", found, "all"),
            ("astrophysical_recall_top1", found, "astrophysical"),
            ("astrophysical_listed_recall_top1", listed[way], "astrophysical"),
        ):
            share, most = counts[group] / n[group], min(1.0, best[way] / n[group])
            teller.tell(f"{stem}_{name}", share, n=n[group], interval=wilson(counts[group], n[group]), against={"chance": TOP, "best possible": most})  # fmt: skip
    for told in teller.figures[-3 * len(held) :]:
        told["commit"] = ", ".join(sorted({one["commit"] for one in json.loads(path.read_text())}))
    tables = []
    for counts in (held, listed):
        head = ("features", "detector", *groups)
        rows = [
            [*way, *(f"{found[group]} of {there[way][group]}" for group in groups)]
            for way, found in counts.items()
        ]
        tables.append("\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows]))
    return "\n\n".join(
        [f"Of all galaxies:\n\n{tables[0]}", f"{_LISTED}\n\n{tables[1]}", _first_defects(path)]
    )


def _first_defects(path: Path) -> str:
    """Say where the first defect stands in the astrophysical lists."""
    first = [one["first_defect"] for one in json.loads(path.read_text())]
    there = sorted(place for place in first if place is not None)
    if not there:
        return f"No trail and no missing band stands anywhere in any of the {len(first)} lists."
    return f"Trails and missing bands that passed for astrophysical stand in {len(there)} of the {len(first)} lists, the first of them at place {there[0]:,}."


def main() -> None:
    """Render, embed, score and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=(1, 2, 3))
    arguments = parser.parse_args()
    found = []
    for seed in arguments.seeds:
        survey = _survey(arguments.data_dir / "surveys" / f"demo-{seed}", seed)
        inspected = folder(arguments.data_dir) / "inspections" / survey.path.name
        causes = inspect_survey(survey, inspected).columns(survey.ids)["cause"]
        for features, store in _stores(arguments.data_dir, survey):
            found += _counted(survey, store, features, seed, causes)
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    out = folder(arguments.data_dir) / "planted.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")


def _survey(path: Path, seed: int) -> SurveyFolder:
    try:
        return SurveyFolder(path)
    except CorruptFolder:
        path.parent.mkdir(parents=True, exist_ok=True)
        return simulate_survey(path, seed=seed, workers=1, progress=_say)


def _say(done: int, total: int) -> None:
    print(f"\rrendered {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _stores(data_dir: Path, survey: SurveyFolder) -> list[tuple[str, EmbeddingStore]]:
    """Return the survey's embeddings by the released model and by `polar48` fitted on it."""
    kept = data_dir / "cache" / "discovery"
    fitted = kept / "models" / f"polar48-{survey.info.name}"
    try:
        polar = Model.open(fitted)
    except CorruptFolder:
        fitted.parent.mkdir(parents=True, exist_ok=True)
        polar = fit_fixed("polar48", survey, out=fitted, model_id=fitted.name)
    stores = []
    for features, model in (("trained", Model.open(REPOSITORY / "models" / SERVED)), ("polar48", polar)):
        path = kept / "embeddings" / f"{survey.info.name}--{model.card.id}"
        embed_survey(survey, model, path)
        stores.append((features, EmbeddingStore.open(path)))
    return stores


def _counted(
    survey: SurveyFolder, store: EmbeddingStore, features: str, seed: int, causes: NDArray[Any]
) -> list[dict[str, Any]]:
    """Count by detector and kind what the top 1 % hold: of all galaxies, and of those whose cause is astrophysical."""
    ids, vectors = store.load()
    assert list(ids) == list(survey.ids)
    kinds = np.array([told or "" for told in survey.objects.column("oddity").to_pylist()])
    planted_kinds = sorted(set(kinds) - {""})
    scored = AnomalyModel.fitted(ids, vectors, seed=0).score(vectors)
    found = []
    for name, raw in scored.raw.items():
        order = np.argsort(-raw, kind="stable")
        listed = order[causes[order] == "astrophysical"]
        top, top_listed = (rows[: round(TOP * len(raw))] for rows in (order, listed))
        defects = np.flatnonzero(np.isin(kinds[listed], DEFECTS))
        found.append(
            {
                "seed": seed,
                "features": features,
                "detector": name,
                "n": len(ids),
                "commit": commit(),
                "kinds": {
                    kind: [int((kinds[top] == kind).sum()), int((kinds == kind).sum())]
                    for kind in planted_kinds
                },
                "listed": {kind: int((kinds[top_listed] == kind).sum()) for kind in planted_kinds},
                "first_defect": int(defects[0]) + 1 if len(defects) else None,
            }
        )
    return found


if __name__ == "__main__":
    main()
