"""The pictures that the retrieval benchmarks judge by, and their vectors, each made once and kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import REPOSITORY
from progress import Progress

from index.fields import Rejection, fields_for
from index.model import Model, OnnxEncoder
from survey.archive import SurveyFolder, SurveyInfo
from survey.contract import Calibrated, InputContract
from survey.cutout import Cutout
from survey.manifests import CorruptFolder
from survey.sources.images import plan
from survey.sources.importing import import_survey
from training.fixed import FixedMethod, fit_fixed
from training.same_sky import sky_groups
from training.splits import held_out_ids, sky_groups_of, split_rows

__all__ = [
    "DATA",
    "GZ1_SPLITS",
    "HANDED",
    "HELD_OUT",
    "NOT_CLEAN",
    "Floats",
    "Gallery",
    "column",
    "embed",
    "embed_cutouts",
    "fixed_model",
    "held_out",
    "imported",
    "read_rows",
    "seen_nearby",
    "unit",
]

DATA = REPOSITORY.parent / "shared" / "data"
HELD_OUT = Path(__file__).parent / "splits" / "held_out_rgb.json"
GZ1_SPLITS = Path(__file__).parent / "splits" / "gz1_fixed51.json"
# Survey folders by the set they come from.
SETS = {
    "gz1": ("gz1_fixed51", "Galaxy Zoo 1 classes on SDSS images"),
    "gz1-scaled": ("gz1_scaled", "Galaxy Zoo 1 classes on SDSS images scaled to the galaxy"),
    "gz2-kaggle": ("gz2_kaggle", "Galaxy Zoo 2 images of the Kaggle challenge"),
    "decals-rings": ("decals_rings", "Galaxy Zoo DECaLS rings and others"),
}
# Left out of clean-4, and the classes that reflection exchanges.
NOT_CLEAN = ("spiral_any", "star_or_dont_know")
HANDED = ("spiral_cw", "spiral_acw")
_BATCH, _ROWS_PER_READ = 64, 10
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Galaxies that are queries and gallery in turn.

    Attributes
    ----------
    rows
        Of the survey.
    labels, raw_labels
        Shape (n,); raw ones tell the handedness of spirals.
    groups
        Galaxies of one group are not independent.
    same_sky
        Pairs of places in ``rows`` that show one patch of sky.
    """

    survey: SurveyFolder
    rows: NDArray[np.intp]
    labels: NDArray[np.str_]
    raw_labels: NDArray[np.str_]
    groups: list[Any]
    same_sky: list[tuple[int, int]]


def imported(data_dir: Path, name: str) -> SurveyFolder:
    """Open a survey of ``data_dir``; import its pictures first if they are not there.

    Raises
    ------
    FileNotFoundError
        If neither the survey nor the pictures are here.
    """
    path = data_dir / "surveys" / name
    if (path / "survey.json").is_file():
        return SurveyFolder(path)
    folder, title = SETS[name]
    source = DATA / folder / "images.parquet"
    if not source.is_file():
        raise FileNotFoundError(f"neither the survey {name} nor ../shared/data/{folder} is here")
    print(f"importing {folder} ...", file=sys.stderr, flush=True)
    (data_dir / "surveys").mkdir(parents=True, exist_ok=True)
    info = SurveyInfo(name=name, title=title, kind="display")
    return import_survey(plan(source, info), data_dir / "surveys", workers=1)


def column(survey: SurveyFolder, name: str) -> NDArray[np.str_]:
    """Return a column of texts."""
    return np.asarray(survey.objects.column(name).to_pylist())


def held_out(data_dir: Path) -> tuple[Gallery, list[str]]:
    """Return the fifth of gz1 that judges, and the ids of gz1 that models may have seen."""
    survey = imported(data_dir, "gz1")
    splits, hidden = json.loads(GZ1_SPLITS.read_text()), held_out_ids(HELD_OUT)
    rows = np.sort([survey.row_of(object_id) for object_id in splits["evaluation"][0]])
    assert {survey.ids[row] for row in rows} <= hidden, "training does not hide what is judged by"
    place = {survey.ids[row]: n for n, row in enumerate(rows)}
    gallery = Gallery(
        survey=survey,
        rows=rows,
        labels=column(survey, "label")[rows],
        raw_labels=column(survey, "label_raw")[rows],
        groups=sky_groups(list(place)),
        same_sky=[(place[a], place[b]) for a, b in splits["same_sky"] if a in place and b in place],
    )
    return gallery, [object_id for object_id in survey.ids if object_id not in hidden]


