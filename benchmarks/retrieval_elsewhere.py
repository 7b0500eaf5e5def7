"""Galleries of other surveys: DECaLS rings, and the odd spirals of Galaxy Zoo 2."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from retrieval_data import Floats, Gallery, column, embed, imported
from retrieval_scores import Teller, part_of, score
from sklearn.linear_model import LogisticRegression

from index.model import Model
from training.same_sky import sky_groups

__all__ = ["ODD", "RING", "fits", "odd_gallery", "ring_gallery", "some_scaled", "spirality", "tell_gallery"]

RING, ODD = "ring", "odd_spiral"
# Drawn from the labelled set with seed 0, in the proportions of the whole: all of it would take a network of eight views minutes.
_ODD_COUNTS = {ODD: 300, "not_odd_spiral": 960, "nongalaxy_artifact": 101}
_SCALED, _SPIRALITY = 300, 1500


def ring_gallery(data_dir: Path) -> Gallery:
    """Return the 400 DECaLS pictures, half of them rings."""
    survey = imported(data_dir, "decals-rings")
    return _gallery(data_dir, "decals-rings", np.arange(len(survey)))


def odd_gallery(data_dir: Path) -> Gallery:
    """Return a draw of odd spirals, of what is not, and of artefacts."""
    labels = column(imported(data_dir, "gz2-kaggle"), "label")
    rng = np.random.default_rng(0)
    drawn = [rng.choice(np.flatnonzero(labels == name), n, replace=False) for name, n in _ODD_COUNTS.items()]
    return _gallery(data_dir, "gz2-kaggle", np.sort(np.concatenate(drawn)))


def some_scaled(data_dir: Path) -> Gallery:
    """Return a draw of gz1_scaled, to tell its source by."""
    rows = np.random.default_rng(0).choice(len(imported(data_dir, "gz1-scaled")), _SCALED, replace=False)
    gallery = _gallery(data_dir, "gz1-scaled", np.sort(rows))
    return replace(gallery, groups=sky_groups([gallery.survey.ids[row] for row in gallery.rows]))


def _gallery(data_dir: Path, name: str, rows: NDArray[np.intp]) -> Gallery:
    survey = imported(data_dir, name)
    labels = column(survey, "label")[rows]
    return Gallery(survey, rows, labels, labels, [int(row) for row in rows], [])


def fits(gallery: Gallery, vectors: dict[str, list[Floats]]) -> tuple[Gallery, dict[str, list[Floats]]]:
    """Leave out pictures that a model cannot take."""
    good = np.all([np.isfinite(one).all(axis=1) for seeds in vectors.values() for one in seeds], axis=0)
    return part_of(gallery, good, vectors)


def tell_gallery(
    teller: Teller, stem: str, wanted: str, gallery: Gallery, vectors: dict[str, list[Floats]]
) -> None:
    """Add average precision and purity@10 of the queries with the wanted label, against all others of the gallery."""
    asked = gallery.labels == wanted
    two = replace(gallery, labels=np.where(asked, wanted, "other"))
    groups = [gallery.groups[n] for n in np.flatnonzero(asked)]
    scored = {name: score(seeds, two) for name, seeds in vectors.items()}
    # Two of the same label are drawn in this share of cases: what no ranking at all gives.
    chance = {"chance": (asked.sum() - 1) / (len(asked) - 1)}
    for name, found in scored.items():
        teller.mean(f"{stem}_ap_{name}", found.precision[asked], groups, against=chance)
        teller.mean(f"{stem}_purity10_{name}", found.purity[asked], groups, against=chance)
    if "trained" in scored:
        gain = scored["trained"].precision - scored["polar48"].precision
        teller.mean(f"{stem}_ap_gain", gain[asked], groups)


def spirality(
    data_dir: Path, gallery: Gallery, fixed: dict[str, Model], seen: list[str]
) -> NDArray[np.float64]:
    """Return how much like a spiral each picture of a gallery is, 0..1, by labels of gz1 outside the held-out part.

    A logistic regression on the vectors of ``pca48`` and ``polar48`` together: these pictures have no vote fractions.
    """
    gz1 = imported(data_dir, "gz1")
    rows = np.sort([gz1.row_of(i) for i in np.random.default_rng(0).permutation(seen)[:_SPIRALITY]])
    is_spiral = np.isin(column(gz1, "label_raw")[rows], ("spiral_cw", "spiral_acw"))
    sure = is_spiral | np.isin(column(gz1, "label_raw")[rows], ("elliptical", "edge_on"))
    known, asked = (
        np.concatenate(embed(data_dir, survey, list(fixed.values()), chosen), axis=1)
        for survey, chosen in ((gz1, rows), (gallery.survey, gallery.rows))
    )
    classifier = LogisticRegression(max_iter=2000).fit(known[sure], is_spiral[sure])
    likely = np.full(len(asked), np.nan)
    good = np.isfinite(asked).all(axis=1)
    likely[good] = classifier.predict_proba(asked[good])[:, 1]
    return likely
