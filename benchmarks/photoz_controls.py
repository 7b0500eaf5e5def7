"""Two controls of an image model: shapes exchanged among like galaxies, and shifts planted for the support to find."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from photoz_data import Floats, Galaxies, prediction_path, read_predictions
from photoz_scores import Judged, Judging, auroc
from photoz_shifts import SHIFTS

from survey.archive import SurveyFolder
from training.photoz_metrics import Measured, normalised_dz, sigma_mad
from training.rivals import Boosted, colour_features

__all__ = ["Permuted", "permutation", "shifts"]


@dataclass(frozen=True, eq=False)
class Permuted:
    """How a method fares when shapes are exchanged.

    Attributes
    ----------
    before, after
        sigma_MAD of the same n galaxies.
    ratio
        ``after`` over ``before``, on the same bootstrap draws of parents.
    """

    name: str
    n: int
    before: float
    after: float
    ratio: Measured


def permutation(
    data_dir: Path, name: str, galaxies: Galaxies, models: Sequence[Judged], trees: Boosted | None
) -> list[Permuted]:
    """Compare each model, and the trees on measured fluxes, on galaxies with their own and with others' shapes."""
    path = data_dir / "surveys" / name
    if not (path / "survey.json").is_file():
        return []
    shuffled = Galaxies.of(path)
    found = []
    for model in models:
        file = prediction_path(data_dir, model.name, name)
        if file.is_file() and model.calibration is not None:
            told = read_predictions(file, shuffled)
            _, columns, _ = model.calibration.apply(told.logits["test"])
            after = dict(zip((shuffled.ids[p] for p in told.places["test"]), columns["z_best"], strict=True))
            found.append(_permuted(model.name, galaxies, dict(_by_id(model)), after))
    if trees is not None:
        before = trees.predict(colour_features(galaxies.mags[galaxies.parts["test"]]))
        ids = [galaxies.ids[place] for place in galaxies.parts["test"]]
        after = trees.predict(colour_features(shuffled.mags))
        found.append(
            _permuted(
                "gbm_measured",
                galaxies,
                dict(zip(ids, before, strict=True)),
                dict(zip(shuffled.ids, after, strict=True)),
            )
        )
    return found


def _by_id(model: Judged) -> list[tuple[str, float]]:
    judging = model.judging
    ids = [judging.galaxies.ids[place] for place in judging.places]
    return list(zip(ids, model.point.tolist(), strict=True))


def _permuted(name: str, galaxies: Galaxies, before: dict[str, float], after: dict[str, float]) -> Permuted:
    common = [object_id for object_id in before if object_id in after]
    places = np.array([galaxies.place_of[object_id] for object_id in common])
    judging = Judging.of(galaxies, places)
    first, second = (
        normalised_dz(np.array([told[object_id] for object_id in common]), judging.z)
        for told in (before, after)
    )
    ratio = judging.measure(lambda rows: sigma_mad(second[rows]) / sigma_mad(first[rows]))
    return Permuted(name, len(common), sigma_mad(first), sigma_mad(second), ratio)


def shifts(data_dir: Path, name: str, asked: Sequence[Judged]) -> dict[str, dict[str, tuple[float, int]]]:
    """Return AUROC and number of each planted shift, for each method that measures support.

    The score is the distance from the training galaxies in the method's own features; what it is told apart from are the
    judging galaxies.
    """
    path = data_dir / "surveys" / name
    if not (path / "survey.json").is_file():
        return {}
    survey = SurveyFolder(path)
    planted = Galaxies.of(path)
    kind_of = dict(zip(survey.ids, survey.objects.column("oddity").to_pylist(), strict=True))
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for judged in asked:
        features = _features(data_dir, name, planted, judged)
        if features is None or judged.distance is None or judged.calibration is None:
            continue
        assert judged.calibration.support is not None
        ids, values = features
        distance = judged.calibration.support.distance(values)
        kinds = np.array([kind_of[object_id] for object_id in ids])
        found[judged.name] = {
            kind: (auroc(judged.distance, distance[kinds == kind]), int((kinds == kind).sum()))
            for kind in SHIFTS
            if (kinds == kind).any()
        }
    return found


def _features(
    data_dir: Path, name: str, planted: Galaxies, judged: Judged
) -> tuple[list[str], Floats] | None:
    if judged.start == "magnitudes":
        return planted.ids, colour_features(planted.mags)
    file = prediction_path(data_dir, judged.name, name)
    if not file.is_file():
        return None
    told = read_predictions(file, planted)
    places, values = told.places["test"], told.features["test"]
    return [planted.ids[place] for place in places], values