def fixed_model(
    data_dir: Path,
    method: FixedMethod,
    survey: SurveyFolder,
    object_ids: Sequence[str] | None = None,
    *,
    most: int = 100_000,
) -> Model:
    """Fit a model that needs no training run on these objects only; one fitted before is taken again."""
    told = [method, survey.sha256, most, *(object_ids or ())]
    model_id = f"{method}-{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]}"
    path = _cache(data_dir) / "models" / model_id
    try:
        return Model.open(path)
    except CorruptFolder:
        path.parent.mkdir(parents=True, exist_ok=True)
        return fit_fixed(method, survey, out=path, model_id=model_id, object_ids=object_ids, n_fit=most)


def embed(
    data_dir: Path, survey: SurveyFolder, models: Sequence[Model], rows: NDArray[np.intp]
) -> list[Floats]:
    """Return each model's vectors of rows, shape (n, D); NaN where a picture does not fit the model's contract.

    Pictures are read once for all models. The vectors are kept in the data folder by model, survey and rows, batch by
    batch: an interrupted call goes on.
    """
    drawn = hashlib.sha256(rows.astype(np.int64).tobytes()).hexdigest()
    paths = [_cache(data_dir) / f"{_short(model.sha256 + survey.sha256 + drawn)}.npy" for model in models]
    missing = [n for n, path in enumerate(paths) if not path.is_file()]
    if missing:
        encoders = {paths[n].with_suffix(".parts"): OnnxEncoder(models[n]) for n in missing}
        firsts = range(0, len(rows), _BATCH)
        shown = Progress(f"{len(missing)} models on {survey.info.name}", len(firsts))
        for first in firsts:
            wanted = {parts / f"{first:08d}.npy": encoder for parts, encoder in encoders.items()}
            wanted = {part: encoder for part, encoder in wanted.items() if not part.is_file()}
            if wanted:
                cutouts = read_rows(survey, rows[first : first + _BATCH])
                for part, vectors in zip(wanted, embed_cutouts(list(wanted.values()), cutouts), strict=True):
                    _save(part, vectors)
            shown.step()
        for parts in encoders:
            _save(
                parts.with_suffix(".npy"), np.concatenate([np.load(part) for part in sorted(parts.iterdir())])
            )
            shutil.rmtree(parts)
    return [np.asarray(np.load(path), dtype=np.float32) for path in paths]


def read_rows(survey: SurveyFolder, rows: NDArray[np.intp]) -> list[Cutout]:
    """Return cutouts of ascending rows, with those between where they are not too many: a row alone costs ten in line."""
    first, span = int(rows[0]), int(rows[-1] - rows[0]) + 1
    if span > _ROWS_PER_READ * len(rows):
        return survey.read([survey.ids[row] for row in rows])
    _, cutouts = next(survey.scan(first, first + span, size=span))
    return [cutouts[row - first] for row in rows]


def embed_cutouts(encoders: Sequence[OnnxEncoder], cutouts: Sequence[Cutout]) -> list[Floats]:
    """Return vectors of cutouts by each encoder, NaN where one does not fit; a contract is followed once for all."""
    calibrated: dict[InputContract, list[Calibrated | Rejection]] = {}
    found = []
    for encoder in encoders:
        contract = encoder.model.contract
        if contract not in calibrated:
            calibrated[contract] = fields_for(contract, cutouts)
        good = {n: one.field for n, one in enumerate(calibrated[contract]) if isinstance(one, Calibrated)}
        vectors = np.full((len(cutouts), encoder.dimension), np.nan, dtype=np.float32)
        if good:
            vectors[list(good)] = encoder.embed_fields(np.stack(list(good.values())))
        found.append(vectors)
    return found


def _save(path: Path, vectors: Floats) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.parent.parent / "unfinished.npy"
    np.save(unfinished, vectors)
    unfinished.replace(path)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _cache(data_dir: Path) -> Path:
    return data_dir / "cache" / "retrieval"


def seen_nearby(data_dir: Path, model: Model) -> int:
    """Return how many more galaxies a model was trained on than the splits of today leave to it.

    Runs before the fields of held-out galaxies were hidden in every survey saw some of their neighbours in a second one.
    """
    told = model.card.training
    data, left = told["config"]["data"], 0
    for place, name in enumerate(data["surveys"]):
        objects = SurveyFolder(data_dir / "surveys" / name).objects
        split = split_rows(
            objects.column("object_id").to_pylist(),
            sky_groups_of(objects),
            hold_out=held_out_ids(HELD_OUT),
            validation_share=data["validation_share"] if place == 0 else 0.0,
            seed=data["split_seed"],
        )
        left += len(split.train)
    return int(told["n"]) - left


def unit(vectors: Floats) -> Floats:
    """Return vectors of unit norm, shape (N, K)."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
