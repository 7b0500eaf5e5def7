"""sigma_MAD by number of spectra: networks from a pretrained trunk and from scratch, neighbours on magnitudes."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from photoz_data import Galaxies, Predictions, prediction_path, read_predictions
from photoz_rivals import label_curve
from photoz_scores import Judged, Judging

from index.pdf import summarise
from index.photoz_calibration import softmax
from training.photoz_metrics import normalised_dz, sigma_mad

__all__ = ["KNN", "Curve", "curves"]

KNN = "neighbours on measured magnitudes"
#: sigma_MAD and its scatter over draws of labels, by number of labels.
Curve = dict[int, tuple[float, float]]
_ALIKE = 0.01
_ENDING = r"(-photoz)?(-s\d+)?(-n\d+)?(-scratch)?"


def curves(
    data_dir: Path, galaxies: Galaxies, judging: Judging, models: Sequence[Judged]
) -> dict[str, Curve]:
    """Return a curve for the neighbours and each way of beginning that predictions are at hand for.

    Predictions belong here when their name is that of the first model but for ``-photoz``, ``-sSEED``, ``-nCOUNT`` and ``-scratch`` at its end.
    """
    found: dict[str, Curve] = {}
    if np.isfinite(galaxies.mags).any():
        found[KNN] = label_curve(galaxies, galaxies.mags)
    if not models:
        return found
    points: dict[str, dict[int, list[float]]] = {}
    base = re.sub(f"{_ENDING}$", "", models[0].name)
    n_all = len(galaxies.parts["train"])
    paths = sorted(prediction_path(data_dir, "x").parent.glob("*.npz"))
    has_run = any(re.fullmatch(rf"{re.escape(base)}(-photoz)?-s\d+", path.stem) for path in paths)
    for path in paths:
        # The released graph of a run is no further draw of it.
        is_graph = has_run and path.stem == base
        if re.fullmatch(f"{re.escape(base)}{_ENDING}", path.stem) and not is_graph:
            told = read_predictions(path, galaxies)
            sigma = _sigma(told, judging)
            # Another rendering keeps nearly all of the same galaxies.
            count = n_all if (1 - _ALIKE) * n_all < told.n_labels < n_all else told.n_labels
            points.setdefault(told.start or "pretrained", {}).setdefault(count, []).append(sigma)
    for start, by_count in points.items():
        found[f"image, {start}"] = {
            count: (float(np.mean(values)), float(np.std(values)))
            for count, values in sorted(by_count.items())
        }
    return found


def _sigma(told: Predictions, judging: Judging) -> float:
    best = summarise(softmax(told.logits["test"]), told.grid).z_best
    z_of = dict(zip(told.places["test"].tolist(), best, strict=True))
    return sigma_mad(normalised_dz(np.array([z_of[place] for place in judging.places.tolist()]), judging.z))
