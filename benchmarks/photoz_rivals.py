"""The rivals' predictions: neighbours and boosted trees on true, measured and catalogue magnitudes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from photoz_data import GRID, Floats, Galaxies, Predictions

from index.pdf import RedshiftGrid
from training.pdf_metrics import cde_terms
from training.photoz_metrics import normalised_dz, sigma_mad
from training.rivals import Boosted, colour_features, fit_boosting, local_linear, local_linear_pdf

__all__ = ["COUNTS", "boosting", "label_curve", "neighbours"]

COUNTS = (100, 300, 1000, 3000)
_DRAWS = 5
_WIDTHS = (0.002, 0.003, 0.004, 0.006, 0.008, 0.012)


def _grid_for(galaxies: Galaxies) -> RedshiftGrid:
    known = galaxies.z[np.concatenate([galaxies.parts[part] for part in ("train", "validation")])]
    return GRID if np.max(known) < GRID.z_max else RedshiftGrid.covering(known)


def neighbours(galaxies: Galaxies, mags: Floats, *, name: str) -> Predictions:
    """Predict by local-linear regression on 30 neighbours; the width of p(z) is chosen on the validation part."""
    features, grid, parts = colour_features(mags), _grid_for(galaxies), galaxies.parts
    train, chosen = parts["train"], parts["validation"]

    def pdf(places: np.ndarray, width: float) -> Floats:
        return local_linear_pdf(features[train], galaxies.z[train], features[places], grid, width=width)

    losses = [cde_terms(pdf(chosen, width), grid, galaxies.z[chosen]).mean() for width in _WIDTHS]
    width = _WIDTHS[int(np.argmin(losses))]
    point = {
        part: local_linear(features[train], galaxies.z[train], features[parts[part]])
        for part in ("calibrate", "test")
    }
    return _predictions(
        galaxies,
        name,
        mags=mags,
        probability={part: pdf(parts[part], width) for part in ("calibrate", "test")},
        point=point,
        grid=grid,
    )


def boosting(
    galaxies: Galaxies, mags: Floats, *, name: str, shapes: Floats | None = None
) -> tuple[Predictions, Boosted]:
    """Predict by boosted trees, from shapes too if any are given; return the trees as well."""
    features, grid, parts = colour_features(mags), _grid_for(galaxies), galaxies.parts
    if shapes is not None:
        features = np.column_stack([features, shapes])
    train = parts["train"]
    fitted = fit_boosting(features[train], galaxies.z[train], galaxies.parents[train])
    asked = {part: features[parts[part]] for part in ("calibrate", "test")}
    predicted = _predictions(
        galaxies,
        name,
        mags=mags,
        probability={part: fitted.pdf(values, grid) for part, values in asked.items()},
        point={part: fitted.predict(values) for part, values in asked.items()},
        grid=grid,
    )
    return predicted, fitted


def _predictions(
    galaxies: Galaxies,
    name: str,
    *,
    mags: Floats,
    probability: dict[str, Floats],
    point: dict[str, Floats],
    grid: RedshiftGrid,
) -> Predictions:
    parts = {part: galaxies.parts[part] for part in probability}
    features = {part: colour_features(mags[places]) for part, places in parts.items()}
    return Predictions(
        name=name,
        grid=grid,
        places=parts,
        logits={part: np.log(np.maximum(values, 1e-9)) for part, values in probability.items()},
        photometry={part: mags[places] for part, places in parts.items()},
        photometry_names=tuple("ugriz"),
        features={**features, "reference": colour_features(mags[galaxies.parts["train"]])},
        point=point,
        n_labels=len(galaxies.parts["train"]),
        start="magnitudes",
    )


def label_curve(galaxies: Galaxies, mags: Floats) -> dict[int, tuple[float, float]]:
    """Return sigma_MAD of the neighbours on the test part by number of labels: mean and scatter over five draws."""
    features, train, test = colour_features(mags), galaxies.parts["train"], galaxies.parts["test"]
    found: dict[int, tuple[float, float]] = {}
    for count in (*(count for count in COUNTS if count < len(train)), len(train)):
        draws = [
            np.random.default_rng(seed).permutation(train)[:count]
            for seed in range(_DRAWS if count < len(train) else 1)
        ]
        sigmas = [
            sigma_mad(
                normalised_dz(
                    local_linear(features[some], galaxies.z[some], features[test]), galaxies.z[test]
                )
            )
            for some in draws
        ]
        found[count] = float(np.mean(sigmas)), float(np.std(sigmas))
    return found
