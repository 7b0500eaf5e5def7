"""What a field must hold before a model may judge it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from survey.bands import BandSet

__all__ = ["ContractViolation", "check_coverage"]

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
        Side of the central square that must be covered.
    span
        Side of the central square that the network sees.

    Returns
    -------
    list of str
        Of the flags ``band_missing``, ``masked``, ``partial_field``.

    Raises
    ------
    ContractViolation
        ``fits.too_small``, ``fits.masked`` or ``fits.blank``.
    """
    if not _centre(covered, core).all():
        raise ContractViolation(
            "fits.too_small",
            f"The image does not cover the central {core} × {core} model pixels. Send a larger cutout around the "
            "target.",
        )
    present = np.asarray(known.any(axis=(1, 2)))
    if not present.any():
        raise ContractViolation(
            "fits.masked", "No usable pixel: all are masked, NaN or without weight. Send an image with data."
        )
    share = _centre(known[present], core).mean(axis=(1, 2))
    worst = int(share.argmin())
    if share[worst] < 1 - _MAX_MASKED:
        name = np.asarray(bands.names)[present][worst]
        raise ContractViolation(
            "fits.masked",
            f"{100 * (1 - share[worst]):.0f} % of the central {core} px are masked or NaN in {name} "
            f"(limit {100 * _MAX_MASKED:.0f} %). Send an image with data there.",
        )
    if np.ptp(field[known]) == 0:
        raise ContractViolation("fits.blank", "Every pixel has the same value. Send an image with a galaxy.")
    conditions = {
        "band_missing": not present.all(),
        "masked": share.min() < 1,
        "partial_field": not _centre(covered, span).all(),
    }
    return [flag for flag, holds in conditions.items() if holds]


def _centre(planes: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Return the central square of planes."""
    start = (planes.shape[-1] - side) // 2
    return planes[..., start : start + side, start : start + side]
