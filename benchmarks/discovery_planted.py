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
from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.model import Model
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder
from survey.simulate.survey import simulate_survey
from training.fixed import fit_fixed

__all__ = ["planted"]

SERVED = "moco-demo-ugriz"
# Kinds that show the galaxy itself to be odd; the others are defects and neighbours.
ASTROPHYSICAL = ("ring", "arc")
TOP = 0.01


def planted(teller: Teller, path: Path) -> str:
    """Add the figures and return the table; the surveys of all seeds count together."""
    held: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    there: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    best = 0
    for one in json.loads(path.read_text()):
        way = one["features"], one["detector"]
        for kind, (n_held, n) in one["kinds"].items():
            groups = [kind, "all", "astrophysical" if kind in ASTROPHYSICAL else "other"]
            held[way].update(dict.fromkeys(groups, n_held))
            there[way].update(dict.fromkeys(groups, n))
        if way == ("trained", "forest"):
            best += round(TOP * one["n"])
    groups = [
        "all",
        "astrophysical",
        *sorted(set(next(iter(there.values()))) - {"all", "astrophysical", "other"}),
    ]
    head = ["features", "detector", *groups]
    lines = [head, ["---"] * len(head)]
    for (features, detector), found in held.items():
        n = there[features, detector]
        lines.append([features, detector, *(f"{found[group]} of {n[group]}" for group in groups)])
        for group in groups[:2]:
            teller.tell(
                f"oddity_recall_top1_{group}_{detector}_{features}",
                found[group] / n[group],
                n=n[group],
                interval=wilson(found[group], n[group]),
                against={"chance": TOP, "best possible": min(1.0, best / n[group])},
            )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
        for features, store in _stores(arguments.data_dir, survey):
            found += _counted(survey, store, features, seed)
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


def _counted(survey: SurveyFolder, store: EmbeddingStore, features: str, seed: int) -> list[dict[str, Any]]:
    """Count by detector and kind what the top 1 % hold."""
    ids, vectors = store.load()
    told = dict(zip(survey.ids, survey.objects.column("oddity").to_pylist(), strict=True))
    kinds = np.array([told[one] or "" for one in ids])
    scored = AnomalyModel.fitted(ids, vectors, seed=0).score(vectors)
    return [
        {
            "seed": seed,
            "features": features,
            "detector": name,
            "n": len(ids),
            "commit": commit(),
            "kinds": {kind: _held(raw, kinds == kind) for kind in sorted(set(kinds) - {""})},
        }
        for name, raw in scored.raw.items()
    ]


def _held(raw: NDArray[np.float64], planted: NDArray[np.bool_]) -> list[int]:
    """Return how many of the planted ones are among the top 1 %, and how many there are."""
    top = np.argsort(-raw, kind="stable")[: round(TOP * len(raw))]
    return [int(planted[top].sum()), int(planted.sum())]


if __name__ == "__main__":
    main()
