"""Cutouts to the calibrated fields of a contract, colour rendering included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from survey.bands import BAND_SETS, BandMismatch
from survey.contract import Calibrated, ContractViolation, InputContract
from survey.cutout import Cutout
from survey.rendering import rgb_planes, to_rgb

__all__ = ["Rejection", "as_display", "field_for", "fields_for"]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a cutout has no embedding.

    Attributes
    ----------
    code
        Stable slug, for example ``fits.band_missing``.
    message
        What is wrong, with the limit and the remedy.
    """

    code: str
    message: str


def as_display(cutout: Cutout) -> Cutout:
    """Render a flux cutout to the display bands, as a decoded JPEG of the same sky would come: north up.

    Parameters
    ----------
    cutout
        Any bands; a display cutout is returned as it is.

    Returns
    -------
    Cutout
        0..255 counts, shape (3, H, W); a pixel is masked where one of the three bands shown has no value.
    """
    if cutout.bands.is_display:
        return cutout
    counts = to_rgb(cutout).transpose(2, 0, 1).astype(np.float32)
    good = cutout.good()
    shown = good[list(rgb_planes(cutout.bands, np.asarray(good.any(axis=(1, 2)))))]
    unusable = ~np.all(shown[:, ::-1], axis=0)
    return replace(
        cutout,
        flux=np.ascontiguousarray(counts),
        bands=BAND_SETS["display-rgb"],
        ivar=None,
        mask=np.broadcast_to(unusable, counts.shape) if np.any(unusable) else None,
        is_calibrated=False,
        # Pictures run from the top down.
        offset_px=(-cutout.offset_px[0], cutout.offset_px[1]),
    )


def field_for(contract: InputContract, cutout: Cutout) -> Calibrated:
    """Calibrate one cutout; a display contract gets a flux cutout rendered to colour.

    Raises
    ------
    BandMismatch
        If a band is missing.
    ContractViolation
        If the field does not fit the contract otherwise.
    """
    return contract.calibrate(as_display(cutout) if contract.is_display else cutout)


def fields_for(contract: InputContract, cutouts: Iterable[Cutout]) -> list[Calibrated | Rejection]:
    """Calibrate cutouts in order; what cannot be calibrated is named in its place."""
    return [_attempt(contract, cutout) for cutout in cutouts]


def _attempt(contract: InputContract, cutout: Cutout) -> Calibrated | Rejection:
    try:
        return field_for(contract, cutout)
    except ContractViolation as violation:
        return Rejection(violation.code, str(violation))
    except BandMismatch as mismatch:
        return Rejection("fits.band_missing", str(mismatch))
