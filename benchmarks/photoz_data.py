"""What photo-z is judged on: a survey's parts, the magnitudes of the rivals, what models predicted."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from photoz_baseline import magnitudes

from index.pdf import RedshiftGrid
from index.support import Degraded
from survey.archive import SurveyFolder
from survey.extinction import extinction_mag
from survey.simulate.parents import UGRIZ, read_parents
from training.photoz_degraded import BOTH_SIDES, DEGRADATIONS
from training.photoz_split import SPLIT_FILE, parents_of, parts_of

__all__ = [
    "GRID",
    "NO_FILE",
    "Galaxies",
    "Predictions",
    "catalogue_galaxies",
    "prediction_path",
    "read_predictions",
]

GRID = RedshiftGrid(0.4, 180)
NO_FILE = "no file at hand"
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Galaxies:
    """Galaxies with a spectrum, by part.

    Attributes
    ----------
    z
        Spectroscopic, shape (N,).
    mags
        De-reddened ugriz measured on the pixels (or from the catalogue), shape (N, 5), NaN where unknown.
    parents
        The real galaxy behind each, shape (N,).
    parts
        Places for each name of :data:`training.photoz_split.PARTS`.
    true_mags, true_shapes
        Magnitudes (N, 5) and log size, bulge fraction, inclination, kind (N, 4) that were rendered; None where nothing was.
    """

    name: str
    ids: list[str]
    z: Floats
    mags: Floats
    parents: NDArray[np.str_]
    parts: Mapping[str, NDArray[np.int64]]
    true_mags: Floats | None = None
    true_shapes: Floats | None = None

    @classmethod
    def of(cls, path: Path) -> Galaxies:
        """Read a survey folder; galaxies without a redshift are left out."""
        survey = SurveyFolder(path)
        z = np.asarray(survey.objects.column("z_spec").to_pylist(), dtype=np.float64)
        known = np.flatnonzero(np.isfinite(z))
        place = np.full(len(z), -1)
        place[known] = np.arange(len(known))
        has_fluxes = {f"flux_{band}" for band in "ugriz"} <= set(survey.objects.column_names)
        mags = magnitudes(survey) if has_fluxes else np.full((len(z), 5), np.nan)
        truth = _truth(survey)
        return cls(
            name=survey.info.name,
            ids=[survey.ids[row] for row in known],
            z=z[known],
            mags=mags[known],
            parents=np.array(parents_of(survey))[known],
            parts={part: place[rows][place[rows] >= 0] for part, rows in parts_of(survey).items()},
            true_mags=None if truth is None else truth[0][known],
            true_shapes=None if truth is None else truth[1][known],
        )

    @cached_property
    def place_of(self) -> dict[str, int]:
        """Place of each object id."""
        return {object_id: place for place, object_id in enumerate(self.ids)}


def catalogue_galaxies() -> Galaxies:
    """Return the real galaxies themselves, each once, with the fluxes of the catalogue."""
    import json

    parents = read_parents()
    stored = json.loads(SPLIT_FILE.read_text())
    place = {name: n for n, name in enumerate(parents.names)}
    return Galaxies(
        name="catalogue",
        ids=list(parents.names),
        z=parents.z_spec,
        mags=np.asarray(22.5 - 2.5 * np.log10(parents.flux)),
        parents=np.array(parents.names),
        parts={
            part: np.array([place[name] for name in names], dtype=np.int64)
            for part, names in stored.items()
            if part != "rule"
        },
    )


def _truth(survey: SurveyFolder) -> tuple[Floats, Floats] | None:
    """Return de-reddened magnitudes and shapes that were rendered; None for a survey that was not."""
    path = survey.path / "truth.parquet"
    if not path.is_file():
        return None
    truth = pq.read_table(path)
    row_of = {object_id: row for row, object_id in enumerate(truth.column("object_id").to_pylist())}
    rows = [row_of[object_id] for object_id in survey.ids]
    flux = np.array([truth.column(f"true_flux_{band}").to_numpy()[rows] for band in UGRIZ.names]).T
    dust = extinction_mag(survey.objects.column("ebv").to_numpy(), UGRIZ)
    size, bulge, inclination = (
        truth.column(name).to_numpy()[rows]
        for name in ("true_r50_arcsec", "bulge_fraction", "inclination_deg")
    )
    _, kind = np.unique(survey.objects.column("label").to_pylist(), return_inverse=True)
    shapes = np.column_stack([np.log(size), bulge, inclination, kind])
    return np.asarray(22.5 - 2.5 * np.log10(flux) - dust, dtype=np.float64), shapes


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one model says of galaxies, before calibration.

    Attributes
    ----------
    places
        For ``calibrate`` and ``test``, which galaxies the arrays of that part are about.
    logits
        Log probabilities of the bins up to a constant, shape (n, B), by part.
    photometry
        Magnitudes that make the cells, shape (n, P), by part.
    features
        What support is measured in, shape (n, F), by part; ``reference`` holds those of training galaxies.
    point
        The model's own point estimate, by part; None takes ``z_best``.
    degraded, n_watched
        What support's watched directions are learnt from; see :func:`index.support.fit_support`.
    n_labels
        Spectra learnt from.
    start
        ``pretrained``, ``scratch``, ``magnitudes`` …: which label curve it belongs to.
    """

    name: str
    grid: RedshiftGrid
    places: Mapping[str, NDArray[np.int64]]
    logits: Mapping[str, Floats]
    photometry: Mapping[str, Floats]
    photometry_names: tuple[str, ...]
    features: Mapping[str, Floats]
    point: Mapping[str, Floats] | None = None
    n_labels: int = 0
    start: str = ""
    degraded: tuple[Degraded, ...] = ()
    n_watched: int | None = None


