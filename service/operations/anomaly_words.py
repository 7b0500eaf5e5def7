"""How odd a galaxy is and why, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["DEFECT_WORDS", "oddity", "reason"]

#: Defects as people say them.
DEFECT_WORDS: Final = {
    "missing_band": "a band is missing",
    "constant": "a band has one value throughout",
    "masked": "pixels are masked",
    "off_edge": "it leaves the image",
    "blank": "the image is blank",
    "saturated": "pixels are saturated",
    "trail": "a trail crosses it",
    "cosmic_rays": "cosmic rays hit it",
    "bad_sky": "the sky was not subtracted well",
}


def reason(
    percentile: float | None,
    cause: str | None,
    p_data_quality: float | None,
    p_blend: float | None,
    defects: Sequence[str],
) -> str:
    """Say how odd a galaxy is, and what explains it.

    Parameters
    ----------
    percentile
        Share of normal galaxies that are less odd, in per cent.
    cause, p_data_quality, p_blend, defects
        Of the galaxy; None where its pixels were not looked at.
    """
    return f"{oddity(percentile)}: {_why(cause, p_data_quality, p_blend, defects)}."


def oddity(percentile: float | None) -> str:
    """Say how odd a galaxy is."""
    if percentile is None:
        return "Of unknown oddity"
    # Never rounded to 100 %, which none is known to reach.
    text = (
        f"{min(percentile, 99.999):.3f}".rstrip("0").rstrip(".") if percentile > 99.9 else f"{percentile:.1f}"
    )
    return f"Odder than {text} % of normal galaxies"


def _why(
    cause: str | None, p_data_quality: float | None, p_blend: float | None, defects: Sequence[str]
) -> str:
    found = ", ".join(DEFECT_WORDS.get(name, name.replace("_", " ")) for name in defects)
    if cause == "data_quality":
        return f"{found or 'the data look wrong'} ({p_data_quality or 0:.0%} data quality)"
    also = f", though {found}" if found else ""
    if cause == "blend":
        return f"a neighbour on the sky adds its light ({p_blend or 0:.0%} blend){also}"
    if cause == "astrophysical":
        likely = max(0.0, 1 - (p_data_quality or 0) - (p_blend or 0))
        return f"neither the data nor a neighbour explains it ({likely:.0%} astrophysical){also}"
    return "its pixels were not looked at, so that the cause is unknown"
