"""The pools of real galaxies that discovery is judged on, and their vectors by every kind of features."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery_ellipses import N_FEATURES, ellipse_features
from figures import REPOSITORY
from progress import Progress
from retrieval_data import (
    GZ1_SPLITS,
    HELD_OUT,
    Floats,
    Gallery,
    column,
    embed,
    fixed_model,
    imported,
    read_rows,
)
from retrieval_elsewhere import spirality

from index.embeddings import EmbeddingStore
from index.model import Model
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder
from training.splits import held_out_ids

__all__ = ["FEATURES", "KINDS", "SHARES", "TRAINED", "Kind", "Pool", "rarefied", "whole"]

TRAINED = "moco-sdss-rgb"
FEATURES = ("trained", "polar48", "ellipses")
SHARES = (0.02, 0.05)
_ROWS = 256


@dataclass(frozen=True, slots=True)
class Kind:
    """What is looked for, and among what.

    Attributes
    ----------
    survey
        Of the data folder.
    others
        Labels of the galaxies that it hides among.
    is_held_out
        Only galaxies that no model was trained or fitted on.
    """

    told: str
    survey: str
    rare: str
    others: tuple[str, ...]
    is_held_out: bool = False
    shares: tuple[float, ...] = SHARES


_GZ1 = ("spiral", "elliptical", "edge_on", "star_or_dont_know")
KINDS = {
    "odd": Kind("odd spirals of Galaxy Zoo 2", "gz2-kaggle", "odd_spiral", ("not_odd_spiral",)),
    "artefact": Kind(
        "artefacts of Galaxy Zoo 2", "gz2-kaggle", "nongalaxy_artifact", ("not_odd_spiral", "odd_spiral")
    ),
    "merger": Kind("mergers of Galaxy Zoo 1", "gz1", "merger", _GZ1),
    "merger_unseen": Kind("mergers of Galaxy Zoo 1, held-out part", "gz1", "merger", _GZ1, is_held_out=True),
    "ring": Kind("rings of Galaxy Zoo DECaLS", "decals-rings", "ring", ("not_ring",), shares=(0.03,)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Galaxies with a rare kind among them.

    Attributes
    ----------
    rows
        Of the survey, ascending, shape (n,).
    is_rare
        Shape (n,).
    is_hard
        The rare ones and those others that a detector of spirals scores at least as high as the median rare one; None where
        spirals are not what they are mistaken for.
    vectors
        By kind of features, shape (n, D) each.
    """

    rows: NDArray[np.intp]
    is_rare: NDArray[np.bool_]
    is_hard: NDArray[np.bool_] | None
    vectors: dict[str, Floats]


@cache
def whole(data_dir: Path, name: str) -> Pool:
    """Return every galaxy of a kind and of the others, one of each pair that shows one sky."""
    kind = KINDS[name]
    survey = imported(data_dir, kind.survey)
    labels = column(survey, "label")
    chosen = np.isin(labels, (kind.rare, *kind.others))
    if kind.survey == "gz1":
        places = {object_id: row for row, object_id in enumerate(survey.ids)}
        chosen[[places[one] for one in doubles()]] = False
    if kind.is_held_out:
        judged = set(json.loads(GZ1_SPLITS.read_text())["evaluation"][0])
        chosen &= np.array([object_id in judged for object_id in survey.ids])
    rows = np.flatnonzero(chosen)
    is_rare = labels[rows] == kind.rare
    fixed, seen = _fixed(data_dir)
    polar = embed(data_dir, survey, [fixed["polar48"]], np.arange(len(survey)))[0]
    vectors = {
        "trained": _trained(data_dir, survey)[rows],
        "polar48": polar[rows],
        "ellipses": _ellipses(data_dir, survey)[rows],
    }
    is_hard = None
    if name == "odd":
        gallery = Gallery(survey, rows, labels[rows], labels[rows], list(range(len(rows))), [])
        likely = spirality(data_dir, gallery, fixed, seen)
        is_hard = is_rare | (likely >= np.median(likely[is_rare]))
    return Pool(rows, is_rare, is_hard, vectors)


def rarefied(data_dir: Path, name: str, share: float, seed: int) -> Pool:
    """Return all the others and so many of the rare that they are this share, drawn by the seed."""
    pool = whole(data_dir, name)
    n = round(share / (1 - share) * int((~pool.is_rare).sum()))
    drawn = np.random.default_rng(seed).choice(np.flatnonzero(pool.is_rare), n, replace=False)
    kept = np.sort(np.concatenate([np.flatnonzero(~pool.is_rare), drawn]))
    return Pool(
        pool.rows[kept],
        pool.is_rare[kept],
        None if pool.is_hard is None else pool.is_hard[kept],
        {kind: one[kept] for kind, one in pool.vectors.items()},
    )


def doubles() -> list[str]:
    """Return ids of gz1 without which no two show the same sky: most entangled first, then by id."""
    pairs = {tuple(pair) for pair in json.loads(GZ1_SPLITS.read_text())["same_sky"]}
    gone = []
    while pairs:
        named = [one for pair in pairs for one in pair]
        worst = min(set(named), key=lambda one: (-named.count(one), one))
        gone.append(worst)
        pairs = {pair for pair in pairs if worst not in pair}
    return gone


def _fixed(data_dir: Path) -> tuple[dict[str, Model], list[str]]:
    """Return models fitted without labels on the part of gz1 that nothing is judged by, and that part's ids."""
    gz1, hidden = imported(data_dir, "gz1"), held_out_ids(HELD_OUT)
    seen = [object_id for object_id in gz1.ids if object_id not in hidden]
    return {method: fixed_model(data_dir, method, gz1, seen) for method in ("pca48", "polar48")}, seen


def _trained(data_dir: Path, survey: SurveyFolder) -> Floats:
    """Return the trained model's vectors of a survey: those of the data folder, if it was embedded there."""
    model = Model.open(REPOSITORY / "models" / TRAINED)
    try:
        store = EmbeddingStore.open(data_dir / "embeddings" / f"{survey.info.name}--{TRAINED}")
    except CorruptFolder:
        return embed(data_dir, survey, [model], np.arange(len(survey)))[0]
    told = store.info
    if (told.survey_sha256, told.model_sha256) != (survey.sha256, model.sha256):
        raise SystemExit(f"the embeddings of {survey.info.name} are by another model: embed it again")
    ids, vectors = store.load()
    assert list(ids) == list(survey.ids)
    return vectors


def _ellipses(data_dir: Path, survey: SurveyFolder) -> Floats:
    """Return ellipse features of a survey, standardised; what is undetected gets the median."""
    path = data_dir / "cache" / "discovery" / f"ellipses{N_FEATURES}-{survey.sha256[:16]}.npy"
    if not path.is_file():
        found = []
        firsts = range(0, len(survey), _ROWS)
        shown = Progress(f"ellipses of {survey.info.name}", len(firsts))
        for first in firsts:
            rows = np.arange(first, min(first + _ROWS, len(survey)))
            found += [ellipse_features(cutout.flux) for cutout in read_rows(survey, rows)]
            shown.step()
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.asarray(found))
    measured = np.load(path)
    measured = np.where(np.isnan(measured), np.nanmedian(measured, axis=0), measured)
    spread = measured.std(axis=0)
    return np.asarray((measured - measured.mean(axis=0)) / np.where(spread > 0, spread, 1), dtype=np.float32)
