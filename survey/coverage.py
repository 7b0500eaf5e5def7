"""What a field must hold before a model may judge it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from survey.bands import BandSet
from survey.measures import aperture_px

__all__ = ["ContractViolation", "beyond", "check_coverage"]

# The share of the centre that may be masked: holes up to there are filled from around them (resample.fill_holes),
# and in larger ones the galaxy itself is guessed.
_MAX_MASKED = 0.25


class ContractViolation(ValueError):
    """A cutout that cannot be brought to what the model was trained on.

    Attributes
    ----------
    code
        Stable slug, for example ``fits.band_missing``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def beyond(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where the image has ended: what is unknown in all bands and reaches in from the border, shape (H, W).

    A stamp that was turned has such corners, and so has one that was cut at the edge of a frame; a hole inside
    is masked, not beyond.

    Parameters
    ----------
    known
        True where a pixel can be used, shape (C, H, W).
    """
    unknown = ~known.any(axis=0)
    if not unknown.any():
        return np.asarray(unknown)
    regions, _ = label(unknown)
    border = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    return np.asarray(unknown & np.isin(regions, border[border > 0]))


def check_coverage(
    field: NDArray[np.float32],
    known: NDArray[np.bool_],
    covered: NDArray[np.bool_],
    *,
    bands: BandSet,
    core: int,
    span: int,
) -> list[str]:
    """Refuse a field without enough of a galaxy in it, name what is missing.

    Parameters
    ----------
    field, known
        Shape (C, F, F).
    covered
        True inside the image, shape (F, F).
    core
        Diameter of the central disc that must be covered: a disc, so that no stamp loses it by being turned.
    span
        Side of the central square that the network sees.

    Returns
    -------
    list of str
        Of the flags ``band_missing``, ``masked``, ``partial_field``.

    Raises
    ------
    ContractViolation
        ``fits.too_small``, ``fits.masked`` (more than a quarter of the disc, or of the aperture in which galaxies
        are measured, in a band that has pixels) or ``fits.blank``.
    """
    if known.all() and covered.all():
        _refuse_one_value(float(np.ptp(field)))
        return []
    present = np.asarray(known.any(axis=(1, 2)))
    if not present.any():
        raise ContractViolation(
            "fits.masked", "No usable pixel: all are masked, NaN or without weight. Send an image with data."
        )
    covered = covered & ~beyond(known)
    disc = _disc(field.shape[-1], core)
    if not covered[disc].all():
        raise ContractViolation(
            "fits.too_small",
            f"The image does not cover the central {core} model pixels, a disc around the target. Send a larger "
            "cutout around the target.",
        )
    names = np.asarray(bands.names)[present]
    share = _refuse_holes(known[present], disc, names, f"central {core} px")
    # A small galaxy fits into a quarter of the disc: what is measured of it must be there too.
    aperture = _disc(field.shape[-1], 2 * aperture_px(field.shape[-1]))
    _refuse_holes(known[present], aperture, names, "central aperture")
    _refuse_one_value(float(np.ptp(field[known])))
    conditions = {
        "band_missing": not present.all(),
        "masked": share.min() < 1,
        "partial_field": not _centre(covered, span).all(),
    }
    return [flag for flag, holds in conditions.items() if holds]


def _refuse_one_value(spread: float) -> None:
    if spread == 0:
        raise ContractViolation("fits.blank", "Every pixel has the same value. Send an image with a galaxy.")


def _refuse_holes(
    known: NDArray[np.bool_], region: NDArray[np.bool_], names: NDArray[np.str_], where: str
) -> NDArray[np.float64]:
    """Return the share of a region that is known in each band; ``fits.masked`` where it is too small."""
    seen = known[:, region]
    if seen.all():
        return np.ones(len(known))
    share: NDArray[np.float64] = seen.mean(axis=1)
    worst = int(share.argmin())
    if share[worst] < 1 - _MAX_MASKED:
        raise ContractViolation(
            "fits.masked",
            f"{100 * (1 - share[worst]):.0f} % of the {where} are masked or NaN in {names[worst]} "
            f"(limit {100 * _MAX_MASKED:.0f} %). Send an image with data there.",
        )
    return share


@lru_cache(maxsize=32)
def _disc(side: int, diameter: float) -> NDArray[np.bool_]:
    """Return the pixels of a square whose middles lie within a disc around its middle, shape (side, side)."""
    axis = np.arange(side) - (side - 1) / 2
    return np.asarray(np.hypot(axis[:, None], axis) <= diameter / 2)


def _centre(planes: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Return the central square of planes."""
    start = (planes.shape[-1] - side) // 2
    return planes[..., start : start + side, start : start + side]
