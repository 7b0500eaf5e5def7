"""How far files of one galaxy lead to one answer: the field, the embedding, the ten nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from support.galaxy_files import Written

from survey.bands import BAND_SETS
from survey.contract import InputContract
from survey.fits.reader import read_fits
from survey.ingest import Overrides, parse_zeropoints

__all__ = ["Field", "allowed_difference", "field_of", "overlap", "overrides_of"]

_UGRIZ = BAND_SETS["sdss-ugriz"]


@dataclass(frozen=True, eq=False)
class Field:
    """What the model is fed.

    Attributes
    ----------
    flux
        De-reddened nanomaggies of the part that the network sees, shape (5, S, S).
    field
        The whole calibrated field, shape (5, F, F).
    flags
        Of the reader and of the contract.
    """

    flux: np.ndarray
    field: np.ndarray
    flags: tuple[str, ...]


def overrides_of(query: dict[str, str]) -> Overrides:
    """Return what the query string of an upload says."""
    number = {key: float(query[key]) for key in ("pixscale", "ra", "dec") if key in query}
    return Overrides(
        bands=query.get("bands"),
        zeropoint=parse_zeropoints(query.get("zeropoint")),
        pixel_scale_arcsec=number.get("pixscale"),
        ra_deg=number.get("ra"),
        dec_deg=number.get("dec"),
    )


def field_of(written: Written, contract: InputContract) -> Field:
    """Read and calibrate files as an upload is."""
    understood = read_fits(written.files, overrides=overrides_of(written.query))
    # Filters of other systems stand in by wavelength, as the service has it.
    cutout = replace(understood.cutout, bands=_UGRIZ)
    calibrated = contract.calibrate(cutout)
    edge = (contract.field_px - contract.input_px) // 2
    inner = slice(edge, edge + contract.input_px)
    flags = (*understood.report.flags, *calibrated.flags)
    return Field(calibrated.field[:, inner, inner], calibrated.field, flags)


def overlap(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the share of one list of neighbours that is in another."""
    return len(set(first) & set(second)) / len(first)


def allowed_difference(
    reference: np.ndarray, *, scale: float, model_scale: float, turned: bool
) -> np.ndarray:
    """Return the largest difference per band that interpolation explains, shape (5,).

    To second order, with h the side of an input pixel and I'' the curvature of the light along an axis: pixels
    taken as constant inside and cut by the edges of others (survey.resample) miss up to ``h**2 / 8 * I''``, when
    the cut goes through the middle; linear interpolation between the means of pixels, on the way to a turned grid,
    up to ``h**2 / 6 * I''`` (h**2 / 8 between neighbours, h**2 / 24 for means instead of values).
    """
    bend = 0.0
    if turned:
        bend += scale**2 / 6
    if turned or abs(scale / model_scale - 1) > 0.005:
        bend += scale**2 / 8
    curvature = np.stack([np.abs(_second(plane, 0)) + np.abs(_second(plane, 1)) for plane in reference])
    return bend / model_scale**2 * curvature.max(axis=(1, 2))


def _second(plane: np.ndarray, axis: int) -> np.ndarray:
    return np.roll(plane, 1, axis) + np.roll(plane, -1, axis) - 2 * plane
