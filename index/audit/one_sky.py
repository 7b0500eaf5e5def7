"""Pairs of a survey's cutouts that show one sky, by whatever the survey tells of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.audit.pairs import SkyPairs
from index.audit.pixels import pairs_by_pixels
from index.audit.places import pairs_by_place
from survey.archive import SurveyFolder

__all__ = ["OneSky", "find_one_sky"]

_BY_PLACE, _BY_PIXELS = "same sky by position", "same sky by pixels"
# Inside half a cutout's side each of two shows the other's centre.
_SHARE_OF_SIDE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class OneSky:
    """Pairs, and how they were looked for.

    Attributes
    ----------
    pairs
        In rows of the survey.
    radius_arcsec
        Within which positions made a pair; None where positions were not compared.
    left_out
        Part, and why it was left out.
    notes
        Part, and what it cannot see.
    """

    pairs: SkyPairs
    radius_arcsec: float | None
    left_out: dict[str, str]
    notes: dict[str, str]


def find_one_sky(
    survey: SurveyFolder,
    *,
    cache: Path,
    radius_arcsec: float | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> OneSky:
    """Pair a survey's objects by their positions, and by their pixels where some have none.

    Parameters
    ----------
    cache
        Folder in which the search by pixels is kept.
    radius_arcsec
        Positions nearer than this are a pair; default: half the side of a cutout.

    Raises
    ------
    CorruptFolder
        If the survey is damaged.
    """
    left_out, notes = {}, {}
    ra, dec = (_floats(survey, name) for name in ("ra_deg", "dec_deg"))
    n_placed = int(np.isfinite(ra).sum())
    scale = survey.info.pixel_scale_arcsec
    if radius_arcsec is None and scale is not None and survey.has_cutouts:
        radius_arcsec = _SHARE_OF_SIDE * survey.info.field_px * scale
    if n_placed < 2:
        left_out[_BY_PLACE] = "no two objects have positions"
    elif radius_arcsec is None:
        left_out[_BY_PLACE] = "the pixel scale is unknown; give --radius in arcsec"
    elif n_placed < len(survey):
        notes[_BY_PLACE] = f"{n_placed} of {len(survey)} objects have positions"
    if _BY_PLACE in left_out:
        radius_arcsec, ra = None, np.full(len(ra), np.nan)
    pairs = pairs_by_place(ra, dec, radius_arcsec or 0.0)
    if not survey.has_cutouts:
        left_out[_BY_PIXELS] = "the survey is a catalogue without images"
    elif n_placed == len(survey) and radius_arcsec is not None:
        left_out[_BY_PIXELS] = "every object has a position"
    else:
        pairs = pairs.joined(pairs_by_pixels(survey, cache, progress=progress))
        if scale is None:
            notes[_BY_PIXELS] = "the pixel scale is unknown: views of one sky at two scales are not found"
    return OneSky(pairs, radius_arcsec, left_out, notes)


def _floats(survey: SurveyFolder, name: str) -> NDArray[np.float64]:
    return np.asarray(survey.objects.column(name).to_numpy(zero_copy_only=False), dtype=np.float64)
