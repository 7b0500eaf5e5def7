"""Redshifts from real display images: what the sky itself says, reported and never offered by the API.

    python benchmarks/photoz_real.py --data-dir DIR

Display images have no units, an unknown stretch and dust left on. The galaxies of gz1_fixed51 and gz1_scaled with a
spectroscopic redshift (../shared/data/gz1_positions) are estimated in five folds by tile of the sky, each set from its own (one
has a pixel scale, the other is scaled to the galaxy), by neighbours and by ridge regression, from `pca48` and `polar48` (axes fitted
on pictures without redshift), from mean colours + brightness + size, and from the trained model moco-sdss-rgb. Part of `photoz.py`.
About 3 minutes the first time, seconds then.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import REPOSITORY
from retrieval_data import DATA, SETS, embed, fixed_model, imported, read_rows
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from index.fields import fields_for
from index.model import Model
from survey.archive import SurveyFolder
from survey.contract import Calibrated
from survey.measures import measure
from training.photoz_metrics import (
    Measured,
    bootstrap,
    cluster_draws,
    normalised_dz,
    outlier_fraction,
    sigma_mad,
)
from training.photoz_split import sky_tiles

__all__ = ["Real", "real_sky"]

_SETS = ("gz1", "gz1-scaled")
_TRAINED = "moco-sdss-rgb"
_FOLDS, _K, _DRAWS = 5, 20, 500
_ALPHAS = np.logspace(-2, 5, 22)
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Real:
    """One description of the pictures, read by one regression.

    Attributes
    ----------
    sigma_mad, outliers
        Of dz over all folds and both sets; outliers are |dz| > 0.05. Errors: bootstrap over tiles.
    by_set
        sigma_MAD and number of each set.
    """

    features: str
    method: str
    n: int
    sigma_mad: Measured
    outliers: Measured
    by_set: dict[str, tuple[float, int]]


def real_sky(data_dir: Path) -> list[Real]:
    """Return every description with every regression, and what no image gives: the median redshift for all.

    Empty where neither the surveys nor the pictures are at hand.
    """
    positions = DATA / "gz1_positions" / "positions_redshifts.parquet"
    at_hand = [(data_dir / "surveys" / name).is_dir() or (DATA / SETS[name][0]).is_dir() for name in _SETS]
    if not positions.is_file() or not all(at_hand):
        return []
    table = pq.read_table(positions).to_pydict()
    of_set: dict[str, dict[str, tuple[float, float, float]]] = {name: {} for name in _SETS}
    names = {SETS[name][0]: name for name in _SETS}
    columns = (table[key] for key in ("dr7_objid", "set", "z_spec", "ra_deg", "dec_deg"))
    for object_id, where, z, ra, dec in zip(*columns, strict=True):
        if z is not None:
            of_set[names[where]][object_id] = (z, ra, dec)
    parts = {name: _Pictures.of(data_dir, name, of_set[name]) for name in _SETS}
    found = [_scored("nothing", "the median of the others", parts, lambda _x, z, _asked: np.median(z))]
    for features in parts[_SETS[0]].features:
        found.append(_scored(features, f"{_K} neighbours", parts, _neighbours))
        found.append(_scored(features, "ridge", parts, _ridge))
    return found


@dataclass(frozen=True, eq=False)
class _Pictures:
    z: Floats
    tiles: list[Any]
    features: dict[str, Floats]

    @classmethod
    def of(cls, data_dir: Path, name: str, known: dict[str, tuple[float, float, float]]) -> _Pictures:
        survey = imported(data_dir, name)
        rows = np.array([row for row, object_id in enumerate(survey.ids) if object_id in known])
        others = [object_id for object_id in survey.ids if object_id not in known]
        models = {method: fixed_model(data_dir, method, survey, others) for method in ("pca48", "polar48")}
        models[_TRAINED] = Model.open(REPOSITORY / "models" / _TRAINED)
        vectors = embed(data_dir, survey, list(models.values()), rows)
        features = {
            "mean colours, brightness, size": _measured(survey, rows, models[_TRAINED]),
            **{kind: one.astype(np.float64) for kind, one in zip(models, vectors, strict=True)},
        }
        good = np.all([np.isfinite(one).all(axis=1) for one in features.values()], axis=0)
        told = np.array([known[survey.ids[row]] for row in rows])[good]
        return cls(
            z=told[:, 0],
            tiles=sky_tiles(told[:, 1], told[:, 2]),
            features={kind: one[good] for kind, one in features.items()},
        )


def _measured(survey: SurveyFolder, rows: NDArray[np.intp], model: Model) -> Floats:
    """Return magnitude, two colours and log half-light radius of the middle aperture; NaN where not measurable."""
    found = np.full((len(rows), 4), np.nan)
    for first in range(0, len(rows), 256):
        fields = fields_for(model.contract, read_rows(survey, rows[first : first + 256]))
        for n, one in enumerate(fields):
            if not isinstance(one, Calibrated):
                continue
            told = measure(one.field, one.known, model.contract.bands, model.contract.pixel_scale_arcsec)
            mags = np.asarray(told.magnitudes(), dtype=np.float64)
            found[first + n] = [mags[1], mags[1] - mags[0], mags[2] - mags[1], np.log(max(told.r50_px, 0.1))]
    return found


def _neighbours(x: Floats, z: Floats, asked: Floats) -> Floats:
    spread = np.where(x.std(axis=0) > 0, x.std(axis=0), 1) if x.shape[1] < 10 else 1
    _, nearest = cKDTree(x / spread).query(asked / spread, k=_K)
    return np.asarray(z[nearest].mean(axis=1))


def _ridge(x: Floats, z: Floats, asked: Floats) -> Floats:
    model = make_pipeline(StandardScaler(), RidgeCV(_ALPHAS)).fit(x, np.log1p(z))
    return np.asarray(np.expm1(model.predict(asked)))


def _scored(features: str, method: str, parts: dict[str, _Pictures], predict: Any) -> Real:
    dz: list[Floats] = []
    for part in parts.values():
        x = part.features.get(features, np.empty((len(part.z), 0)))
        numbers = {tile: n for n, tile in enumerate(dict.fromkeys(part.tiles))}
        groups = np.array([numbers[tile] for tile in part.tiles])
        predicted = np.empty(len(part.z))
        for known, asked in GroupKFold(_FOLDS).split(x, groups=groups):
            predicted[asked] = predict(x[known], part.z[known], x[asked])
        dz.append(normalised_dz(predicted, part.z))
    whole = np.concatenate(dz)
    tiles = [tile for part in parts.values() for tile in part.tiles]
    number = {tile: n for n, tile in enumerate(dict.fromkeys(tiles))}
    groups = np.array([number[tile] for tile in tiles])
    draws = cluster_draws(groups, rng=np.random.default_rng(2), n_draws=_DRAWS)
    return Real(
        features=features,
        method=method,
        n=len(whole),
        sigma_mad=bootstrap(lambda rows: sigma_mad(whole[rows]), draws, len(whole)),
        outliers=bootstrap(lambda rows: outlier_fraction(whole[rows], threshold=0.05), draws, len(whole)),
        by_set={name: (sigma_mad(one), len(one)) for name, one in zip(parts, dz, strict=True)},
    )


def main() -> None:
    """Print one line a description and regression."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    for one in real_sky(parser.parse_args().data_dir):
        sets = ", ".join(f"{name} {sigma:.4f} ({n})" for name, (sigma, n) in one.by_set.items())
        print(
            f"{one.features:32s} {one.method:26s} N {one.n} sigma_MAD {one.sigma_mad.value:.4f} ± {one.sigma_mad.error:.4f} "
            f"outliers {one.outliers.value:.3f} ± {one.outliers.error:.3f}; {sets}"
        )


if __name__ == "__main__":
    main()