def prediction_path(data_dir: Path, model: str, survey: str | None = None) -> Path:
    """Return where a model's predictions lie: of the judged survey, or of another one."""
    return data_dir / "photoz" / (f"{model}.npz" if survey is None else f"{model}@{survey}.npz")


def read_predictions(path: Path, galaxies: Galaxies, *, like: Predictions | None = None) -> Predictions:
    """Read what a trainer wrote.

    Parameters
    ----------
    path
        An ``.npz`` with ``object_id`` (N,), ``part`` (N,) of names, ``logits`` or ``probability`` (N, B), ``z_max``;
        optionally ``photometry`` (N, P) with ``photometry_names``, ``features`` (N, F), ``n_labels``, ``start``. Rows of
        part ``train`` are references for support. Without photometry the magnitudes of the survey make the cells.
    like
        Predictions whose photometry names hold where the file has none.

    Raises
    ------
    SystemExit
        If an object is not in the survey.
    """
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    ids = [str(object_id) for object_id in arrays["object_id"]]
    unknown = [object_id for object_id in ids if object_id not in galaxies.place_of]
    if unknown:
        raise SystemExit(
            f"{path.name}: {len(unknown)} objects are not in {galaxies.name}, {unknown[0]} for one"
        )
    places = np.array([galaxies.place_of[object_id] for object_id in ids])
    part = arrays["part"].astype(str)
    if "logits" in arrays:
        logits = arrays["logits"].astype(np.float64)
    else:
        logits = np.log(np.maximum(arrays["probability"].astype(np.float64), 1e-12))
    own = arrays.get("photometry", np.empty((len(ids), 0)))
    names = tuple(str(name) for name in arrays.get("photometry_names", ()))
    if like is not None and not names:
        names = like.photometry_names
    if not own.shape[1] or not {"g", "r"} <= set(names):
        own, names = galaxies.mags[places], tuple("ugriz")
    features = arrays.get("features", galaxies.mags[places])
    rows = {name: np.flatnonzero(part == name) for name in ("train", "calibrate", "test")}
    told = {name: found for name, found in rows.items() if name != "train"}
    reference = {"reference": features[rows["train"]].astype(np.float64)} if len(rows["train"]) else {}
    return Predictions(
        name=path.stem,
        grid=RedshiftGrid(float(arrays["z_max"]), logits.shape[1]),
        places={name: places[found] for name, found in told.items()},
        logits={name: logits[found] for name, found in told.items()},
        photometry={name: own[found].astype(np.float64) for name, found in told.items()},
        photometry_names=names,
        features={**{name: features[found].astype(np.float64) for name, found in told.items()}, **reference},
        n_labels=int(arrays.get("n_labels", len(galaxies.parts["train"]))),
        start=str(arrays.get("start", "")),
        degraded=tuple(
            Degraded(arrays[f"degraded_{kind}"].astype(np.float64), both=kind in BOTH_SIDES)
            for kind in DEGRADATIONS
            if f"degraded_{kind}" in arrays
        ),
        n_watched=int(arrays["n_watched"]) if "n_watched" in arrays else None,
    )
