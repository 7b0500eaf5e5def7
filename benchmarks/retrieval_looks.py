"""The same galaxy seen twice: rendered anew, and on the sky in several SDSS runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from held_out import wilson
from numpy.typing import NDArray
from progress import Progress
from retrieval_data import DATA, Floats, embed, embed_cutouts
from retrieval_scores import Teller

from index.model import Model, OnnxEncoder
from survey.archive import SurveyFolder
from survey.bands import BAND_SETS
from survey.cutout import Cutout
from survey.manifests import CorruptFolder
from survey.simulate.recipe import is_made
from training.evaluate import recognition

__all__ = ["looks", "repeats", "tell_looks", "tell_repeats"]

_SEED = 1
_STAMPS = DATA / "sdss_ugriz_stamps"
# One galaxy under two names (its PROVENANCE.md), both dominated by a bright star beside it, as is a third.
_SPOILT = ("187.5640-11.8884", "187.5640-11.8885", "187.6930-11.9486")


def looks(data_dir: Path, n: int) -> tuple[SurveyFolder, SurveyFolder]:
    """Return two renderings of ``n`` galaxies of the demo survey, neither of them the demo survey itself."""
    first, second = (_look(data_dir, n, realisation) for realisation in (1, 2))
    return first, second


def _look(data_dir: Path, n: int, realisation: int) -> SurveyFolder:
    path = data_dir / "surveys" / f"demo-look-{realisation}"
    try:
        survey = SurveyFolder(path)
        if is_made(survey.info, n=n, seed=_SEED, realisation=realisation):
            return survey
    except CorruptFolder:
        pass
    # Imported here: GalSim takes a second to load, and is not needed when the survey is there.
    from survey.simulate.survey import simulate_survey

    shown = Progress(f"rendering look {realisation}", n)
    done = 0

    def step(rendered: int, _total: int) -> None:
        nonlocal done
        for _ in range(rendered - done):
            shown.step()
        done = rendered

    path.parent.mkdir(parents=True, exist_ok=True)
    return simulate_survey(path, n=n, seed=_SEED, realisation=realisation, workers=1, progress=step)


def tell_looks(teller: Teller, data_dir: Path, models: Mapping[str, Model], n: int) -> None:
    """Add recall@1 and the median margin of each model, planted oddities left out."""
    pair = looks(data_dir, n)
    rows = _both(*pair)
    groups = [pair[0].ids[row] for row in rows[0]]
    sides = [
        embed(data_dir, survey, list(models.values()), chosen)
        for survey, chosen in zip(pair, rows, strict=True)
    ]
    found = dict(zip(models, zip(*sides, strict=True), strict=True))
    usable = np.all([np.isfinite(one).all(axis=1) for side in sides for one in side], axis=0)
    kept = [groups[n] for n in np.flatnonzero(usable)]
    for name, (first, second) in found.items():
        first_found, margin = recognition(first[usable], second[usable])
        teller.mean(
            f"recall1_demo_{name}", first_found.astype(float), kept, against={"chance": 1 / len(kept)}
        )
        teller.tell(f"margin_demo_{name}", float(np.median(margin)), n=len(kept), unit="cosine, median")


def _both(first: SurveyFolder, second: SurveyFolder) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of the galaxies that both surveys hold, none of them odd, in one order."""
    odd = {
        object_id
        for survey in (first, second)
        for object_id, kind in zip(survey.ids, survey.objects.column("oddity").to_pylist(), strict=True)
        if kind is not None
    }
    shared = [i for i in first.ids if i in set(second.ids) and i not in odd]
    rows = [np.array([survey.row_of(i) for i in shared]) for survey in (first, second)]
    return rows[0], rows[1]


def repeats() -> tuple[list[str], list[Cutout]]:
    """Return object and cutout of each real ugriz exposure, of galaxies and of star fields."""
    rows = pq.read_table(_STAMPS / "stamps.parquet").to_pylist()
    with np.load(_STAMPS / "stamps.npz") as stored:
        flux = stored["image"] * stored["scale_nanomaggy"][:, :, None, None]
        ivar = stored["ivar"].astype(np.float32)
    kept = [n for n, row in enumerate(rows) if not any(name in row["object"] for name in _SPOILT)]
    cutouts = [
        Cutout(
            flux=flux[n].astype(np.float32),
            ivar=ivar[n],
            bands=BAND_SETS["sdss-ugriz"],
            ra_deg=rows[n]["ra"],
            dec_deg=rows[n]["dec"],
            pixel_scale_arcsec=0.396,
        )
        for n in kept
    ]
    return [rows[n]["object"] for n in kept], cutouts


def tell_repeats(teller: Teller, models: Mapping[str, Model]) -> None:
    """Add in how many galaxies another run of the same galaxy comes first among all other real exposures."""
    if not (_STAMPS / "stamps.npz").is_file():
        print("the real stamps (../shared/data/sdss_ugriz_stamps) are not here: left out", file=sys.stderr)
        return
    names, cutouts = repeats()
    encoders = [OnnxEncoder(model) for model in models.values()]
    for name, vectors in zip(models, embed_cutouts(encoders, cutouts), strict=True):
        hits, n = _first_of_each(names, vectors)
        teller.tell(f"repeats_recall1_{name}", hits / n, n=n, interval=wilson(hits, n))


def _first_of_each(names: Sequence[str], vectors: Floats) -> tuple[int, int]:
    """Return (found, asked): one query a galaxy, its first exposure, where it has another one."""
    good = np.isfinite(vectors).all(axis=1)
    objects, gallery = np.asarray(names)[good], vectors[good]
    hits, asked = 0, 0
    for name in sorted({str(one) for one in objects if one.startswith("G_")}):
        own = np.flatnonzero(objects == name)
        if len(own) < 2:
            continue
        similarity = gallery @ gallery[own[0]]
        similarity[own[0]] = -np.inf
        hits += bool(objects[int(np.argmax(similarity))] == name)
        asked += 1
    return hits, asked
