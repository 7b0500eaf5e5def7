"""The input contract that suits a survey: field, scale and stretch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from survey.archive import SurveyFolder, SurveyInfo
from survey.bands import BAND_SETS
from survey.contract import InputContract

__all__ = ["NotFittable", "choose_contract", "sky_noise"]

# What the descriptions look at around a galaxy: DESIGN's 24 arcsec.
RADIUS_ARCSEC = 24.0
_MIN_INPUT_PX = 64
_SDSS_FIELD_PX, _SDSS_INPUT_PX, _SDSS_SCALE_ARCSEC = 84, 64, 0.396
# Median sky noise of real SDSS cutouts, nanomaggy per 0.396 arcsec pixel, ugriz.
_SDSS_SKY_NOISE = (0.051, 0.019, 0.029, 0.046, 0.171)
_MIN_COVERAGE_PX = 40
_NOISE_SAMPLE = 256
_BORDER_SHARE = 0.1
_GAUSSIAN_MAD = 1.4826


class NotFittable(ValueError):
    """A survey that no model can be fitted on: no images, too few, or no sky to measure the noise on."""


def choose_contract(
    info: SurveyInfo, *, display: bool = False, noise: Sequence[float] | None = None
) -> InputContract:
    """Choose field, scale and stretch for a survey.

    Display images keep their whole field, averaged down to at least 64 px a side. SDSS-like ugriz gets the
    84 px field and 64 px input of 0.396 arcsec. Other fluxes keep the central 24 arcsec radius, averaged
    down in the same way.

    Parameters
    ----------
    display
        Whether a flux survey is to be rendered to colour.
    noise
        Sky noise per band, nanomaggy per pixel: fluxes are stretched by ``asinh(flux / noise)``. Default for
        SDSS ugriz: the noise of real SDSS cutouts.

    Raises
    ------
    NotFittable
        If the survey is a catalogue, or its noise is needed and not given.
    """
    if info.bands is None or info.field_px == 0:
        raise NotFittable(f"survey {info.name} is a catalogue without images; import images to fit a model")
    scale = info.pixel_scale_arcsec
    if display or info.bands.is_display:
        field_px, input_px = _shrunk(info.field_px)
        bands = BAND_SETS["display-rgb"]
        return InputContract(
            bands=bands,
            pixel_scale_arcsec=scale,
            field_px=field_px,
            input_px=input_px,
            stretch="unit",
            shrink=True,
            min_coverage_px=min(_MIN_COVERAGE_PX, field_px),
        )
    if noise is None and info.bands == BAND_SETS["sdss-ugriz"]:
        noise = _SDSS_SKY_NOISE
    if noise is None:
        raise NotFittable(
            f"bands {','.join(info.bands.names)} have no standard sky noise; measure it with sky_noise"
        )
    if _is_sdss_like(info):
        field_px, input_px = _SDSS_FIELD_PX, _SDSS_INPUT_PX
    else:
        wanted = info.field_px if scale is None else 2 * math.ceil(RADIUS_ARCSEC / scale) + 2
        field_px, input_px = _shrunk(min(info.field_px, wanted))
    return InputContract(
        bands=info.bands,
        pixel_scale_arcsec=scale,
        field_px=field_px,
        input_px=input_px,
        stretch="asinh",
        softening=tuple(float(sigma) for sigma in noise),
        shrink=not _is_sdss_like(info),
        min_coverage_px=min(_MIN_COVERAGE_PX, field_px),
    )


def sky_noise(survey: SurveyFolder, rows: Sequence[int]) -> tuple[float, ...]:
    """Measure the sky noise per band on the borders of 256 cutouts.

    Parameters
    ----------
    rows
        Where to look; evenly spaced ones are taken when there are more.

    Returns
    -------
    tuple of float
        Median over cutouts of 1.4826 times the median absolute deviation of the outermost tenth, nanomaggy
        per pixel.

    Raises
    ------
    NotFittable
        If a band has no measurable noise: every border is empty or constant.
    """
    per_cutout: list[NDArray[np.float64]] = []
    for row in (rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, _NOISE_SAMPLE).astype(int))):
        ((_, (cutout,)),) = survey.scan(row, row + 1)
        height, width = cutout.shape
        border = np.ones((height, width), dtype=np.bool_)
        margin = max(1, round(_BORDER_SHARE * min(height, width)))
        border[margin : height - margin, margin : width - margin] = False
        usable = cutout.good() & border
        per_cutout.append(
            np.array([_mad(plane[use]) for plane, use in zip(cutout.flux, usable, strict=True)])
        )
    noise = np.array(per_cutout)
    medians = [float(np.median(column[column > 0])) if (column > 0).any() else 0.0 for column in noise.T]
    assert survey.info.bands is not None
    silent = [name for name, sigma in zip(survey.info.bands.names, medians, strict=True) if not sigma > 0]
    if silent:
        raise NotFittable(
            f"no sky noise measurable in {','.join(silent)} of survey {survey.info.name}; give a contract"
        )
    return tuple(medians)


def _mad(values: NDArray[np.float32]) -> float:
    if not len(values):
        return 0.0
    return float(_GAUSSIAN_MAD * np.median(np.abs(values - np.median(values))))


def _is_sdss_like(info: SurveyInfo) -> bool:
    scale = info.pixel_scale_arcsec
    same_scale = scale is not None and abs(scale / _SDSS_SCALE_ARCSEC - 1) < 0.01
    return info.bands == BAND_SETS["sdss-ugriz"] and same_scale and info.field_px >= _SDSS_FIELD_PX


def _shrunk(available_px: int) -> tuple[int, int]:
    """Field and input: the largest whole shrinking that leaves at least 64 px a side."""
    block = max(1, available_px // _MIN_INPUT_PX)
    input_px = available_px // block
    return input_px * block, input_px
