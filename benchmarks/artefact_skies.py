"""Galaxies without artefacts, simulated and real, and the simulated survey's planted oddities."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from survey.archive import SurveyFolder
from survey.bands import BAND_SETS, BandSet
from survey.cutout import Cutout
from survey.simulate.parents import read_parents
from survey.simulate.population import Galaxy, draw_population
from survey.simulate.recipe import PIXEL_SCALE
from survey.simulate.render import render_galaxy
from survey.simulate.templates import sdss_templates

__all__ = ["galaxies_zoo", "kids_stamps", "oddities", "planted", "sdss_stamps", "simulated"]

_UGRIZ = BAND_SETS["sdss-ugriz"]
_KIDS_ARCSEC = 0.3
_GALAXIES = ("spiral", "elliptical", "edge_on", "merger")


def simulated(seed: int, n: int) -> Iterator[Cutout]:
    """Render galaxies of another simulated survey, none of them odd."""
    for galaxy in _population(seed, n):
        yield _cutout(render_galaxy(galaxy, seed=seed, oddity_rate=0).image)


def oddities(seed: int, n: int) -> list[tuple[str, Cutout]]:
    """Render as many galaxies, each with an oddity of a random kind."""
    rendered = [render_galaxy(galaxy, seed=seed, oddity_rate=1) for galaxy in _population(seed + 100, n)]
    return [(str(one.oddity), _cutout(one.image)) for one in rendered]


def planted(data_dir: Path) -> list[tuple[str, Cutout]]:
    """Return the oddities of a demo survey."""
    survey = SurveyFolder(data_dir / "surveys" / "demo")
    kinds = survey.objects.column("oddity").to_pylist()
    rows = [row for row, kind in enumerate(kinds) if kind]
    cutouts = survey.read([survey.ids[row] for row in rows])
    return [(kinds[row], cutout) for row, cutout in zip(rows, cutouts, strict=True)]


def sdss_stamps(folder: Path) -> list[Cutout]:
    """Return every exposure of the SDSS stamps' galaxies, with inverse variance."""
    path = folder / "sdss_ugriz_stamps"
    kinds = pq.read_table(path / "stamps.parquet").column("kind").to_pylist()
    with np.load(path / "stamps.npz") as stored:
        flux = (stored["image"] * stored["scale_nanomaggy"][:, :, None, None]).astype(np.float32)
        ivar = stored["ivar"].astype(np.float32)
    return [
        Cutout(flux[n], _UGRIZ, ivar=ivar[n], pixel_scale_arcsec=PIXEL_SCALE)
        for n, kind in enumerate(kinds)
        if kind == "galaxy"
    ]


def kids_stamps(folder: Path) -> list[Cutout]:
    """Return the extended sources of the KiDS stamps, nine bands."""
    path = folder / "kids_viking_9band"
    rows = pq.read_table(path / "stamps.parquet")
    with np.load(path / "stamps_64px.npz") as stored:
        scale = stored["scale_nanomaggy"]
        flux = (stored["image_q"] * scale[:, None, None]).astype(np.float32)
    bands = BandSet.from_ids(
        [*(f"kids:{name}" for name in "ugri"), *(f"viking:{name}" for name in ("Z", "Y", "J", "H", "Ks"))]
    )
    hints = rows.column("stellarity_hint").to_pylist()
    return [
        Cutout(flux[n], bands, pixel_scale_arcsec=_KIDS_ARCSEC)
        for n, hint in enumerate(hints)
        if hint == "extended"
    ]


def galaxies_zoo(folder: Path, n: int, seed: int = 11) -> list[Cutout]:
    """Return pictures of Galaxy Zoo 1 with a class, chosen by chance."""
    rows = pq.read_table(folder / "gz1_fixed51" / "images.parquet", columns=["image", "label"])
    rows = rows.filter(pc.is_in(rows.column("label").cast("string"), value_set=pa.array(_GALAXIES)))
    chosen = np.sort(np.random.default_rng(seed).choice(rows.num_rows, n, replace=False))
    return [_picture(rows.column("image")[int(row)].as_py()) for row in chosen]


def _population(seed: int, n: int) -> list[Galaxy]:
    return list(draw_population(read_parents(), n, seed=seed, templates=sdss_templates()))


def _cutout(image: NDArray[np.float32]) -> Cutout:
    return Cutout(image, _UGRIZ, pixel_scale_arcsec=PIXEL_SCALE)


def _picture(data: bytes) -> Cutout:
    counts = np.asarray(Image.open(BytesIO(data)).convert("RGB"), dtype=np.float32)
    return Cutout(
        np.ascontiguousarray(np.moveaxis(counts, -1, 0)), BAND_SETS["display-rgb"], is_calibrated=False
    )
