"""Photo-z judged: models and rivals on the same galaxies, which no parent and no tile of the sky joins to those learnt from.

    python benchmarks/photoz.py --data-dir DIR [--survey sim100k] [--models ID,ID,ID] [--name photoz]

Reads the survey `DIR/surveys/SURVEY` and, for each model, its predictions `DIR/photoz/ID.npz`
(`photoz_predict.py` writes them; `photoz_data.read_predictions` says what is in them). The first model is
the one that the figures are about. Further predictions are read where they lie: `ID@sim20k-shuffled.npz` (the
permutation control, `photoz_shuffled.py`) and `ID@sim-shifts.npz` (planted shifts, `photoz_shifts.py`). All other
`ID-n300…` and `ID-…-scratch` join the label curve. Writes docs/results/NAME.{md,json} and two pictures.

Any survey with `z_spec` can be judged, a Hayat or Pasquet file by `skylike survey import` before: give it a `--name` of its own.
About 4 minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from photoz_controls import permutation, shifts
from photoz_curve import curves
from photoz_data import Galaxies, catalogue_galaxies, prediction_path, read_predictions
from photoz_page import write
from photoz_real import real_sky
from photoz_results import Results
from photoz_rivals import boosting, neighbours
from photoz_scores import Judged, Judging, judge

from survey.simulate.parents import MissingTable
from training.rivals import Boosted


def main() -> None:
    """Judge, print the table, write page, figures and pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--survey", default="sim100k")
    parser.add_argument("--models", default="", help="ids, comma between; the first is the one that counts")
    parser.add_argument("--name", default="photoz", help="of the page and the figures")
    parser.add_argument("--shuffled", default="sim20k-shuffled")
    parser.add_argument("--shifts", default="sim-shifts")
    parser.add_argument("--real-dir", type=Path, help="where gz1 and gz1-scaled are imported; default DIR")
    arguments = parser.parse_args()
    data_dir: Path = arguments.data_dir
    galaxies = Galaxies.of(data_dir / "surveys" / arguments.survey)
    judging = Judging.of(galaxies, galaxies.parts["test"])
    _say(f"{len(judging.places)} galaxies of {galaxies.name} judge")
    rivals, trees = _rivals(galaxies, judging)
    models = []
    for name in filter(None, arguments.models.split(",")):
        _say(name)
        models.append(judge(read_predictions(prediction_path(data_dir, name), galaxies), judging))
    asked = [*models, *(one for one in rivals.values() if one.name in ("knn_measured", "gbm_measured"))]
    _say("controls")
    results = Results(
        survey=galaxies,
        judging=judging,
        models=models,
        rivals=rivals,
        reference=_reference(),
        curves=curves(data_dir, galaxies, judging, models),
        permutation=permutation(data_dir, arguments.shuffled, galaxies, models, trees),
        shifts=shifts(data_dir, arguments.shifts, asked),
        real=real_sky(arguments.real_dir or data_dir),
        command=_command(arguments),
    )
    write(arguments.name, results)


def _command(arguments: argparse.Namespace) -> str:
    models = f" --models {arguments.models}" if arguments.models else ""
    name = f" --name {arguments.name}" if arguments.name != "photoz" else ""
    return f"python benchmarks/photoz.py --data-dir DIR --survey {arguments.survey}{models}{name}"


def _rivals(galaxies: Galaxies, judging: Judging) -> tuple[dict[str, Judged], Boosted | None]:
    """Judge neighbours and trees on the fluxes of the pixels and on the true ones; the trees of the pixels too."""
    found: dict[str, Judged] = {}
    trees = None
    for kind, mags in (("measured", galaxies.mags), ("true", galaxies.true_mags)):
        if mags is None or not np.isfinite(mags).any():
            continue
        _say(f"rivals on {kind} fluxes")
        found[f"knn_{kind}"] = judge(neighbours(galaxies, mags, name=f"knn_{kind}"), judging)
        predicted, fitted = boosting(galaxies, mags, name=f"gbm_{kind}")
        found[f"gbm_{kind}"] = judge(predicted, judging)
        trees = fitted if kind == "measured" else trees
    if galaxies.true_shapes is not None and trees is not None:
        _say("boosting on measured fluxes and true shapes")
        predicted, _ = boosting(galaxies, galaxies.mags, name="gbm_shapes", shapes=galaxies.true_shapes)
        found["gbm_shapes"] = judge(predicted, judging)
    return found, trees


def _reference() -> dict[str, Judged]:
    """Judge both on the catalogue's fluxes of the real galaxies, each once; none without kcorrect."""
    try:
        catalogue = catalogue_galaxies()
    except MissingTable:
        return {}
    _say("rivals on the catalogue")
    judging = Judging.of(catalogue, catalogue.parts["test"])
    return {
        "knn_catalogue": judge(neighbours(catalogue, catalogue.mags, name="knn_catalogue"), judging),
        "gbm_catalogue": judge(boosting(catalogue, catalogue.mags, name="gbm_catalogue")[0], judging),
    }


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
