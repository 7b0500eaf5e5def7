"""Neighbours of real galaxies by trained models, and what else their vectors tell.

    python benchmarks/retrieval.py --data-dir DIR --models NAME[,NAME...] [--untrained NAME[,NAME...]] [--demo-model NAME]

The models, three seeds of one training, lie under DIR/models; pictures are imported from ../shared/data into
DIR/surveys once, and vectors kept under DIR/cache/retrieval, so an interrupted run goes on.
Hardware: one core, no GPU. Of 17 ms a galaxy (ResNet-18 of width 32, eight views) six minutes for four networks and the demo
model; the first time imports take three minutes more, and rendering the demo galaxies twice (--n 2000) four; again, a quarter minute.
Expected: purity10_polar48 0.62 on this split, purity10_trained 0.02 or more above it, handedness_purity 0.50 ± 0.05.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import RESULTS, read_figures, write_results
from retrieval_data import (
    HANDED,
    NOT_CLEAN,
    Floats,
    Gallery,
    column,
    embed,
    fixed_model,
    held_out,
    seen_nearby,
    unit,
)
from retrieval_elsewhere import (
    ODD,
    RING,
    fits,
    odd_gallery,
    ring_gallery,
    some_scaled,
    spirality,
    tell_gallery,
)
from retrieval_looks import tell_looks, tell_repeats
from retrieval_nuisance import tell_nuisance, tell_sources
from retrieval_page import CLASSES, near_duplicates, page
from retrieval_pictures import draw_purities, montage
from retrieval_scores import Scored, Teller, part_of, score

from index.model import Model
from survey.archive import SurveyFolder

# Estimates of what label noise leaves to a perfect classifier, not measurements.
CEILING, CLEAN_CEILING = 0.81, 0.89
_DEMO_SHOWN = 2000

Models = dict[str, list[Model]]
Vectors = dict[str, list[Floats]]


def main() -> int:
    """Score and write."""
    arguments = _arguments()
    command = f"python benchmarks/retrieval.py {' '.join(sys.argv[1:])}".replace(
        str(arguments.data_dir), "DIR"
    )
    teller = Teller(command)
    gallery, seen = held_out(arguments.data_dir)
    models: Models = {"trained": _opened(arguments, arguments.models)}
    if arguments.untrained:
        models["untrained"] = _opened(arguments, arguments.untrained)
    for method in ("polar48", "pca48"):
        models[method] = [fixed_model(arguments.data_dir, method, gallery.survey, seen)]
    vectors = _vectors(arguments.data_dir, gallery, models)
    seed_sd = tell_held_out(teller, gallery, vectors)
    odd = tell_elsewhere(teller, arguments.data_dir, models, seen)
    tell_nuisance(teller, gallery, vectors, models["polar48"][0].contract)
    scaled = some_scaled(arguments.data_dir)
    sets = {
        "gz1": (gallery, vectors),
        "gz1-scaled": (scaled, _vectors(arguments.data_dir, scaled, models)),
        "gz2": odd,
    }
    tell_sources(teller, sets)
    tell_twice(teller, arguments)
    for name, count in near_duplicates().items():
        teller.tell(
            f"near_duplicates_{name.replace('-', '_')}",
            count,
            n=count,
            unit="pictures hidden from training",
            better="",
        )
    for told in read_figures("pretraining_speed").values():
        if told["id"] == "moco_samples_per_s":
            teller.copy(told)
    draw_purities(teller, list(vectors), CLASSES)
    if arguments.montages:
        _montages(arguments, gallery, vectors)
    text = page(
        teller,
        command=command,
        trained=models["trained"],
        kinds=list(vectors),
        n_pairs=len(gallery.same_sky),
        n=len(gallery.rows),
        seed_sd=seed_sd,
        nearby=seen_nearby(arguments.data_dir, models["trained"][0]),
    )
    write_results("retrieval", teller.figures, text)
    print(text.partition("## All figures")[0])
    return 0


def tell_held_out(teller: Teller, gallery: Gallery, vectors: Vectors) -> float:
    """Add purity and mAP, whole, by class, clean-4 and by handedness; return the spread of purity between seeds."""
    scored = {name: score(seeds, gallery) for name, seeds in vectors.items()}
    rivals = {name: float(found.purity.mean()) for name, found in scored.items() if name != "trained"}
    for name, found in scored.items():
        against = {**rivals, "ceiling_estimate": CEILING} if name == "trained" else {}
        teller.mean(f"purity10_{name}", found.purity, gallery.groups, against=against)
        spread = (min(found.map_by_seed), max(found.map_by_seed)) if len(found.map_by_seed) > 1 else None
        teller.tell(f"map_{name}", float(np.mean(found.map_by_seed)), n=len(found.purity), interval=spread)
        if len(found.by_seed) > 1:
            teller.tell(f"purity10_{name}_seed_sd", found.seed_sd, n=len(found.by_seed), better="lower")
    _tell_gains(teller, gallery, vectors, scored)
    for name, found in scored.items():
        for label in CLASSES:
            asked = np.flatnonzero(gallery.labels == label)
            groups = [gallery.groups[n] for n in asked]
            teller.mean(f"purity10_{name}_{label}", found.purity[asked], groups)
    clean, its_vectors = part_of(gallery, ~np.isin(gallery.raw_labels, NOT_CLEAN), vectors)
    cleaned = {name: score(seeds, clean) for name, seeds in its_vectors.items()}
    for name, found in cleaned.items():
        against = {"ceiling_estimate": CLEAN_CEILING}
        teller.mean(f"purity10_clean4_{name}", found.purity, clean.groups, against=against)
    teller.mean("purity10_clean4_gain", cleaned["trained"].purity - cleaned["polar48"].purity, clean.groups)
    spirals, their_vectors = part_of(gallery, np.isin(gallery.raw_labels, HANDED), vectors)
    for name, seeds in their_vectors.items():
        stem = "handedness_purity" if name == "trained" else f"handedness_{name}"
        purity = score(seeds, spirals, raw=True).purity
        teller.mean(stem, purity, spirals.groups, better="", against={"chance": 0.5})
    return scored["trained"].seed_sd


def _tell_gains(teller: Teller, gallery: Gallery, vectors: Vectors, scored: dict[str, Scored]) -> None:
    """Add differences of purity, query by query."""

    def gain(name: str, better: str, than: str, **more: dict[str, float]) -> None:
        if better in scored and than in scored:
            teller.mean(name, scored[better].purity - scored[than].purity, gallery.groups, **more)

    gain("purity10_gain", "trained", "polar48", against={"asked_for": 0.02, "aim": 0.06})
    gain("purity10_gain_network", "network", "polar48")
    gain("purity10_gain_rings", "rings", "polar48")
    gain("purity10_gain_over_rings", "trained", "rings")
    gain("purity10_gain_untrained", "network" if "network" in scored else "trained", "untrained")
    for number, one in enumerate(vectors["trained"]):
        alone = score([one], gallery).purity - scored["polar48"].purity
        teller.mean(f"purity10_gain_seed{number}", alone, gallery.groups)


def tell_elsewhere(
    teller: Teller, data_dir: Path, models: Models, seen: list[str]
) -> tuple[Gallery, Vectors]:
    """Add rings and odd spirals; return the gz2 pictures with their vectors."""
    rings = ring_gallery(data_dir)
    tell_gallery(teller, "rings", RING, *fits(rings, _vectors(data_dir, rings, models)))
    odd, vectors = fits(whole := odd_gallery(data_dir), _vectors(data_dir, whole, models))
    tell_gallery(teller, "odd", ODD, odd, vectors)
    fixed = {name: models[name][0] for name in ("pca48", "polar48")}
    likely = spirality(data_dir, odd, fixed, seen)
    hard = (odd.labels == ODD) | (likely >= np.median(likely[odd.labels == ODD]))
    tell_gallery(teller, "odd_hard", ODD, *part_of(odd, hard, vectors))
    return odd, vectors


def tell_twice(teller: Teller, arguments: argparse.Namespace) -> None:
    """Add the demo galaxies rendered anew and the real repeats, by models of five bands."""
    path = arguments.data_dir / "surveys" / "demo"
    if not (path / "survey.json").is_file():
        print("no demo survey in the data folder: renderings and repeats left out", file=sys.stderr)
        return
    demo = SurveyFolder(path)
    models = {
        method: fixed_model(arguments.data_dir, method, demo, most=_DEMO_SHOWN)
        for method in ("pca48", "polar48")
    }
    if arguments.demo_model:
        models["demo"] = Model.open(arguments.data_dir / "models" / arguments.demo_model)
    tell_looks(teller, arguments.data_dir, models, arguments.n)
    tell_repeats(teller, models)
    if arguments.demo_model:
        rows = np.arange(min(_DEMO_SHOWN, len(demo)))
        (vectors,) = embed(arguments.data_dir, demo, [models["demo"]], rows)
        montage(RESULTS / "retrieval_demo.png", demo, rows, vectors, labels=column(demo, "label")[rows])


def _montages(arguments: argparse.Namespace, gallery: Gallery, vectors: Vectors) -> None:
    for name, seeds in vectors.items():
        montage(
            arguments.montages / f"gz1-{name}.png",
            gallery.survey,
            gallery.rows,
            seeds[0],
            labels=gallery.labels,
            excluded=gallery.same_sky,
        )


def _vectors(data_dir: Path, gallery: Gallery, models: Models) -> Vectors:
    found = iter(
        embed(data_dir, gallery.survey, [one for seeds in models.values() for one in seeds], gallery.rows)
    )
    vectors = {name: [next(found) for _ in seeds] for name, seeds in models.items()}
    joined = [model.card.training.get("rings", {}).get("dimension", 0) for model in models["trained"]]
    if all(joined):
        # A hybrid's vector is its network's beside its description's: each is searched alone by its own numbers.
        parts = list(zip(vectors["trained"], joined, strict=True))
        vectors["network"] = [unit(one[:, :-n]) for one, n in parts]
        vectors["rings"] = [unit(one[:, -n:]) for one, n in parts[:1]]
    return vectors


def _opened(arguments: argparse.Namespace, names: str) -> list[Model]:
    return [Model.open(arguments.data_dir / "models" / name) for name in names.split(",")]


def _command(arguments: argparse.Namespace) -> str:
    """Return the command without what depends on where it runs."""
    told = {"models": arguments.models, "untrained": arguments.untrained, "demo-model": arguments.demo_model}
    named = [f"--{option} {value}" for option, value in told.items() if value]
    return " ".join(["python benchmarks/retrieval.py --data-dir DIR", *named, f"--n {arguments.n}"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="holds models, surveys, cache")
    parser.add_argument("--models", required=True, help="model folders, seeds of one training, by comma")
    parser.add_argument("--untrained", default="", help="the same without training, by comma")
    parser.add_argument("--demo-model", default="", help="the model of the demo survey")
    parser.add_argument("--n", type=int, default=2000, help="demo galaxies rendered twice more")
    parser.add_argument("--montages", type=Path, help="where to write neighbours of real galaxies to look at")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
