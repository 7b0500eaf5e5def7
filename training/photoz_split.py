"""Which galaxies a redshift network learns from, is chosen by, is calibrated on, is judged by."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.archive import SurveyFolder

__all__ = ["PARTS", "SPLIT_FILE", "deal_tiles", "parents_of", "parts_of", "sky_tiles"]

#: Shares of the galaxies, in the order in which the parts are listed.
PARTS = {"train": 0.5, "validation": 0.05, "calibrate": 0.225, "test": 0.225}

_TILE_DEG = 5.0
_NAME = "benchmarks/splits/photoz_parents.json"
_HERE = Path(__file__).resolve().parent
# In the repository, and in the wheel, where it lies beside the configurations.
_PLACES = (_HERE.parent / _NAME, _HERE / "configs" / _NAME)
SPLIT_FILE = _PLACES[0]


def parts_of(survey: SurveyFolder) -> dict[str, NDArray[np.int64]]:
    """Return the rows of a survey by part, in stored order.

    A rendered survey is parted by the real galaxies behind it, as ``benchmarks/splits/photoz_parents.json`` lists
    them: all renderings of one galaxy, and all galaxies of its tile of the sky, are in one part, whatever the size and
    seed of the survey. Any other survey is dealt by its own tiles (:func:`deal_tiles`).

    Returns
    -------
    dict
        Row numbers, int64, for each name of :data:`PARTS`; together every row once.

    Raises
    ------
    ValueError
        If some galaxies are renderings of listed ones and others are not.
    """
    part_of = _listed()
    parents = parents_of(survey)
    known = [part_of.get(parent) for parent in parents]
    missing = known.count(None)
    if missing == len(known):
        return deal_tiles(_tiles_of(survey))
    if missing:
        raise ValueError(
            f"{missing} of {len(known)} galaxies of {survey.info.name} have a parent that the split does not list; "
            "write it anew with benchmarks/photoz_splits.py, or train on a survey of one kind"
        )
    named = np.array(known)
    return {part: np.flatnonzero(named == part).astype(np.int64) for part in PARTS}


def parents_of(survey: SurveyFolder) -> list[str]:
    """Return the real galaxy behind each row; the object itself where none is named."""
    if "parent_id" not in survey.objects.column_names:
        return survey.ids
    parents = survey.objects.column("parent_id").to_pylist()
    return [parent or object_id for parent, object_id in zip(parents, survey.ids, strict=True)]


def sky_tiles(ra_deg: NDArray[np.floating], dec_deg: NDArray[np.floating]) -> list[Hashable]:
    """Return the tile of each position: strips of 5 degrees in declination, cut into pieces at least 5 degrees long."""
    strip = np.floor(np.asarray(dec_deg, dtype=np.float64) / _TILE_DEG).astype(np.int64)
    middle = np.radians((strip + 0.5) * _TILE_DEG)
    pieces = np.maximum(np.floor(360 * np.cos(middle) / _TILE_DEG), 1)
    piece = np.floor(np.mod(ra_deg, 360) / 360 * pieces).astype(np.int64)
    return list(zip(strip.tolist(), piece.tolist(), strict=True))


def deal_tiles(tiles: Sequence[Hashable], *, seed: int = 0) -> dict[str, NDArray[np.int64]]:
    """Deal whole tiles, in random order, each to the part that lacks most of its share.

    Parameters
    ----------
    tiles
        Of each row.

    Returns
    -------
    dict
        Rows of each part, int64, ascending.
    """
    names = sorted(set(tiles), key=repr)
    number = {name: n for n, name in enumerate(names)}
    of_row = np.array([number[tile] for tile in tiles], dtype=np.int64)
    sizes = np.bincount(of_row, minlength=len(names))
    shares = np.array(list(PARTS.values()))
    filled, dealt = np.zeros(len(PARTS)), np.empty(len(names), dtype=np.int64)
    for tile in np.random.default_rng(seed).permutation(len(names)):
        dealt[tile] = int(np.argmax(shares * len(of_row) - filled))
        filled[dealt[tile]] += sizes[tile]
    return {part: np.flatnonzero(dealt[of_row] == n).astype(np.int64) for n, part in enumerate(PARTS)}


def _tiles_of(survey: SurveyFolder) -> list[Hashable]:
    ra, dec = (survey.objects.column(name) for name in ("ra_deg", "dec_deg"))
    if ra.null_count or dec.null_count:
        return list(survey.ids)
    return sky_tiles(ra.to_numpy(), dec.to_numpy())


@cache
def _listed() -> dict[str, str]:
    """Return the part of each real galaxy by name."""
    path = next((place for place in _PLACES if place.is_file()), SPLIT_FILE)
    stored = json.loads(path.read_text())
    return {parent: part for part in PARTS for parent in stored[part]}
