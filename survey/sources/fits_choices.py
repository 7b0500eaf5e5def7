"""What a survey of FITS cutouts stores, from a sample of them and the user's choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from survey.bands import BandSet
from survey.ingest import CutoutRejected, Understood
from survey.sources.fits_decoder import FITSDecoder
from survey.sources.table_files import UnreadableTable

__all__ = ["Choices", "sample_cutouts", "settle"]

_SAMPLE = 12
_MAX_FIELD_PX = 512
_SCALE_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user says about the cutouts; None where the files shall tell.

    Attributes
    ----------
    bands
        As in :class:`survey.ingest.Overrides`, for every object.
    pixel_scale_arcsec
        Of the *survey*: cutouts of another scale are resampled to it, cutouts without one are taken to have it.
    field_px
        Side to store; larger cutouts are cut, smaller ones surrounded by unknown pixels.
    zeropoint
        AB magnitude of one count, for files that do not say.
    hdu
        The HDU with the image.
    aperture_arcsec
        Radius in which fluxes are measured where the table has none.
    flux_unit
        Unit of the table's ``flux_<band>``, where the table does not state it.
    """

    bands: str | None = None
    pixel_scale_arcsec: float | None = None
    field_px: int | None = None
    zeropoint: float | None = None
    hdu: int | None = None
    aperture_arcsec: float = 4.0
    flux_unit: str | None = None


def sample_cutouts(decoder: FITSDecoder, n: int) -> list[Understood]:
    """Read some of the cutouts as they are."""
    found: list[Understood] = []
    first: CutoutRejected | None = None
    for row in np.unique(np.linspace(0, n - 1, min(n, _SAMPLE)).astype(int)):
        try:
            found.append(decoder.understand(int(row)))
        except CutoutRejected as error:
            first = first or error
    if not found:
        assert first is not None
        raise first
    return found


def settle(sample: Sequence[Understood], choices: Choices) -> tuple[BandSet, float | None, int, bool]:
    """Choose bands, pixel scale, size and noise for the survey from a sample and the user's choices."""
    cutouts = [u.cutout for u in sample]
    bands = cutouts[0].bands
    uncalibrated = next((u for u in sample if not u.cutout.is_calibrated), None)
    if uncalibrated is not None:
        text = next(text for step, text in uncalibrated.report.steps if step == "units")
        raise CutoutRejected("fits.units_unknown", f"{text} A survey holds nanomaggies: give `--zeropoint`.")
    scales = [c.pixel_scale_arcsec for c in cutouts if c.pixel_scale_arcsec is not None]
    scale = choices.pixel_scale_arcsec
    if scale is None and scales:
        if max(scales) / min(scales) > 1 + _SCALE_TOLERANCE:
            raise UnreadableTable(
                f"pixel scales run from {min(scales):.3g} to {max(scales):.3g} arcsec. Choose one to resample to, "
                f"for example `--pixel-scale {max(scales):.3g}`."
            )
        scale = float(np.median(scales))
    sides = [
        min(c.shape)
        if scale is None or c.pixel_scale_arcsec is None
        else int(min(c.shape) * c.pixel_scale_arcsec / scale + 0.01)
        for c in cutouts
    ]
    side = choices.field_px
    if side is None:
        if max(sides) > min(sides):
            raise UnreadableTable(
                f"cutouts have {min(sides)} to {max(sides)} px. Choose what to store, for example `--field-px "
                f"{min(sides)}`: larger ones are cut, smaller ones filled with unknown pixels."
            )
        side = min(sides)
        if side > _MAX_FIELD_PX:
            raise UnreadableTable(
                f"cutouts have {side} px; choose what to store, for example `--field-px 128`."
            )
    return bands, scale, side, any(c.ivar is not None for c in cutouts)
