"""One part of a survey, rendered and measured by one process, kept on disk until the survey is published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from survey.cutout import Cutout
from survey.rendering import thumbnail
from survey.simulate.catalogue import ROW_SCHEMA, TRUTH_SCHEMA, is_selected, measured_row, truth_row
from survey.simulate.parents import UGRIZ
from survey.simulate.photometry import measure
from survey.simulate.population import Galaxy
from survey.simulate.recipe import FIELD_PX, PIXEL_SCALE
from survey.simulate.render import render_galaxy

__all__ = ["PART_SIZE", "Part", "load_part", "load_truth", "prepare_staging", "render_part"]

# Part of what a part holds: changing it makes the parts of an interrupted run unusable.
PART_SIZE = 128
_PLAN = "plan.json"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The objects of one part that are in the main sample as measured.

    Attributes
    ----------
    rows
        Object table.
    images
        float16, shape (n, 5, FIELD_PX, FIELD_PX), in the order of ``rows``.
    thumbnails
        WebP bytes, in the same order.
    """

    rows: pa.Table
    images: NDArray[np.float16]
    thumbnails: list[bytes]


def prepare_staging(folder: Path, plan: dict[str, Any]) -> None:
    """Make ``folder`` ready for parts of ``plan``; parts of another plan that lie there are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = orjson.dumps(plan, option=orjson.OPT_SORT_KEYS)
    marker = folder / _PLAN
    if marker.exists() and marker.read_bytes() == wanted:
        return
    for stale in folder.iterdir():
        stale.unlink()
    marker.write_bytes(wanted)


def render_part(folder: Path, number: int, galaxies: list[Galaxy], seed: int, realisation: int = 0) -> int:
    """Render and measure galaxies into ``folder`` unless they are there; return how many were asked for."""
    done = _file(folder, number, "truth.parquet")
    if not done.exists():
        part, truth = _render(galaxies, seed, realisation)
        np.save(_file(folder, number, "images.npy"), part.images, allow_pickle=False)
        with_thumbnails = part.rows.append_column("thumbnail", pa.array(part.thumbnails, pa.binary()))
        pq.write_table(with_thumbnails, _file(folder, number, "rows.parquet"))
        # The truth comes last and whole: it marks the part as done.
        unfinished = _file(folder, number, "unfinished")
        pq.write_table(truth, unfinished)
        unfinished.replace(done)
    return len(galaxies)


def load_part(folder: Path, number: int) -> Part:
    """Read a finished part."""
    stored = pq.read_table(_file(folder, number, "rows.parquet"))
    return Part(
        rows=stored.drop_columns(["thumbnail"]),
        images=np.load(_file(folder, number, "images.npy"), allow_pickle=False),
        thumbnails=stored.column("thumbnail").to_pylist(),
    )


def load_truth(folder: Path, number: int) -> pa.Table:
    """Read the truth about all galaxies of a finished part, kept or not."""
    return pq.read_table(_file(folder, number, "truth.parquet"))


def _file(folder: Path, number: int, name: str) -> Path:
    return folder / f"{number:05d}.{name}"


def _render(galaxies: list[Galaxy], seed: int, realisation: int) -> tuple[Part, pa.Table]:
    rows: list[dict[str, Any]] = []
    truth: list[dict[str, Any]] = []
    images = np.empty((len(galaxies), len(UGRIZ), FIELD_PX, FIELD_PX), dtype=np.float16)
    thumbnails: list[bytes] = []
    for galaxy in galaxies:
        rendered = render_galaxy(galaxy, seed=seed, realisation=realisation)
        measured = measure(rendered.image, rendered.observation)
        is_kept = is_selected(galaxy, measured)
        truth.append(truth_row(galaxy, rendered, is_kept=is_kept))
        if is_kept:
            images[len(rows)] = rendered.image
            rows.append(measured_row(galaxy, rendered, measured))
            thumbnails.append(
                thumbnail(Cutout(flux=rendered.image, bands=UGRIZ, pixel_scale_arcsec=PIXEL_SCALE))
            )
    part = Part(pa.Table.from_pylist(rows, schema=ROW_SCHEMA), images[: len(rows)], thumbnails)
    return part, pa.Table.from_pylist(truth, schema=TRUTH_SCHEMA)
