"""The redshift that five magnitudes give: local-linear regression on the nearest neighbours.

    python benchmarks/photoz_baseline.py SURVEY_FOLDER

The baseline of `simulated_survey.py`: no image model may claim less than this says about colours alone.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from survey.archive import SurveyFolder
from survey.extinction import extinction_mag
from training.rivals import colour_features, local_linear

__all__ = ["Score", "magnitudes", "score", "survey_baseline"]

TRAIN_SHARE, OUTLIER = 0.7, 0.05
_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Score:
    """Redshift errors: 1.4826 MAD of dz, share of |dz| > 0.05, mean dz, and of how many galaxies."""

    sigma_mad: float
    outliers: float
    bias: float
    n: int


def magnitudes(survey: SurveyFolder) -> _Array:
    """Return de-reddened AB magnitudes (N, 5) of the measured fluxes; NaN where a band is missing or not positive."""
    flux = np.array([survey.objects.column(f"flux_{band}").to_numpy() for band in "ugriz"]).T
    ebv = survey.objects.column("ebv").to_numpy()
    with np.errstate(invalid="ignore"):
        observed = 22.5 - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))
    assert survey.info.bands is not None
    return observed - extinction_mag(ebv, survey.info.bands)


def score(z_phot: _Array, z_spec: _Array) -> Score:
    """Compare redshifts; dz = (z_phot - z_spec) / (1 + z_spec)."""
    dz = (z_phot - z_spec) / (1 + z_spec)
    mad = 1.4826 * np.median(np.abs(dz - np.median(dz)))
    return Score(float(mad), float((np.abs(dz) > OUTLIER).mean()), float(dz.mean()), len(dz))


def survey_baseline(mags: _Array, z: _Array, groups: NDArray[Any], *, seed: int) -> tuple[Score, _Array]:
    """Split 70/30 by group, so that no parent is on both sides; return the score and the test set's dz."""
    usable = np.isfinite(mags).all(axis=1) & np.isfinite(z)
    mags, z, groups = mags[usable], z[usable], groups[usable]
    names, number = np.unique(groups, return_inverse=True)
    is_train = (np.random.default_rng(seed).permutation(len(names)) < TRAIN_SHARE * len(names))[number]
    features = colour_features(mags)
    predicted = local_linear(features[is_train], z[is_train], features[~is_train])
    found = score(predicted, z[~is_train])
    return found, (predicted - z[~is_train]) / (1 + z[~is_train])


def main() -> None:
    """Print the baseline of a survey folder over three splits."""
    survey = SurveyFolder(Path(sys.argv[1]))
    mags, z = magnitudes(survey), survey.objects.column("z_spec").to_numpy()
    parents = survey.objects.column("parent_id").to_numpy(zero_copy_only=False)
    scores = [survey_baseline(mags, z, parents, seed=seed)[0] for seed in range(3)]
    found = {
        name: float(np.mean([getattr(s, name) for s in scores]))
        for name in ("sigma_mad", "outliers", "bias", "n")
    }
    print(json.dumps({f"knn_{name}_pixels": value for name, value in found.items()}, indent=1))


if __name__ == "__main__":
    main()
